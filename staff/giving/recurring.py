"""Recurring donations as staff see them: state, amount, next payment; who gives stays sealed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import Date, Uuid, func, literal, select, tuple_

from config.database import db
from donate.models import Donation, RecurringDonation, RecurringState
from staff.giving.gifts import GiftRow, rows_of
from staff.people.deeds import parse_place

PAGE = 50
SHOWN = (
    RecurringState.ACTIVE,
    RecurringState.AT_RISK,
    RecurringState.PAUSED,
    RecurringState.ENDED,
)
MAY_END = frozenset({RecurringState.ACTIVE, RecurringState.AT_RISK, RecurringState.PAUSED})


@dataclass(frozen=True)
class RecurringPage:
    """One recurring donation with its payments, the newest first."""

    recurring: RecurringDonation
    payments: list[GiftRow]

    @property
    def may_end(self) -> bool:
        """Whether it runs, and nobody has ended it yet."""
        return may_end(self.recurring)


def may_end(recurring: RecurringDonation) -> bool:
    """Whether it runs, and nobody has ended it yet."""
    return recurring.state in MAY_END and not recurring.end_reason


def place_of(recurring: RecurringDonation) -> str:
    """Where in the order it stands, as an address says it."""
    return f"{recurring.day.isoformat()}.{recurring.id.hex}"


def page_of_recurring(state: str, after: str = "", size: int = PAGE) -> list[RecurringDonation]:
    """The next `size` in a state, the newest first, and one more where there is one."""
    model = RecurringDonation
    rows = select(model).where(model.state == state)
    if place := parse_place(after):
        last = tuple_(literal(place[0], Date()), literal(place[1], Uuid()))
        rows = rows.where(tuple_(model.day, model.id) < last)
    return list(
        db.session.scalars(rows.order_by(model.day.desc(), model.id.desc()).limit(size + 1))
    )


def counts_by_state() -> dict[str, int]:
    """How many there are in each state that is shown."""
    rows = db.session.execute(
        select(RecurringDonation.state, func.count())
        .where(RecurringDonation.state.in_(SHOWN))
        .group_by(RecurringDonation.state)
    )
    counts = {state: int(n) for state, n in rows}
    return {state: counts.get(state, 0) for state in SHOWN}


def find_recurring(recurring_id: uuid.UUID) -> RecurringPage | None:
    """One with its payments; None where there is none of this id."""
    found = db.session.get(RecurringDonation, recurring_id)
    if found is None:
        return None
    return RecurringPage(found, rows_of(Donation.recurring_id == recurring_id))


def recurring_of(contact_id: uuid.UUID) -> list[RecurringDonation]:
    """What one person gives again and again, the newest first."""
    model = RecurringDonation
    rows = select(model).where(model.contact_id == contact_id)
    return list(db.session.scalars(rows.order_by(model.day.desc(), model.id.desc())))
