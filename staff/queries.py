"""The figures of the first page: from the tallies alone, which needs no key and reads few rows."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import CompoundSelect, String, cast, func, select

from config.database import db
from config.settings import settings
from contacts.models import Tally, TallyDelta
from mail.models import State
from mail.queries import counts_by_state, oldest_waiting
from staff.deeds import volunteer_waiting_since
from staff.models import StaffMember
from vault.services import VaultMissing, state_of_keys

REVIEWED = ("new", "contacted", "active", "declined")
LEAST_SHOWN = 5  # fewer from one country could point at a person
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Given:
    """Donations for one fund in one month and currency; minor units."""

    month: str  # 2026-03
    fund: str
    currency: str
    amount_minor: int
    count: int


@dataclass(frozen=True)
class PetitionFigures:
    """How a petition stands."""

    slug: str
    confirmed: int
    pending: int
    this_week: int


@dataclass(frozen=True)
class Waiting:
    """What waits: mail in the outbox, a volunteer since some day, keys that are not at hand."""

    mail: int
    mail_failed: int
    is_worker_late: bool
    volunteer_since: date | None
    lacks_index_key: bool
    lacks_vault: bool


@dataclass
class Figures:
    """All counts, from one statement."""

    today: date
    by_month: dict[tuple[str, str, str], int] = field(default_factory=dict)
    this_week: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def month(self) -> str:
        """This month, as 2026-03."""
        return self.today.isoformat()[:7]

    def total(self, kind: str, subject: str | None = None) -> int:
        """A count over all months."""
        return sum(
            n
            for (its_kind, its_subject, _month), n in self.by_month.items()
            if its_kind == kind and subject in {None, its_subject}
        )

    def new_volunteers(self) -> int:
        """Sign-ups confirmed this week: a step of review moves a count, and adds none."""
        return sum(self.this_week.get((f"volunteer.{state}", "volunteer"), 0) for state in REVIEWED)

    def new_signatures(self) -> int:
        """Signatures confirmed this week."""
        return sum(n for (kind, _), n in self.this_week.items() if kind == "signature.confirmed")

    def volunteers(self) -> dict[str, int]:
        """Volunteers by state, the unconfirmed last."""
        states = (*REVIEWED, "pending")
        return {state: self.total(f"volunteer.{state}") for state in states}

    def petitions(self) -> list[PetitionFigures]:
        """Each petition that somebody has signed, the most signed first."""
        slugs = {s for kind, s, _month in self.by_month if kind.startswith("signature.")}
        rows = [
            PetitionFigures(
                slug,
                self.total("signature.confirmed", slug),
                self.total("signature.pending", slug),
                self.this_week.get(("signature.confirmed", slug), 0),
            )
            for slug in slugs
        ]
        return sorted(rows, key=lambda row: (-row.confirmed, row.slug))

    def given(self) -> list[Given]:
        """Donations by month, fund and currency, the newest month first."""
        rows = [
            Given(month, fund, kind[-3:], n, self.by_month.get((_counts(kind), fund, month), 0))
            for (kind, fund, month), n in self.by_month.items()
            if kind.startswith("donation.amount.") and n
        ]
        rows.sort(key=lambda row: (row.fund, row.currency))
        return sorted(rows, key=lambda row: row.month, reverse=True)

    def given_in(self, month: str) -> dict[str, int]:
        """Donations of one month by currency, in minor units."""
        sums: dict[str, int] = defaultdict(int)
        for row in self.given():
            if row.month == month:
                sums[row.currency] += row.amount_minor
        return {currency: sums[currency] for currency in _in_order(sums)}

    def currencies(self) -> list[str]:
        """The currencies that donations came in."""
        return _in_order({row.currency for row in self.given()})


def read_figures(today: date) -> Figures:
    """Read all counts, folded and not yet folded, in one statement: each is in exactly one half."""
    first_of_week = (today - WEEK + timedelta(days=1)).isoformat()
    both = _all_days().subquery()
    month = func.substr(both.c.day, 1, 7)
    recent = func.sum(both.c.n).filter(both.c.day >= first_of_week)
    rows = db.session.execute(
        select(both.c.kind, both.c.subject, month, func.sum(both.c.n), recent).group_by(
            both.c.kind, both.c.subject, month
        )
    )
    figures = Figures(today)
    for kind, subject, its_month, n, n_recent in rows:
        figures.by_month[kind, subject, its_month] = int(n)
        seen = figures.this_week.get((kind, subject), 0)
        figures.this_week[kind, subject] = seen + int(n_recent or 0)
    return figures


def counts_by_day(kinds: list[str], since: date) -> dict[str, dict[date, int]]:
    """The counts of several kinds by day, over all subjects."""
    both = _all_days().subquery()
    rows = db.session.execute(
        select(both.c.kind, both.c.day, func.sum(both.c.n))
        .where(both.c.kind.in_(kinds), both.c.day >= since.isoformat())
        .group_by(both.c.kind, both.c.day)
    )
    counts: dict[str, dict[date, int]] = {kind: {} for kind in kinds}
    for kind, day, n in rows:
        counts[kind][date.fromisoformat(day)] = int(n)
    return counts


def countries() -> dict[str, list[tuple[str, int]]]:
    """Confirmed deeds by kind and country, the largest first; groups below five are left out."""
    folded = select(
        Tally.kind.label("kind"), Tally.value.label("country"), Tally.n.label("n")
    ).where(Tally.facet == "country")
    waiting = select(TallyDelta.kind, TallyDelta.country, TallyDelta.n)
    both = folded.union_all(waiting.where(TallyDelta.country != "")).subquery()
    rows = db.session.execute(
        select(both.c.kind, both.c.country, func.sum(both.c.n)).group_by(
            both.c.kind, both.c.country
        )
    )
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for kind, country, n in rows:
        sums[kind.partition(".")[0]][country] += int(n)
    shown = {}
    for deed, counts in sorted(sums.items()):
        large = [(country, n) for country, n in counts.items() if n >= LEAST_SHOWN]
        shown[deed] = sorted(large, key=lambda pair: (-pair[1], pair[0]))
    return {deed: rows for deed, rows in shown.items() if rows}


def read_waiting(since: float) -> Waiting:
    """What waits. `since` is the moment (UTC, seconds) before which due mail should have gone."""
    mail = counts_by_state()
    oldest = oldest_waiting()
    try:
        lacks_index_key, lacks_vault = not state_of_keys().has_index_key, False
    except VaultMissing:
        lacks_index_key, lacks_vault = False, True
    return Waiting(
        mail=mail[State.QUEUED] + mail[State.SENDING],
        mail_failed=mail[State.FAILED],
        is_worker_late=oldest is not None and oldest.timestamp() < since,
        volunteer_since=volunteer_waiting_since(),
        lacks_index_key=lacks_index_key,
        lacks_vault=lacks_vault,
    )


def _all_days() -> CompoundSelect[str, str, str, int]:
    folded = select(
        Tally.kind.label("kind"), Tally.subject.label("subject"), Tally.value.label("day"),
        Tally.n.label("n"),
    ).where(Tally.facet == "day")  # fmt: skip
    waiting = select(
        TallyDelta.kind, TallyDelta.subject, cast(TallyDelta.day, String), TallyDelta.n
    )
    return folded.union_all(waiting)


def _in_order(currencies: Iterable[str]) -> list[str]:
    """Currencies as the settings list them; sums in different ones cannot be compared."""
    place = {code: n for n, code in enumerate(settings().currencies)}
    return sorted(currencies, key=lambda code: (place.get(code, len(place)), code))


def _counts(kind: str) -> str:
    return kind.replace("donation.amount.", "donation.count.")


def staff_names() -> dict[uuid.UUID, str]:
    """What members of staff are called, for the audit log."""
    rows = db.session.execute(select(StaffMember.id, StaffMember.name))
    return {row.id: row.name for row in rows}
