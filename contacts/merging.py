"""Two contacts that turned out to be one person become one; nothing that they did is lost."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from config.database import db
from contacts import consents
from contacts.models import AddressChange, Contact, CopyRequest, Correction, PrivateLink
from contacts.parts import parts

_HANGING: tuple[type[Any], ...] = (Correction, CopyRequest)
# Made out to the one who goes: their boxes and tokens fit nobody else.
_ENDING: tuple[type[Any], ...] = (AddressChange, PrivateLink)


def merge(from_id: uuid.UUID, to_id: uuid.UUID, now: datetime) -> bool:
    """Hang all of one contact on another and drop it; counts stay exact. Flushes.

    For callers who know that both are one person: by one address, or because both mailboxes were
    shown to be theirs. Links mailed for the one who goes open nothing any more; the address,
    language and news of the one who stays are kept. False where one of the two is not there (any
    more).
    """
    found = {row.id: row for row in _lock({from_id, to_id})}
    if len(found) != 2:
        return False
    gone, kept = found[from_id], found[to_id]
    keeps_news = _keeps_news(kept, gone)
    for part in parts():
        part.move(from_id, to_id, now)
    consents.move(from_id, to_id)
    for model in _HANGING:
        rows = update(model).where(model.contact_id == from_id)
        db.session.execute(rows.values(contact_id=to_id))
    for model in _ENDING:
        db.session.execute(delete(model).where(model.contact_id == from_id))
    kept.newsletter = keeps_news
    _join(gone, kept)
    return True


def _lock(ids: set[uuid.UUID]) -> list[Contact]:
    """Both rows, after what hangs on them: who confirms a deed locks in this order, too."""
    for model in {column.model for part in parts() for column in part.sealed}:
        if hasattr(model, "contact_id"):
            deeds = select(model.id).where(model.contact_id.in_(ids)).order_by(model.id)
            db.session.execute(deeds.with_for_update())
    rows = select(Contact).where(Contact.id.in_(ids)).order_by(Contact.id).with_for_update()
    return list(db.session.scalars(rows.execution_options(populate_existing=True)))


def _keeps_news(kept: Contact, gone: Contact) -> bool:
    """Whether news go on: unless the one who goes said no later, or that day.

    The wish of the one who goes does not begin them: a link to leave must name who gets them.
    """
    if not kept.newsletter:
        return False
    refused = consents.newest_day(gone.id, consents.NEWSLETTER, is_given=False)
    wished = consents.newest_day(kept.id, consents.NEWSLETTER, is_given=True)
    return refused is None or (wished is not None and wished > refused)


def _join(gone: Contact, kept: Contact) -> None:
    """What either is or asked for, known since the first of the two days.

    Beside a confirmed one the other's wish for discreet mails is nothing but anybody's form.
    """
    confirmed = [one for one in (gone, kept) if one.state == "confirmed"]
    kept.is_discreet = any(one.is_discreet for one in confirmed or (gone, kept))
    kept.state = "confirmed" if confirmed else kept.state
    kept.day = min(kept.day, gone.day)
    db.session.delete(gone)
    db.session.flush()
