"""The figures of the first page: from the tallies alone, which needs no key and reads few rows."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import CompoundSelect, String, cast, func, select

from config.database import db
from contacts.models import CopyRequest, Tally, TallyDelta
from donate.books.models import Dispute, Reconciliation
from donate.models import Donation, Review
from mail.models import State
from mail.queries import how_it_stands
from staff.giving.gifts import AWAITS_ANSWER
from staff.models import StaffMember
from staff.work.keyed_waiting import KeyedWaiting, read_keyed_work
from vault.services import VaultMissing, state_of_keys
from volunteers.models import VolunteerSignup

REVIEWED = ("new", "contacted", "active", "declined")
LEAST_SHOWN = 5  # fewer from one country could point at a person
WEEK = timedelta(days=7)


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
    gifts_held: int  # that somebody should look at
    disputes: int  # that somebody should answer at Stripe
    books_differ: int  # from Stripe's, in so many places
    work: KeyedWaiting
    copies: int  # that people asked for


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


def read_figures(today: date) -> Figures:
    """Read all counts, folded and not yet folded, in one statement: each is in exactly one half."""
    first_of_week = (today - WEEK + timedelta(days=1)).isoformat()
    both = _all_days().subquery()
    month = func.substr(both.c.day, 1, 7)
    of_goals = both.c.kind.like("raised.%")  # the same money once more
    recent = func.sum(both.c.n).filter(both.c.day >= first_of_week)
    rows = db.session.execute(
        select(both.c.kind, both.c.subject, month, func.sum(both.c.n), recent)
        .where(~of_goals)
        .group_by(both.c.kind, both.c.subject, month)
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


def read_waiting(since: float, now: datetime) -> Waiting:
    """What waits. `since` is the moment (UTC, seconds) before which due mail should have gone."""
    mail, oldest = how_it_stands()
    volunteer_since, gifts_held, disputes, copies = _what_staff_should_see()
    try:
        lacks_index_key, lacks_vault = not state_of_keys().has_index_key, False
    except VaultMissing:
        lacks_index_key, lacks_vault = False, True
    return Waiting(
        mail=mail[State.QUEUED] + mail[State.SENDING],
        mail_failed=mail[State.FAILED],
        is_worker_late=oldest is not None and oldest.timestamp() < since,
        volunteer_since=volunteer_since,
        lacks_index_key=lacks_index_key,
        lacks_vault=lacks_vault,
        gifts_held=gifts_held,
        disputes=disputes,
        books_differ=sum(map(len, db.session.scalars(select(Reconciliation.differences)))),
        work=read_keyed_work(now),
        copies=copies,
    )


def _what_staff_should_see() -> tuple[date | None, int, int, int]:
    """The day of the oldest sign-up nobody has seen; gifts held; disputes; copies to release."""
    oldest = select(func.min(VolunteerSignup.day)).where(VolunteerSignup.state == "new")
    held = select(func.count()).select_from(Donation).where(Donation.review == Review.HELD)
    disputed = select(func.count()).select_from(Dispute).where(AWAITS_ANSWER)
    asked_for = select(func.count()).where(CopyRequest.released_at.is_(None))
    counts = [one.scalar_subquery() for one in (oldest, held, disputed, asked_for)]
    day, n_held, n_disputed, n_copies = db.session.execute(select(*counts)).one()
    return day, n_held, n_disputed, n_copies


def _all_days() -> CompoundSelect[str, str, str, int]:
    folded = select(
        Tally.kind.label("kind"), Tally.subject.label("subject"), Tally.value.label("day"),
        Tally.n.label("n"),
    ).where(Tally.facet == "day")  # fmt: skip
    waiting = select(
        TallyDelta.kind, TallyDelta.subject, cast(TallyDelta.day, String), TallyDelta.n
    )
    return folded.union_all(waiting)


def staff_names() -> dict[uuid.UUID, str]:
    """What members of staff are called, for the audit log."""
    rows = db.session.execute(select(StaffMember.id, StaffMember.name))
    return {row.id: row.name for row in rows}
