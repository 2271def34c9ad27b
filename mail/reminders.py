"""One reminder of a confirmation, two days after, from the volatile outbox alone.

When the confirmation was sent, its row is not emptied but becomes the reminder. Signing costs no
statement more for it, the address stays under the mail key, and if that key goes with the power,
no reminder comes. What has been confirmed, disowned or erased empties the row at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, literal, select, update

from config.database import db
from config.settings import settings
from mail.models import OutgoingEmail, State
from vault.services import vault

AFTER = timedelta(days=2)
LIFETIME = timedelta(hours=24)
# What each confirmation becomes.
REMINDERS = {"confirm-signature": "remind-signature", "confirm-sign-up": "remind-sign-up"}
CONFIRM, ANEW, REMIND = "confirm:", ":2", "remind:"  # the keys: confirm:<deed>, confirm:<deed>:2

_table: Any = OutgoingEmail.__table__


def is_reminder(kind: str) -> bool:
    """Whether a mail of this kind reminds of another that was sent."""
    return kind in REMINDERS.values()


def becoming(kind: str, now: datetime) -> dict[str, Any]:
    """What a confirmation's row is changed to once it was sent."""
    key = _table.c.idem_key
    return {
        "kind": REMINDERS[kind],
        "idem_key": literal(REMIND) + func.substr(key, len(CONFIRM) + 1),
        "state": State.QUEUED,
        "attempts": 0,
        "due_at": now + AFTER,
        "expires_at": now + AFTER + LIFETIME,
        "sent_at": now,
        "leased_until": None,
        "error": None,
    }


def empty(deed_ids: Collection[uuid.UUID]) -> None:
    """Erase what waits to have these deeds confirmed: nobody needs it any more. Flushes.

    A row that was sent once says so again, under its first name.
    """
    keys = [key for deed_id in deed_ids for key in _keys(deed_id)]
    was_sent = _table.c.sent_at.is_not(None)
    names = {reminder: kind for kind, reminder in REMINDERS.items()}
    db.session.execute(
        update(_table)
        .where(_table.c.idem_key.in_(keys), _table.c.blob.is_not(None))
        .values(
            state=case((was_sent, State.SENT.value), else_=State.EXPIRED.value),
            kind=case(names, value=_table.c.kind, else_=_table.c.kind),
            blob=None,
            leased_until=None,
        )
    )


def take_slot(email_id: uuid.UUID, to: str, now: datetime) -> bool:
    """Count a reminder among today's mails to its address; False where the cap is reached.

    Raises IntegrityError where another mail took the same place in this moment.
    """
    key = vault().address_cap_key(to, now.date())
    others = _table.alias("others")
    counted = select(func.count()).select_from(others).where(others.c.cap_key == key)
    slot = counted.scalar_subquery()
    is_mine = _table.c.cap_key == key  # taken before a worker died
    taken = db.session.execute(
        update(_table)
        .where(_table.c.id == email_id, is_mine | (slot < settings().mails_per_address))
        .values(
            cap_key=key,
            cap_slot=case((is_mine, _table.c.cap_slot), else_=slot),
            day=now.date(),
        )
        .returning(_table.c.id)
    )
    return taken.first() is not None


def _keys(deed_id: uuid.UUID) -> tuple[str, ...]:
    return tuple(f"{first}{deed_id}{last}" for first in (CONFIRM, REMIND) for last in ("", ANEW))
