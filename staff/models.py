"""Staff, invitations, sessions, known browsers, delays after wrong passphrases, the audit log."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, HasId, UTCDateTime

ROLES = ("viewer", "editor", "contacts", "admin")
STATES = ("invited", "active", "removed")


class StaffMember(HasId, Base):
    """Somebody who may sign in. Whose role needs no contacts has no holder, and so no key."""

    __tablename__ = "staff_member"
    __table_args__ = (
        CheckConstraint(f"role IN {ROLES}", name="role"),
        CheckConstraint(f"state IN {STATES}", name="state"),
    )

    name: Mapped[str] = mapped_column(String(80), unique=True)
    role: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(12), default="active")
    holder_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("holder.id"), unique=True)
    language: Mapped[str | None] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # the time step (30 s, RFC 6238) of the last code that was used; None: no second factor yet.
    # Its secret lies behind the private key in the holder's wrap.
    totp_step: Mapped[int | None] = mapped_column(BigInteger)


class Invitation(Base):
    """A one-use link for somebody to set a passphrase, found by the hash of what is in it.

    What is in the link is the private key of a holder of its own, where the role needs contacts.
    """

    __tablename__ = "invitation"

    hash: Mapped[bytes] = mapped_column(primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("staff_member.id", ondelete="CASCADE"), index=True
    )
    holder_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("holder.id"))
    created_by: Mapped[uuid.UUID | None]
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


class StaffSession(Base):
    """A signed-in browser: the hash of its token, and the holder's key wrapped under the token."""

    __tablename__ = "staff_session"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    # what a list calls it, for the hash is nobody's business
    id: Mapped[uuid.UUID] = mapped_column(unique=True, default=uuid.uuid4)
    staff_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("staff_member.id", ondelete="CASCADE"), index=True
    )
    wrapped_key: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # when passphrase and code were last given anew
    stepped_up_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    browser: Mapped[str] = mapped_column(String(40), default="")  # "Firefox, Linux", no more
    # shows that the row was written here (staff/door/marks.py)
    mark: Mapped[bytes]


class KnownBrowser(Base):
    """A browser in which somebody has signed in: it has its own count of wrong passphrases.

    So nobody locks a name out from elsewhere (OWASP, Slow Down Guessing with Device Cookies).
    """

    __tablename__ = "known_browser"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("staff_member.id", ondelete="CASCADE"), index=True
    )
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime | None] = mapped_column(UTCDateTime)
    day: Mapped[date]


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
    # SHA-256 over the hash before and this event, and its HMAC under the key of that moment;
    # None for what was written before there was a chain
    hash: Mapped[bytes | None]
    mac: Mapped[bytes | None]


class AuditChain(Base):
    """The end of the audit log's chain, in one row: the next event hangs on it.

    `key` ratchets with each event and the one before is gone, so that nobody who takes the database
    can write the past anew. The first key is sealed for key holders, who can check all of it.
    """

    __tablename__ = "audit_chain"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # always the same one
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes]
    key: Mapped[bytes]
    sealed: Mapped[bytes]


class KeyedWork(Base):
    """Work that needs an open vault, done in the background after a key holder signs in.

    Whoever holds the lease does it; the figures are for the page that shows how far it is.
    """

    __tablename__ = "keyed_work"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    leased_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    done: Mapped[int] = mapped_column(default=0)
    left: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
