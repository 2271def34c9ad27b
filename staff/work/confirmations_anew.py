"""Writes confirmation mails anew that nobody can read since the mail key went with the power."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import Select, delete, func, select

from config.database import db
from contacts.confirmations import Confirmation, write_anew
from contacts.services import CONFIRM_WITHIN
from mail.models import OutgoingEmail, State
from mail.reminders import CONFIRM, REMINDERS
from staff.work.keyed_work import Batch
from staff.work.sealed_rows import note_broken
from vault.services import CannotOpen, Opener

SIZE = 50


@dataclass(frozen=True)
class Lost:
    """A mail that was lost, and the deed that it was to confirm, opened."""

    mail_id: uuid.UUID
    kind: str
    language: str
    confirmation: Confirmation
    deed_id: uuid.UUID
    details: Mapping[str, Any] = field(repr=False)


class WritingAnew:
    """The step; see the module."""

    name = "mail"

    def left(self, now: datetime, most: int | None = None) -> int:
        """How many lost mails may still be of use."""
        return db.session.scalar(count_lost(now, most)) or 0

    def read(self, opener: Opener, now: datetime, after: Any) -> Batch | None:
        """The next lost mails, with what the deeds hold."""
        rows = _lost(now).order_by(OutgoingEmail.id).limit(SIZE)
        if after is not None:
            rows = rows.where(OutgoingEmail.id > after)
        mails = db.session.execute(rows).all()
        if not mails:
            return None
        by_deed = {_deed_id(mail.idem_key): mail for mail in mails}
        found, skipped = _open(by_deed, opener)
        return Batch(found, mails[-1].id, skipped)

    def write(self, opener: Opener, batch: Batch, now: datetime) -> int:
        """Queue the new mails; what the cap keeps back waits for another day."""
        return sum(_write(lost, now) for lost in batch.rows)

    def finish(self, opener: Opener, now: datetime) -> None:
        """Nothing more."""


def count_lost(now: datetime, most: int | None = None) -> Select[int]:
    """How many lost mails may still be of use, as a statement."""
    return select(func.count()).select_from(_lost(now).limit(most).subquery())


def _lost(now: datetime) -> Select[uuid.UUID, str, str, str]:
    mail = OutgoingEmail
    return select(mail.id, mail.idem_key, mail.kind, mail.language).where(
        mail.state == State.UNREADABLE,
        mail.kind.in_(REMINDERS),
        mail.idem_key.startswith(CONFIRM),  # those of a deed that was erased have no name
        mail.day >= now.date() - CONFIRM_WITHIN,
    )


def _open(by_deed: Mapping[uuid.UUID, Any], opener: Opener) -> tuple[list[Lost], int]:
    """The deeds that still wait, opened; and how many do not open."""
    confirmations: Sequence[Confirmation] = current_app.extensions["vigil_confirmations"]
    found, skipped = [], 0
    for confirmation in confirmations:
        model = confirmation.model
        rows = select(model.id, model.sealed).where(model.id.in_(by_deed), model.state == "pending")
        for deed_id, sealed in db.session.execute(rows):
            mail = by_deed[deed_id]
            try:
                details = opener.open(confirmation.table, deed_id, sealed)
            except CannotOpen:
                note_broken(confirmation.table, deed_id)
                skipped += 1
                continue
            found.append(Lost(mail.id, mail.kind, mail.language, confirmation, deed_id, details))
    return found, skipped


def _write(lost: Lost, now: datetime) -> int:
    """Both or nothing: the lost mail makes room, the new one takes its key."""
    with db.session.begin_nested() as attempt:
        gone = delete(OutgoingEmail).where(
            OutgoingEmail.id == lost.mail_id, OutgoingEmail.state == State.UNREADABLE
        )
        is_ours = db.session.execute(gone.returning(OutgoingEmail.id)).first() is not None
        is_done = is_ours and write_anew(
            lost.confirmation, lost.deed_id, lost.details, lost.kind, lost.language, now
        )
        if not is_done:
            attempt.rollback()
    return int(is_done)


def _deed_id(idem_key: str) -> uuid.UUID:
    return uuid.UUID(idem_key[len(CONFIRM) : len(CONFIRM) + 36])
