"""What the outbox holds of deeds and gifts whose person is erased, found by the rows' keys."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import String, cast, literal, select, update

from config.database import db
from mail import reminders
from mail.models import OutgoingEmail, State

_table: Any = OutgoingEmail.__table__
# Every key that a deed's mails can have: see `mail.reminders`.
_OF_DEED = ("confirm:{}", "confirm:{}:2", "remind:{}", "remind:{}:2")


def forget_deeds(deed_ids: Collection[uuid.UUID]) -> None:
    """Erase the mails about deeds that are deleted themselves, and which deeds they were. Flushes.

    The rows stay, for they count among the day's mails to their address. A mail that the worker
    holds in this moment is sent all the same.
    """
    if not deed_ids:
        return
    reminders.empty(deed_ids)
    keys = [form.format(deed_id) for deed_id in deed_ids for form in _OF_DEED]
    nameless = literal("gone:") + cast(_table.c.id, String)
    db.session.execute(update(_table).where(_table.c.idem_key.in_(keys)).values(idem_key=nameless))


def empty_of_gifts(gift_ids: Collection[uuid.UUID]) -> None:
    """Erase the addresses in mails about gifts; the rows stay, so that none is queued twice.

    Flushes.
    """
    wanted = {str(gift_id) for gift_id in gift_ids}
    waiting = select(_table.c.id, _table.c.idem_key).where(_table.c.blob.is_not(None))
    rows = db.session.execute(waiting).all() if wanted else []
    ids = [row.id for row in rows if wanted & set(row.idem_key.split(":"))]
    if ids:
        values = {"state": State.EXPIRED.value, "blob": None, "leased_until": None}
        db.session.execute(update(_table).where(_table.c.id.in_(ids)).values(values))
