"""Staff, their sessions, the delays after wrong passphrases, and the audit log."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, HasId, UTCDateTime

ROLES = ("viewer", "editor", "contacts", "admin")


class StaffMember(HasId, Base):
    """Somebody who may sign in. Whose role needs no contacts has no holder, and so no key."""

    __tablename__ = "staff_member"
    __table_args__ = (CheckConstraint(f"role IN {ROLES}", name="role"),)

    name: Mapped[str] = mapped_column(String(80), unique=True)
    role: Mapped[str] = mapped_column(String(12))
    holder_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("holder.id"), unique=True)
    language: Mapped[str | None] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class StaffSession(Base):
    """A signed-in browser: the hash of its token, and the holder's key wrapped under the token."""

    __tablename__ = "staff_session"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("staff_member.id", ondelete="CASCADE"), index=True
    )
    wrapped_key: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime)


class SignInDelay(Base):
    """Until when nobody may try a name again; known and unknown names alike, by a keyed hash.

    The key changes daily and vanishes with the power: people type passphrases into the wrong field.
    """

    __tablename__ = "sign_in_delay"

    name_hash: Mapped[bytes] = mapped_column(primary_key=True)
    attempts: Mapped[int]
    not_before: Mapped[datetime] = mapped_column(UTCDateTime)


class AuditEvent(Base):
    """Who changed what, by ids and states; no name, no address, no free text."""

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_subject", "subject_kind", "subject_id"),)

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    # no foreign key: the log outlives those who are in it
    actor_id: Mapped[uuid.UUID | None]
    action: Mapped[str] = mapped_column(String(40))
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
