"""Donations and the events of Stripe's that we have seen."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, HasId, UTCDateTime


class State(StrEnum):
    """Where a donation stands. Only `paid` is final: a failed or expired one may still be paid."""

    CREATED = "created"  # ours alone; Stripe may not know of it
    OPEN = "open"  # the donor is on Stripe's page
    PENDING = "pending"  # the donor is done, the money is not there (bank debits)
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"


# From where a donation may move to a state. What is not here never happens, in whatever order
# and number Stripe's events come.
BEFORE: dict[State, tuple[State, ...]] = {
    State.OPEN: (State.CREATED,),
    State.PENDING: (State.CREATED, State.OPEN),
    State.FAILED: (State.CREATED, State.OPEN, State.PENDING),
    State.EXPIRED: (State.CREATED, State.OPEN),
    State.PAID: (State.CREATED, State.OPEN, State.PENDING, State.FAILED, State.EXPIRED),
}


class Donation(HasId, Base):
    """One gift. Who gave it is sealed, and unknown until Stripe says so."""

    __tablename__ = "donation"
    __table_args__ = (
        CheckConstraint(
            "state IN ('created', 'open', 'pending', 'paid', 'failed', 'expired')", name="state"
        ),
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_donation_day_id", "day", "id"),
    )

    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    fund: Mapped[str] = mapped_column(String(40))
    frequency: Mapped[str] = mapped_column(String(8), default="once")
    language: Mapped[str] = mapped_column(String(8))
    # The words of the newsletter that the donor ticked; a consent once the gift is paid.
    newsletter_hash: Mapped[bytes | None] = mapped_column(ForeignKey("consent_text.hash"))
    state: Mapped[str] = mapped_column(String(12), default=State.CREATED)
    day: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    paid_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    stripe_session_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(String(255), index=True)
    contact_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("contact.id"), index=True)
    # name, e-mail and country as the donor gave them to Stripe
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    @property
    def newsletter(self) -> bool:
        """Whether the donor wished for news."""
        return self.newsletter_hash is not None


class StripeEvent(Base):
    """An event that was acted on, or needed no act: what comes again is not looked at."""

    __tablename__ = "stripe_event"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    type: Mapped[str] = mapped_column(String(80))
    object_id: Mapped[str] = mapped_column(String(255))
    day: Mapped[date]
    livemode: Mapped[bool]
