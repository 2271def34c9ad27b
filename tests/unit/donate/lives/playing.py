"""Plays lives and keeps what came of them, for comparing and for the table."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.unit.donate.lives.scripts import Life
from tests.unit.donate.lives.snapshot import Books, our_balance, read_books, their_balance
from tests.unit.donate.lives.stage import IN_ORDER, Telling
from tests.unit.donate.lives.theatre import Theatre


@dataclass(frozen=True)
class Played:
    """What one life has left behind."""

    books: Books
    balance: dict[str, int]  # Stripe's own, and ours
    types: list[str]  # of the events that were to be told


@dataclass
class Playbill:
    """Every life that was played in this run."""

    theatre: Theatre
    references: dict[str, Played] = field(default_factory=dict)
    # life, how it was told -> how often the books were the same, and which mails fell away
    same: dict[str, dict[str, list[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    deaths: dict[str, int] = field(default_factory=dict)

    def reference(self, life: Life) -> Played:
        """The life, told in order as it happens."""
        if life.name not in self.references:
            self.references[life.name] = self.play(life, IN_ORDER)
        return self.references[life.name]

    def play(self, life: Life, telling: Telling, engine: str = "sqlite") -> Played:
        """Play it, and hold its books to Stripe's own; over sockets where it is told in order."""
        self.theatre.line.is_on = telling is not IN_ORDER
        with self.theatre.stage(telling, engine) as stage:
            life.play(stage)
            stage.finish()
            books, balance = read_books(stage.desk), their_balance(stage.desk)
            assert our_balance(stage.desk) == balance
            compared = stage.compare()
            assert compared.differences == []
            assert compared.recorded == []
            assert read_books(stage.desk) == books  # looking changes nothing
            return Played(books, balance, stage.types)

    def assert_same(self, life: Life, played: Played, column: str) -> None:
        """All but the mails that are not due any more to somebody who is told late."""
        expected = self.reference(life)
        for part, rows in expected.books.items():
            if part != "mails":
                assert played.books[part] == rows, part
        fewer = expected.books["mails"] - played.books["mails"]
        assert played.books["mails"] - expected.books["mails"] == Counter()
        assert set(fewer) <= life.passing, fewer
        self.same[life.name][column].append(", ".join(sorted(fewer)))

    def note_deaths(self, name: str, points: int) -> None:
        """So many points to die at, and all was well after each."""
        self.deaths[name] = max(points, self.deaths.get(name, 0))
