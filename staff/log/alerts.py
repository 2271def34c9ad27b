"""What administrators are told at once, by mail and on their first page.

A table that leaves, the daily head of the audit log, a vault whose key is not the pinned one.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.settings import settings
from mail import outbox
from staff import audit
from staff.log import audit_chain, audit_check, audit_rows
from staff.log.audit_check import Verdict
from staff.models import AuditEvent
from vault.services import IntakeStopped, VaultMissing, vault

EXPORTS = ("contacts.exported", "donations.exported")
ENOUGH_READERS = 2  # one alone could lose a mail, or hide it
LIFETIME = timedelta(hours=72)


@dataclass(frozen=True)
class UnseenExport:
    """An export of a colleague's that this administrator has not looked at."""

    seq: int
    at: datetime
    actor_id: uuid.UUID | None
    action: str
    count: int
    is_sealed: bool


def readers() -> tuple[str, ...]:
    """Who gets these mails."""
    return settings().alert_emails or (settings().contact_email,)


def has_enough_readers() -> bool:
    """Whether the head goes to two addresses or more."""
    return len(set(readers())) >= ENOUGH_READERS


def tell_of_export(what: str, count: int, now: datetime) -> None:
    """Mail that a table leaves; `what` is "contacts" or "donations". Flushes. Raises VaultMissing.

    Without the name of who took it: mails are read on the way, the audit log is not.
    """
    key = f"export-alert:{uuid.uuid4()}"
    _mail("export-alert", key, {"what": what, "n": str(count), "path": "/staff/audit"}, now)


def tell_of_team(what: str, now: datetime) -> None:
    """Mail that somebody was "invited", a role "role-changed", the code "code-renewed". Flushes.

    A new link for a colleague takes their account over, a new code makes papers worthless. Without
    names, as above. Raises VaultMissing.
    """
    params = {"what": what, "path": "/staff/audit"}
    _mail("team-alert", f"team-alert:{uuid.uuid4()}", params, now)


def unseen_exports(me: uuid.UUID) -> list[UnseenExport]:
    """The exports of others since this administrator last opened the log, the newest first."""
    rows = audit_rows.events().where(
        AuditEvent.subject_kind.in_(("contacts", "donations")),
        AuditEvent.subject_id.is_(None),
        AuditEvent.action.in_(EXPORTS),
        AuditEvent.actor_id != me,
        AuditEvent.seq > _looked_until(me),
    )
    return [_unseen(row) for row in audit_rows.read_well(rows.order_by(AuditEvent.seq.desc()))]


def record_looked(me: uuid.UUID, until: int, now: datetime) -> None:
    """Note that an administrator has seen those exports, the newest with the number `until`."""
    audit.record("audit.looked", now, actor=me, subject=("staff", me), number=until)


def record_verified(me: uuid.UUID, verdict: Verdict, now: datetime) -> None:
    """Note that an administrator has checked the log, and what they found."""
    fault: dict[str, str | int] = {}
    if verdict.fault:
        fault = {"fault": verdict.fault.value, "number": verdict.seq or 0}
    subject = ("audit", None)
    audit.record("audit.verified", now, actor=me, subject=subject, head=str(verdict.head), **fault)


def mail_head(now: datetime) -> None:
    """Mail the end of the audit log, once a day, to those who keep it. The worker's job."""
    try:
        head = str(audit_check.head_now())
    except audit_check.NoChain:
        return
    key = f"audit-head:{now:%Y%m%d}"
    if _mail("audit-head", key, {"head": head, "path": "/staff/audit"}, now):
        audit.record("audit.head-mailed", now, actor=None, subject=("audit", None), head=head)


def last_mailed_head() -> Any | None:
    """The event that says which head was mailed last; None where it cannot be read."""
    return audit_rows.newest(
        AuditEvent.subject_kind == "audit", AuditEvent.action == "audit.head-mailed"
    )


def watch_vault(now: datetime) -> None:
    """Mail and log, once for each fault, that nothing can be sealed or opened. The worker's job."""
    fault = _fault_of_vault()
    if fault is None or fault == _last_alarm() or not audit_check.has_begun():
        return
    if fault:
        audit.record("vault.alarm", now, actor=None, subject=("vault", None), fault=fault)
        key = f"vault-alarm:{uuid.uuid4()}"
        _mail("vault-alarm", key, {"fault": fault, "path": "/staff/"}, now)
    else:
        audit.record("vault.well", now, actor=None, subject=("vault", None))


def _looked_until(me: uuid.UUID) -> int:
    last = audit_rows.newest(
        AuditEvent.subject_kind == "staff",
        AuditEvent.subject_id == me,
        AuditEvent.action == "audit.looked",
    )
    return _number(last, "number") if last else 0


def _fault_of_vault() -> str | None:
    """What is wrong; empty where nothing is, None where intake is stopped on purpose."""
    try:
        vault().check()
    except IntakeStopped:
        return None
    except VaultMissing as fault:
        return str(fault)
    return ""


def _last_alarm() -> str:
    """The fault of which the last alarm told; empty where it is over."""
    last = audit_rows.newest(
        AuditEvent.subject_kind == "vault", AuditEvent.action.in_(("vault.alarm", "vault.well"))
    )
    return str(last.details.get("fault", "")) if last and last.action == "vault.alarm" else ""


def _number(row: Any, name: str) -> int:
    """A number from the details; 0 where somebody has put something else there."""
    value = row.details.get(name, 0)
    return value if isinstance(value, int) and value < audit_chain.LAST else 0


def _unseen(row: Any) -> UnseenExport:
    count, is_sealed = _number(row, "count"), "recipient" in row.details
    return UnseenExport(row.seq, row.at, row.actor_id, row.action, count, is_sealed)


def _mail(kind: str, key: str, params: dict[str, str], now: datetime) -> bool:
    """Queue one mail for each reader; whether there was one to queue."""
    queued = [
        outbox.enqueue(
            kind=kind,
            idem_key=f"{key}:{number}",
            language=settings().supported_languages[0],
            to=to,
            params=params,
            now=now,
            lifetime=LIFETIME,
        )
        for number, to in enumerate(readers())
    ]
    return any(queued)
