"""The outbox table: who and what is sealed in `blob`; everything else says nothing of a person."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, HasId, UTCDateTime


class State(StrEnum):
    """Where a mail stands. The last three are final; `failed` waits for staff to requeue it."""

    QUEUED = "queued"
    SENDING = "sending"
    FAILED = "failed"
    SENT = "sent"
    EXPIRED = "expired"
    UNREADABLE = "unreadable"


DONE = (State.SENT, State.EXPIRED, State.UNREADABLE)


class OutgoingEmail(HasId, Base):
    """One mail to one person; the template folder is `templates/mail/<kind>`."""

    __tablename__ = "outgoing_email"
    __table_args__ = (
        UniqueConstraint("cap_key", "cap_slot"),
        Index("ix_outgoing_email_state_due_at", "state", "due_at"),
        CheckConstraint(
            "state IN ('queued', 'sending', 'failed', 'sent', 'expired', 'unreadable')",
            name="state",
        ),
    )

    idem_key: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    language: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(12), default=State.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    day: Mapped[date]
    # a short code such as smtp-550, never the server's words: they may quote the address
    error: Mapped[str | None] = mapped_column(String(40))
    # the address of that day as the cap knows it, and which of its mails this is
    cap_key: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    cap_slot: Mapped[int | None] = mapped_column(SmallInteger)
    # None once the mail is sent, expired or unreadable
    blob: Mapped[bytes | None] = mapped_column(LargeBinary)
