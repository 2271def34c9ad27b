"""What the worker does in the database: take mails for a while, and write down what became of them.

A claim is a lease. If the worker dies, the lease ends and another worker takes the mail; each claim
costs an attempt then, so that a mail which kills its worker does not do so for ever.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CTE, case, select, update

from config.database import db
from mail.models import OutgoingEmail, State
from mail.reminders import REMINDERS, becoming

LEASE = timedelta(minutes=5)
DELAYS = (1, 5, 15, 60, 180)  # minutes after each failed attempt; then the last again and again
MAX_ATTEMPTS = 12  # about a day
JITTER = 0.2  # so that mails which failed together do not come back together

_table: Any = OutgoingEmail.__table__
_random = secrets.SystemRandom()


@dataclass(frozen=True)
class Claim:
    """One mail that this worker alone may send until `leased_until`."""

    id: uuid.UUID
    kind: str
    language: str
    blob: bytes
    attempts: int
    expires_at: datetime
    leased_until: datetime


def claim(now: datetime, limit: int) -> list[Claim]:
    """Take up to `limit` mails that are due, the longest waiting first."""
    _free_lost(now)
    due = (_table.c.state == State.QUEUED) & (_table.c.due_at <= now) & (_table.c.expires_at > now)
    rows = db.session.execute(
        update(_table)
        .where(_table.c.id.in_(select(_locked(due, limit).c.id)))
        .values(state=State.SENDING, leased_until=now + LEASE)
        .returning(*(_table.c[name] for name in Claim.__annotations__), _table.c.due_at)
    ).all()
    rows = sorted(rows, key=lambda row: row.due_at)
    return [Claim(*row[:-1]) for row in rows]


def record_sent(email: Claim, now: datetime) -> None:
    """Note that the server has taken the mail, whatever has happened to the lease meanwhile.

    A confirmation becomes its reminder. The kind says whether another worker has noted it already.
    """
    it = (_table.c.id == email.id) & (_table.c.kind == email.kind)
    if email.kind in REMINDERS:
        still_wanted = it & _table.c.blob.is_not(None)
        db.session.execute(update(_table).where(still_wanted).values(becoming(email.kind, now)))
    _finish(it, state=State.SENT, sent_at=now, error=None)


def record_useless(email: Claim, state: State) -> None:
    """Note that the mail expired or cannot be read, and erase what is left of it."""
    _finish(_ours(email), state=state)


def record_failure(email: Claim, code: str, now: datetime, *, is_final: bool) -> State:
    """Plan the next attempt, or put the mail aside for staff where none would help or fit."""
    attempts = email.attempts + 1
    next_at = now + delay_after(attempts)
    if is_final or attempts >= MAX_ATTEMPTS or next_at >= email.expires_at:
        state, next_at = State.FAILED, now
    else:
        state = State.QUEUED
    db.session.execute(
        update(_table)
        .where(_ours(email))
        .values(state=state, attempts=attempts, due_at=next_at, leased_until=None, error=code)
    )
    return state


def give_back(emails: Sequence[Claim], code: str | None = None) -> None:
    """Return mails that were not tried; `code` says what stood in the way."""
    values: dict[str, Any] = {"state": State.QUEUED, "leased_until": None}
    if code:
        values["error"] = code
    for email in emails:
        db.session.execute(update(_table).where(_ours(email)).values(values))


def delay_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts, with jitter."""
    minutes = DELAYS[min(attempts, len(DELAYS)) - 1]
    return timedelta(minutes=minutes * _random.uniform(1 - JITTER, 1 + JITTER))


def _free_lost(now: datetime) -> None:
    """Put mails of workers that are gone back into the queue."""
    lost = (_table.c.state == State.SENDING) & (_table.c.leased_until <= now)
    is_last = _table.c.attempts + 1 >= MAX_ATTEMPTS
    db.session.execute(
        update(_table)
        .where(_table.c.id.in_(select(_locked(lost, None).c.id)))
        .values(
            state=case((is_last, State.FAILED.value), else_=State.QUEUED.value),
            attempts=_table.c.attempts + 1,
            leased_until=None,
            error="worker-lost",
        )
    )


def _locked(which: Any, limit: int | None) -> CTE:
    """The rows that nobody else is taking at this moment.

    SQLite has no SKIP LOCKED and needs none: its writers take turns. A CTE, for PostgreSQL may run
    a subquery again for each row and so take more than `limit`.
    """
    rows = select(_table.c.id).where(which).order_by(_table.c.due_at).limit(limit)
    return rows.with_for_update(skip_locked=True).cte("taken")


def _ours(email: Claim) -> Any:
    return (
        (_table.c.id == email.id)
        & (_table.c.state == State.SENDING)
        & (_table.c.leased_until == email.leased_until)
    )


def _finish(which: Any, **values: Any) -> None:
    db.session.execute(update(_table).where(which).values(**values, blob=None, leased_until=None))
