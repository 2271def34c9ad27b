"""Refused cards, and what staff and the breaker have decided about taking gifts."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, UTCDateTime


class Decline(Base):
    """One card that a bank refused, by Stripe's id of the attempt: counted once."""

    __tablename__ = "decline"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    # the single or recurring donation; NULL where it is not ours
    gift_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


class GuardState(Base):
    """One row: until when staff have lifted the guard, and when they were last alerted."""

    __tablename__ = "guard_state"

    id: Mapped[int] = mapped_column(primary_key=True)
    lifted_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    closed_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    alerted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class SpentProof(Base):
    """A proof of work that was used: the same one does not count twice."""

    __tablename__ = "spent_proof"

    hash: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
