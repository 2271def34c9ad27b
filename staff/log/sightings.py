"""Who saw whom, by ids: for the audit log, when a page with people on it is about to leave."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from config.database import db
from staff import audit
from staff.models import AuditEvent

AGAIN_AFTER = timedelta(minutes=10)  # going back and forth between pages is one look
CONTACT, LIST = "contact", "contact-list"


def is_noted(kind: str, subject: uuid.UUID, actor: uuid.UUID, now: datetime) -> bool:
    """Whether the log says that this member of staff saw this a moment ago."""
    seen = select(AuditEvent.seq).where(
        AuditEvent.subject_kind == kind,
        AuditEvent.subject_id == subject,
        AuditEvent.actor_id == actor,
        AuditEvent.action == "contact.seen",
        AuditEvent.at > now - AGAIN_AFTER,
    )
    return db.session.scalar(seen.limit(1)) is not None


def record_seen(kind: str, subject: uuid.UUID, actor: uuid.UUID, now: datetime) -> None:
    """Write down that somebody saw a person: the subject is the contact, or a gift without one."""
    audit.record("contact.seen", now, actor=actor, subject=(kind, subject))


def record_listed(
    contact_ids: Iterable[uuid.UUID],
    filters: Mapping[str, str],
    actor: uuid.UUID,
    now: datetime,
) -> None:
    """Write down whom a list or a search showed, each once."""
    ids = [str(contact_id) for contact_id in dict.fromkeys(contact_ids)]
    audit.record("contacts.listed", now, actor=actor, subject=(LIST, None), **filters, contacts=ids)
