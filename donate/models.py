"""Gifts: single ones, recurring ones, and the events of Stripe's that we have seen."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, HasId, UTCDateTime


class State(StrEnum):
    """Where a donation stands. Only `paid` is final: a failed or expired one may still be paid."""

    CREATED = "created"  # ours alone; Stripe may not know of it, a transfer has not arrived
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


class RecurringState(StrEnum):
    """Where a recurring donation stands. Stripe says what it is; ended is final."""

    CREATED = "created"
    OPEN = "open"
    ACTIVE = "active"
    AT_RISK = "at-risk"  # a renewal failed or waits for the donor's bank
    PAUSED = "paused"
    ENDED = "ended"
    EXPIRED = "expired"  # never begun: the page was closed


class Method(StrEnum):
    """How the money comes."""

    ONLINE = "online"
    TRANSFER = "transfer"
    CASH = "cash"


class Review(StrEnum):
    """Whether a person must look at a gift before it is thanked for."""

    NONE = ""
    HELD = "held"
    RELEASED = "released"


class _Wish:
    """What a donor chose on our page, of single and recurring donations alike."""

    amount_minor: Mapped[int] = mapped_column(BigInteger)  # with the fee that the donor covers
    fee_cover_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    currency: Mapped[str] = mapped_column(String(3))
    fund: Mapped[str] = mapped_column(String(40))
    campaign: Mapped[str] = mapped_column(String(80), default="")
    frequency: Mapped[str] = mapped_column(String(8), default="once")
    language: Mapped[str] = mapped_column(String(8))
    # The words of the newsletter that the donor ticked; a consent once the gift is paid.
    newsletter_hash: Mapped[bytes | None] = mapped_column(ForeignKey("consent_text.hash"))
    # In whose honour or memory: sealed for staff, and under the mail key until the receipt has it.
    dedication: Mapped[bytes | None] = mapped_column(LargeBinary)
    dedication_note: Mapped[bytes | None] = mapped_column(LargeBinary)
    is_discreet: Mapped[bool] = mapped_column(default=False)  # neutral mails are wanted
    day: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    stripe_session_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    contact_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("contact.id"), index=True)
    # name, e-mail and country as the donor gave them to Stripe (or, offline, to us)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    @property
    def newsletter(self) -> bool:
        """Whether the donor wished for news."""
        return self.newsletter_hash is not None


class RecurringDonation(HasId, _Wish, Base):
    """A wish to give each month or year; each payment of it is a donation of its own."""

    __tablename__ = "recurring_donation"
    __table_args__ = (
        CheckConstraint(
            "state IN ('created', 'open', 'active', 'at-risk', 'paused', 'ended', 'expired')",
            name="state",
        ),
        CheckConstraint("amount_minor > 0", name="amount"),
    )

    state: Mapped[str] = mapped_column(String(12), default=RecurringState.CREATED)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # "donor", "unpaid", "refused-card", "staff", "erased": who or what ended it, as far as known
    end_reason: Mapped[str] = mapped_column(String(16), default="")
    next_on: Mapped[date | None]  # the next payment
    ends_on: Mapped[date | None]  # cancelled, and still paid up to that day
    stripe_subscription_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    stripe_customer_id: Mapped[str | None] = mapped_column(String(255), index=True)
    # A renewal in trouble: its invoice, and how many mails were sent about it
    trouble_invoice_id: Mapped[str | None] = mapped_column(String(255))
    reminders: Mapped[int] = mapped_column(default=0)
    # When Stripe was asked for what is recorded here: an older look changes nothing.
    asked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Donation(HasId, _Wish, Base):
    """One gift. Who gave it is sealed, and unknown until Stripe says so."""

    __tablename__ = "donation"
    __table_args__ = (
        CheckConstraint(
            "state IN ('created', 'open', 'pending', 'paid', 'failed', 'expired')", name="state"
        ),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("method IN ('online', 'transfer', 'cash')", name="method"),
        CheckConstraint("review IN ('', 'held', 'released')", name="review"),
        Index("ix_donation_day_id", "day", "id"),
    )

    method: Mapped[str] = mapped_column(String(10), default=Method.ONLINE)
    state: Mapped[str] = mapped_column(String(12), default=State.CREATED)
    review: Mapped[str] = mapped_column(String(10), default=Review.NONE, index=True)
    paid_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)
    recurring_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("recurring_donation.id"), index=True
    )
    reference: Mapped[str | None] = mapped_column(String(25), unique=True)  # ISO 11649, transfers
    card_country: Mapped[str] = mapped_column(String(2), default="")
    stripe_invoice_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(String(255), index=True)
    stripe_charge_id: Mapped[str | None] = mapped_column(String(255), index=True)


class StripeEvent(Base):
    """An event that was acted on, or needed no act: what comes again is not looked at."""

    __tablename__ = "stripe_event"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    type: Mapped[str] = mapped_column(String(80))
    object_id: Mapped[str] = mapped_column(String(255))
    day: Mapped[date]
    livemode: Mapped[bool]


class BegunGift(Base):
    """A gift begun some seconds ago, under a hash of who sent what: for the second of two clicks.

    Apart from the gift and soon deleted, so that nobody can guess a donor's address by it later.
    """

    __tablename__ = "begun_gift"

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    gift_id: Mapped[uuid.UUID]
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
