"""What staff see of the outbox: states, kinds and codes, never an address."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select

from config.database import db
from mail.models import OutgoingEmail, State
from mail.reminders import REMINDERS

PAGE = 50


@dataclass(frozen=True)
class EmailRow:
    """One mail as staff may see it."""

    id: uuid.UUID
    kind: str
    language: str
    state: str
    attempts: int
    error: str | None
    day: date
    due_at: datetime
    expires_at: datetime
    sent_at: datetime | None


def how_it_stands() -> tuple[dict[State, int], datetime | None]:
    """How many mails stand where, and since when the longest waiting one has been due, if any.

    Of reminders only those that have begun to be sent: the others may never be needed. In the past
    by more than a minute or two, the moment means that no worker runs.
    """
    may_rest = (OutgoingEmail.state == State.QUEUED) & (OutgoingEmail.attempts == 0)
    rests = may_rest & OutgoingEmail.kind.in_(REMINDERS.values())
    columns = (OutgoingEmail.state, func.count(), func.min(OutgoingEmail.due_at))
    rows = db.session.execute(select(*columns).where(~rests).group_by(OutgoingEmail.state)).all()
    counts = dict.fromkeys(State, 0)
    counts.update({State(state): n for state, n, _due in rows})
    waits = [due for state, _n, due in rows if state in {State.QUEUED, State.SENDING}]
    return counts, min(waits, default=None)


def counts_by_state() -> dict[State, int]:
    """How many mails stand where; every state is there."""
    return how_it_stands()[0]


def recent_emails(page: int = 1, state: State | None = None, size: int = PAGE) -> list[EmailRow]:
    """A page of the outbox, the newest days first; pages count from 1."""
    columns = [getattr(OutgoingEmail, name) for name in EmailRow.__annotations__]
    rows = select(*columns).order_by(
        OutgoingEmail.day.desc(), OutgoingEmail.due_at.desc(), OutgoingEmail.id
    )
    if state:
        rows = rows.where(OutgoingEmail.state == state)
    rows = rows.limit(size).offset((max(page, 1) - 1) * size)
    return [EmailRow(*row) for row in db.session.execute(rows)]
