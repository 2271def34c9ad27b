"""What a donor sees of their own giving: each gift with what came back of it, by year."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from sqlalchemy import and_, exists, or_, select

from config.database import db
from donate.books.models import Dispute, Refund, RefundState
from donate.books.services import counts_as_disputed
from donate.models import Donation, Method, RecurringDonation, RecurringState, State

# A begun or abandoned gift is nothing to show; an announced transfer is: it may be on its way.
_SHOWN = or_(
    Donation.state.in_([State.PAID, State.PENDING, State.FAILED]),
    and_(Donation.state == State.CREATED, Donation.method == Method.TRANSFER),
)
ENDING = "ending"  # the donor wants no more; Stripe has not been told yet
_HAS_BEGUN = RecurringDonation.state.not_in(
    [RecurringState.CREATED, RecurringState.OPEN, RecurringState.EXPIRED]
)
# A refund that is asked for will be made: a statement must not count what is about to go.
_RETURNED = [RefundState.REQUESTED, RefundState.PENDING, RefundState.SUCCEEDED]
# What a donor may do with a recurring donation, by where it stands.
_DEEDS: dict[str, tuple[str, ...]] = {
    RecurringState.ACTIVE: ("amount", "pause", "card", "cancel"),
    RecurringState.AT_RISK: ("mend", "card", "amount", "pause", "cancel"),
    RecurringState.PAUSED: ("resume", "amount", "card", "cancel"),
}


@dataclass(frozen=True)
class Gift:
    """One gift as its giver may see it; amounts in minor units of its currency."""

    id: uuid.UUID
    day: date
    amount_minor: int
    currency: str
    fund: str
    state: str
    method: str
    refunded_minor: int = 0
    disputed_minor: int = 0  # taken back by the bank, or held until that is decided
    is_disputed: bool = False  # not decided yet

    @property
    def kept_minor(self) -> int:
        """What remains of a paid gift, less what went back; 0 of any other."""
        gone = self.refunded_minor + self.disputed_minor
        return max(self.amount_minor - gone, 0) if self.state == State.PAID else 0


@dataclass(frozen=True)
class Recurring:
    """A recurring donation as its giver may see it."""

    id: uuid.UUID
    amount_minor: int
    currency: str
    fund: str
    frequency: str
    state: str
    next_on: date | None
    ends_on: date | None  # cancelled at Stripe, and paid up to that day
    ended_on: date | None
    began_on: date
    subscription_id: str
    customer_id: str

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be charged."""
        return self.state in {RecurringState.ENDED, ENDING}

    @property
    def deeds(self) -> tuple[str, ...]:
        """What its giver may do with it now."""
        if not self.subscription_id or self.ends_on:
            return ()
        deeds = _DEEDS.get(self.state, ())
        return deeds if self.customer_id else tuple(deed for deed in deeds if deed != "card")


def has_giving(contact_id: uuid.UUID) -> bool:
    """Whether there is anything to show to a contact."""
    gift = exists().where(Donation.contact_id == contact_id, _SHOWN)
    recurring = exists().where(RecurringDonation.contact_id == contact_id, _HAS_BEGUN)
    return bool(db.session.scalar(select(or_(gift, recurring))))


def gifts_of(contact_id: uuid.UUID) -> list[Gift]:
    """A contact's gifts, the newest first."""
    rows = db.session.scalars(select(Donation).where(Donation.contact_id == contact_id, _SHOWN))
    refunded = _refunded(contact_id)
    disputes = _disputes(contact_id)
    gifts = [_gift(row, refunded.get(row.id, 0), disputes.get(row.id, [])) for row in rows]
    return sorted(gifts, key=lambda gift: (gift.day, str(gift.id)), reverse=True)


def by_year(gifts: Iterable[Gift]) -> list[tuple[int, list[Gift]]]:
    """Gifts that stand in the order of their days, in their years."""
    return [(year, list(group)) for year, group in groupby(gifts, lambda gift: gift.day.year)]


def recurring_of(contact_id: uuid.UUID) -> list[Recurring]:
    """A contact's recurring donations: those that go on first, then the newest."""
    rows = db.session.scalars(
        select(RecurringDonation)
        .where(RecurringDonation.contact_id == contact_id, _HAS_BEGUN)
        .order_by(RecurringDonation.created_at.desc())
    )
    return sorted(map(_recurring, rows), key=lambda found: found.is_over)


def one_recurring(contact_id: uuid.UUID, recurring_id: uuid.UUID) -> Recurring | None:
    """One recurring donation, if it is this contact's."""
    found = (one for one in recurring_of(contact_id) if one.id == recurring_id)
    return next(found, None)


def _refunded(contact_id: uuid.UUID) -> dict[uuid.UUID, int]:
    sums: dict[uuid.UUID, int] = {}
    rows = db.session.execute(
        select(Refund.donation_id, Refund.amount_minor)
        .join(Donation, Donation.id == Refund.donation_id)
        .where(Donation.contact_id == contact_id, Refund.state.in_(_RETURNED))
    )
    for donation_id, amount_minor in rows:
        sums[donation_id] = sums.get(donation_id, 0) + amount_minor
    return sums


def _disputes(contact_id: uuid.UUID) -> dict[uuid.UUID, list[Dispute]]:
    found: dict[uuid.UUID, list[Dispute]] = {}
    rows = db.session.scalars(
        select(Dispute)
        .join(Donation, Donation.id == Dispute.donation_id)
        .where(Donation.contact_id == contact_id)
    )
    for dispute in filter(counts_as_disputed, rows):
        found.setdefault(dispute.donation_id, []).append(dispute)
    return found


def _gift(row: Donation, refunded_minor: int, disputes: list[Dispute]) -> Gift:
    return Gift(
        id=row.id,
        day=row.paid_at.date() if row.paid_at else row.day,
        amount_minor=row.amount_minor,
        currency=row.currency,
        fund=row.fund,
        state=row.state,
        method=row.method,
        refunded_minor=refunded_minor,
        disputed_minor=sum(dispute.amount_minor for dispute in disputes),
        is_disputed=any(dispute.is_open for dispute in disputes),
    )


def _recurring(row: RecurringDonation) -> Recurring:
    is_ending = row.end_reason and row.state != RecurringState.ENDED
    return Recurring(
        id=row.id,
        amount_minor=row.amount_minor,
        currency=row.currency,
        fund=row.fund,
        frequency=row.frequency,
        state=ENDING if is_ending else row.state,
        next_on=row.next_on,
        ends_on=row.ends_on,
        ended_on=row.ended_at.date() if row.ended_at else None,
        began_on=row.day,
        subscription_id=row.stripe_subscription_id or "",
        customer_id=row.stripe_customer_id or "",
    )
