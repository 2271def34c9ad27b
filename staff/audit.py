"""The audit log: what may be written into it is declared here, key by key."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import insert, select

from config.database import db
from staff.models import AuditEvent

PAGE = 50

# Each action with the keys of its details. Values are ids, states, counts; never words of a person.
ACTIONS: dict[str, frozenset[str]] = {
    "vault.initialised": frozenset(),
    "staff.created": frozenset({"role"}),
    "staff.signed-in": frozenset(),
    "staff.signed-out": frozenset(),
    "index-key.restored": frozenset(),
    "volunteer.moved": frozenset({"from", "to"}),
    "volunteer.noted": frozenset(),
    "contacts.exported": frozenset({"count", "kind", "campaign", "state", "newsletter"}),
    "mail.requeued": frozenset(),
    "donation.refund-requested": frozenset({"refund", "amount_minor", "currency", "reason"}),
    "donation.released": frozenset(),
    "donation.entered": frozenset({"method", "amount_minor", "currency", "fund"}),
    "donations.exported": frozenset(
        {"count", "state", "fund", "currency", "method", "review", "month"}
    ),
    "recurring-donation.ended": frozenset(),
    "goal.set": frozenset({"campaign", "fund", "amount_minor", "currency"}),
    "goal.removed": frozenset({"campaign", "fund"}),
    "guard.lifted": frozenset({"until"}),
    "guard.restored": frozenset(),
}


def record(
    action: str,
    now: datetime,
    *,
    actor: uuid.UUID | None,
    subject: tuple[str, uuid.UUID | None],
    **details: str | int,
) -> None:
    """Add an event in the caller's transaction. Raises ValueError for what is not declared."""
    if action not in ACTIONS or not ACTIONS[action].issuperset(details):
        raise ValueError(f"not declared: {action} {sorted(details)}")
    kind, subject_id = subject
    db.session.execute(
        insert(AuditEvent).values(
            at=now,
            actor_id=actor,
            action=action,
            subject_kind=kind,
            subject_id=subject_id,
            details=details,
        )
    )


def recent_events(before: int | None = None, size: int = PAGE) -> list[AuditEvent]:
    """The newest events, or those before the one with the number `before`; one more than `size`.

    That one more says that there is another page.
    """
    events = select(AuditEvent).order_by(AuditEvent.seq.desc()).limit(size + 1)
    if before is not None:
        events = events.where(AuditEvent.seq < before)
    return list(db.session.scalars(events))
