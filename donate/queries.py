"""What pages ask of donations; staff's totals come from the counts (contacts.tally)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, select

from config.database import db
from config.settings import settings
from donate.models import Donation, RecurringDonation, RecurringState, State, StripeEvent


@dataclass(frozen=True)
class Checkout:
    """A gift as the person who comes back from Stripe may see it."""

    gift_id: uuid.UUID
    is_recurring: bool
    state: str  # of State; of a recurring donation what its first payment is
    amount_minor: int
    fee_cover_minor: int
    currency: str
    fund: str
    campaign: str
    frequency: str
    next_on: date | None = None
    is_refused_card: bool = False  # paid, and on its way back


def is_known_event(event_id: str) -> bool:
    """Whether an event of Stripe's was dealt with."""
    return bool(db.session.scalar(select(exists().where(StripeEvent.id == event_id))))


def find_checkout(session_id: str) -> Checkout | None:
    """The gift of a session, single or recurring; None where there is none."""
    donation = db.session.scalar(select(Donation).where(Donation.stripe_session_id == session_id))
    if donation is not None:
        return _as_seen(donation, donation.state, donation)
    recurring = db.session.scalar(
        select(RecurringDonation).where(RecurringDonation.stripe_session_id == session_id)
    )
    if recurring is None:
        return None
    first = db.session.scalar(
        select(Donation)
        .where(Donation.recurring_id == recurring.id)
        .order_by(Donation.created_at)
        .limit(1)
    )
    return _as_seen(recurring, _state_of(recurring, first), first, recurring.next_on)


def _as_seen(
    gift: Donation | RecurringDonation,
    state: str,
    payment: Donation | None,
    next_on: date | None = None,
) -> Checkout:
    country = payment.card_country if payment else ""
    return Checkout(
        gift_id=gift.id,
        is_recurring=isinstance(gift, RecurringDonation),
        state=state,
        amount_minor=gift.amount_minor,
        fee_cover_minor=gift.fee_cover_minor,
        currency=gift.currency,
        fund=gift.fund,
        campaign=gift.campaign,
        frequency=gift.frequency,
        next_on=next_on,
        is_refused_card=state == State.PAID and country in settings().refused_card_countries,
    )


def _state_of(recurring: RecurringDonation, first: Donation | None) -> str:
    """What the donor has just done: the first payment, where there is one."""
    if first is not None:
        return first.state
    states: dict[str, str] = {
        RecurringState.CREATED: State.CREATED,
        RecurringState.OPEN: State.OPEN,
        RecurringState.EXPIRED: State.EXPIRED,
        RecurringState.ENDED: State.FAILED,
    }
    return states.get(recurring.state, State.PENDING)
