"""Ledger lines, refunds, disputes, goals, and how far the books were compared with Stripe."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, HasId, UTCDateTime


class Kind(StrEnum):
    """What a ledger line is."""

    GIFT = "gift"
    GIFT_RETURNED = "gift-returned"  # a bank debit that failed after it had been credited
    REFUND = "refund"
    REFUND_RETURNED = "refund-returned"  # a refund that could not be delivered
    DISPUTE = "dispute"  # the bank took the money back
    DISPUTE_RETURNED = "dispute-returned"  # and gave it again


class RefundState(StrEnum):
    """Where a refund stands. Requested ones are ours alone; Stripe says the rest."""

    REQUESTED = "requested"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # it could not be delivered; may come after succeeded
    CANCELED = "canceled"
    REFUSED = "refused"  # Stripe would not make it


class LedgerLine(HasId, Base):
    """One movement of money on our balance at Stripe, or one offline gift. Never changed."""

    __tablename__ = "ledger_line"
    __table_args__ = (
        Index("ix_ledger_line_day_id", "day", "id"),
        CheckConstraint(
            "kind IN ('gift', 'gift-returned', 'refund', 'refund-returned', 'dispute', "
            "'dispute-returned')",
            name="kind",
        ),
    )

    donation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("donation.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    # As the balance has it: signed minor units of the currency in which Stripe settles.
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    fee_minor: Mapped[int] = mapped_column(BigInteger)  # what Stripe keeps; negative: given back
    currency: Mapped[str] = mapped_column(String(3))
    day: Mapped[date]
    # NULL for what never went through Stripe
    stripe_balance_transaction_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    stripe_source_id: Mapped[str | None] = mapped_column(String(255), index=True)

    @property
    def net_minor(self) -> int:
        """What it did to the balance, in minor units."""
        return self.gross_minor - self.fee_minor


class Refund(HasId, Base):
    """Money given back, or to be: its id makes the idempotency key at Stripe."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint(
            "state IN ('requested', 'pending', 'succeeded', 'failed', 'canceled', 'refused')",
            name="state",
        ),
    )

    donation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("donation.id"), index=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)  # of the gift's currency
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(String(20))  # see donate.books.refunds.REASONS
    state: Mapped[str] = mapped_column(String(12), index=True)
    code: Mapped[str] = mapped_column(String(80), default="")  # Stripe's, where it refused
    requested_by: Mapped[
        uuid.UUID | None
    ]  # the member of staff; NULL: a rule, or Stripe's dashboard
    stripe_refund_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    day: Mapped[date]


class Dispute(HasId, Base):
    """A donor's bank wants the money back."""

    __tablename__ = "dispute"

    donation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("donation.id"), index=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(String(40))  # Stripe's words
    status: Mapped[str] = mapped_column(String(40))
    is_open: Mapped[bool]
    stripe_dispute_id: Mapped[str] = mapped_column(String(255), unique=True)
    day: Mapped[date]
    asked_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Goal(HasId, Base):
    """What staff hope to raise for a fund, in one campaign or in all ("")."""

    __tablename__ = "goal"
    __table_args__ = (UniqueConstraint("campaign", "fund"),)

    campaign: Mapped[str] = mapped_column(String(80), default="")
    fund: Mapped[str] = mapped_column(String(40))
    currency: Mapped[str] = mapped_column(String(3))
    goal_minor: Mapped[int] = mapped_column(BigInteger)


class Reconciliation(Base):
    """How far one kind of comparison with Stripe has come, and what it found last."""

    __tablename__ = "reconciliation"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    cursor_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ran_at: Mapped[datetime] = mapped_column(UTCDateTime)
    differences: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
