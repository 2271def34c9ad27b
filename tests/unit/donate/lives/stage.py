"""Where a life of a gift is played: donor, Stripe, staff, worker, and how Stripe tells us."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from config.database import db
from demo.stripe import listing
from demo.stripe.ledger import Json
from donate.books import refunds, services
from donate.books.comparison import Comparison, compare_books
from donate.books.reconcile import reconcile
from donate.gateway import LOOKS
from donate.models import Donation
from tests.unit.donate.desk import DEBIT_PAYS, PAYS, Desk

MOST_DAYS = 25  # at once; Stripe lists the events of thirty
ROUNDS = 8  # of telling and working, until nothing new comes of it

Arrange = Callable[[list[Json]], list[Json]]


def as_it_came(events: list[Json]) -> list[Json]:
    """Oldest first."""
    return events


def backwards(events: list[Json]) -> list[Json]:
    """Newest first."""
    return events[::-1]


def by_twins(events: list[Json]) -> list[Json]:
    """Each again at once, as itself and as another event for the same fact."""
    return [told for one in events for told in (one, one, one | {"id": f"{one['id']}twin"})]


@dataclass(frozen=True)
class Telling:
    """How Stripe's events reach us. `lag`: each waits for up to so many acts, None: for the end."""

    name: str
    arrange: Arrange = as_it_came
    lag: int | None = 0
    seed: int = 0
    drops: Callable[[int, Json], bool] = lambda _place, _event: False
    reconciles: bool = False
    forgets: bool = False  # Stripe does not list its events any more


IN_ORDER = Telling("in order")


@dataclass
class Stage:
    """One life, on a fresh installation and a fresh account at Stripe."""

    desk: Desk
    home: Path
    database: str  # its address
    telling: Telling = IN_ORDER
    acts: int = 0
    types: list[str] = field(default_factory=list)  # of each event so far
    waiting: list[tuple[int, Json]] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    seen: int = 0  # the last event that was taken from Stripe

    def __post_init__(self) -> None:
        self.random = random.Random(self.telling.seed)  # noqa: S311 - an order, not a secret

    # What donors do

    def give(self, **typed: str) -> str:
        """Choose a gift, as far as Stripe's page; its session."""
        session_id = self.desk.start(**typed)
        self.sessions.append(session_id)
        self.tell()
        return session_id

    def pay(self, session_id: str, card: str = PAYS) -> None:
        """Type a card there."""
        self.desk.pay(session_id, card)
        self.tell()
        self.wait(5)

    def authenticate(self, path: str) -> None:
        """Tell the bank that it is oneself."""
        self.desk.at_stripe(f"{path}/authenticate", {"answer": "complete"})
        self.tell()
        self.wait(5)

    def debit(self, session_id: str, iban: str = DEBIT_PAYS) -> None:
        """Type a bank account instead."""
        self.desk.debit(session_id, iban)
        self.tell()

    def come_back(self, session_id: str) -> None:
        """See the page of thanks."""
        assert self.desk.come_back(session_id).status_code == 200
        self.work()
        self.tell()

    # What Stripe and banks do

    def order(self, control: str, **what: object) -> Json:
        """Something that a test may order of the stand-in."""
        done: Json = self.desk.control(control, **what)
        self.tell()
        return done

    def wait(self, seconds: float = 0, *, days: float = 0) -> None:
        """Let time pass at Stripe; where days pass, the worker's rounds go on."""
        if seconds:
            self.order("clock", advance=seconds)
        while days > 0:
            self.order("clock", advance=min(days, MOST_DAYS) * 86_400)
            days -= MOST_DAYS
            if self.telling.reconciles and not self.telling.forgets:
                self._catch_up()

    def newest(self, kind: str) -> Json:
        """The newest object of a kind at Stripe."""
        return self.desk.stand_in.account.ledger.all(kind)[0]

    @property
    def now(self) -> datetime:
        """By Stripe's clock."""
        return datetime.fromtimestamp(self.desk.stand_in.account.ledger.now(), UTC)

    # What staff and the worker do

    def refund(self, amount_minor: int) -> None:
        """A member of staff gives so much of the only gift back, and the worker sends it."""
        self.ask_for_refund(amount_minor)
        self.work()
        self.tell()

    def ask_for_refund(self, amount_minor: int) -> None:
        """As staff's form does."""
        with self.desk.app.app_context():
            donation = db.session.scalars(select(Donation)).one()
            now = datetime.now(UTC)
            services.request_refund(donation, amount_minor, "donor-asked", None, now)
            db.session.commit()

    def work(self) -> None:
        """The worker's round."""
        with self.desk.app.app_context():
            refunds.send_refunds(datetime.now(UTC))
        with self.desk.app.app_context():
            refunds.end_refused(datetime.now(UTC))

    def reconcile(self) -> None:
        """What the worker does every quarter of an hour."""
        with self.desk.app.app_context():
            assert not reconcile(self.now).failed

    def compare(self) -> Comparison:
        """What it does once a day."""
        with self.desk.app.app_context():
            return compare_books(self.now, is_whole=True)

    # How we are told

    def tell(self) -> None:
        """After each act: let what is due arrive."""
        self.acts += 1
        for event in self._new():
            self.types.append(event["type"])
            if not self.telling.drops(len(self.types) - 1, event):
                self.waiting.append((self._due(), event))
        due = [event for at, event in self.waiting if at <= self.acts]
        self.waiting = [(at, event) for at, event in self.waiting if at > self.acts]
        self._deliver(due)

    def _due(self) -> int:
        """After which act it arrives."""
        lag = self.telling.lag
        return 1 << 30 if lag is None else self.acts + self.random.randint(0, lag)

    def finish(self) -> None:
        """Let all arrive that is on its way, and the worker do what comes of it."""
        self.wait(3 * 3600)
        for _ in range(ROUNDS):
            late, self.waiting = [event for _, event in self.waiting], []
            self._deliver(late)
            if self.telling.reconciles:
                self._catch_up()
            before = self.seen
            self.work()
            self.tell()
            if self.seen == before:
                return
        raise AssertionError("it never comes to rest")

    def _catch_up(self) -> None:
        kept = listing.EVENT_AGE
        if self.telling.forgets:
            listing.EVENT_AGE = -1
        try:
            self.reconcile()
            if self.telling.forgets:
                self.compare()
        finally:
            listing.EVENT_AGE = kept

    def _new(self) -> list[Json]:
        """The events since we looked last, of the types that we listen to, oldest first."""
        rows = self.desk.stand_in.account.ledger.rows(
            "select seq, body from objects where kind = 'event' and seq > ? order by seq", self.seen
        )
        self.seen = rows[-1]["seq"] if rows else self.seen
        events = [json.loads(row["body"]) for row in rows]
        return [event for event in events if event["type"] in LOOKS]

    def _deliver(self, events: list[Json]) -> None:
        for event in self.telling.arrange(events):
            assert self.desk.tell(event).status_code == 200, event["type"]
