"""The audit log: what may be written into it is declared here, key by key."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from staff.log import audit_chain, audit_rows
from staff.models import AuditEvent

PAGE = 50

# Each action with the keys of its details. Values are ids, states, counts; never words of a person.
ACTIONS: dict[str, frozenset[str]] = {
    "vault.initialised": frozenset(),
    "vault.rotated": frozenset({"vault", "shares", "refused"}),
    "vault.recovered": frozenset({"vault"}),
    "vault.code-renewed": frozenset(),
    "staff.created": frozenset({"role"}),
    "staff.invited": frozenset({"role"}),
    "staff.enrolled": frozenset(),
    "staff.role-changed": frozenset({"role_before", "role"}),
    "staff.removed": frozenset(),
    "staff.passphrase-changed": frozenset(),
    "staff.signed-in": frozenset(),
    "staff.signed-out": frozenset(),
    "staff.stepped-up": frozenset(),
    "staff.factor-set": frozenset(),
    "staff.sessions-ended": frozenset({"count"}),
    "index-key.restored": frozenset(),
    "volunteer.moved": frozenset({"from", "to"}),
    "volunteer.noted": frozenset(),
    "vault.alarm": frozenset({"fault"}),
    "vault.well": frozenset(),
    "audit.looked": frozenset({"number"}),
    "audit.head-mailed": frozenset({"head"}),
    "audit.verified": frozenset({"head", "fault", "number"}),
    "contact.seen": frozenset(),
    "contacts.merged": frozenset({"gone"}),
    "contacts.listed": frozenset({"contacts", "kind", "campaign", "state", "newsletter", "by"}),
    "contacts.exported": frozenset(
        {"count", "kind", "campaign", "state", "newsletter", "recipient"}
    ),
    "mail.requeued": frozenset(),
    "backup.made": frozenset({"rows", "bytes"}),
    "backup.restored": frozenset(),
    "intake.stopped": frozenset(),
    "intake.resumed": frozenset(),
    "donation.refund-requested": frozenset({"refund", "amount_minor", "currency", "reason"}),
    "donation.released": frozenset(),
    "donation.entered": frozenset({"method", "amount_minor", "currency", "fund"}),
    "donations.exported": frozenset(
        {"count", "state", "fund", "currency", "method", "review", "month", "recipient"}
    ),
    "recurring-donation.ended": frozenset(),
    "goal.set": frozenset({"campaign", "fund", "amount_minor", "currency"}),
    "goal.removed": frozenset({"campaign", "fund"}),
    "guard.lifted": frozenset({"until"}),
    "guard.restored": frozenset(),
    "copy.released": frozenset({"request"}),
}


def record(
    action: str,
    now: datetime,
    *,
    actor: uuid.UUID | None,
    subject: tuple[str, uuid.UUID | None],
    **details: str | int | list[str],
) -> None:
    """Add an event to the caller's transaction; it takes its number when that is committed.

    Raises ValueError for what is not declared.
    """
    if action not in ACTIONS or not ACTIONS[action].issuperset(details):
        raise ValueError(f"not declared: {action} {sorted(details)}")
    kind, subject_id = subject
    audit_chain.wait(
        {
            "at": now,
            "actor_id": actor,
            "action": action,
            "subject_kind": kind,
            "subject_id": subject_id,
            "details": details,
        }
    )


def recent_events(
    before: int | None = None, actions: tuple[str, ...] = (), size: int = PAGE
) -> list[Any]:
    """The newest events, or those before the one with the number `before`; one more than `size`.

    That one more says that there is another page. `actions` narrows them. What cannot be read is
    an `audit_rows.Unreadable`.
    """
    events = audit_rows.events().order_by(AuditEvent.seq.desc()).limit(size + 1)
    if before is not None:
        events = events.where(AuditEvent.seq < before)
    if actions:
        events = events.where(AuditEvent.action.in_(actions))
    return audit_rows.read(events)
