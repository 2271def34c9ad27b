"""Volunteer sign-ups and the sealed notes that staff keep on them."""

from __future__ import annotations

import uuid
from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, HasId
from contacts.models import Deed

STATES = ("pending", "new", "contacted", "active", "declined")


class VolunteerSignup(Deed, Base):
    """One offer of time; what the person can do is sealed with the rest."""

    __tablename__ = "volunteer_signup"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        Index("ix_volunteer_signup_day_id", "day", "id"),
    )

    reviewed_on: Mapped[date | None]  # when staff last moved it


class VolunteerNote(HasId, Base):
    """What a member of staff noted after a call, sealed."""

    __tablename__ = "volunteer_note"

    signup_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("volunteer_signup.id"), index=True)
    author_id: Mapped[uuid.UUID]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    day: Mapped[date]
