"""What pages ask of donations; staff's totals come from the counts (contacts.tally)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, select

from config.database import db
from donate.models import Donation, StripeEvent


@dataclass(frozen=True)
class Checkout:
    """A gift as the person who comes back from Stripe may see it."""

    state: str
    amount_minor: int
    currency: str
    fund: str


def is_known_event(event_id: str) -> bool:
    """Whether an event of Stripe's was dealt with."""
    return bool(db.session.scalar(select(exists().where(StripeEvent.id == event_id))))


def find_checkout(session_id: str) -> Checkout | None:
    """The gift of a session; None where there is none."""
    row = db.session.execute(
        select(Donation.state, Donation.amount_minor, Donation.currency, Donation.fund).where(
            Donation.stripe_session_id == session_id
        )
    ).one_or_none()
    return None if row is None else Checkout(*row)
