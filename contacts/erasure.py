"""Erasing people: what only tells of them goes, accounts stay without them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from config.database import db
from contacts import consents
from contacts.models import AddressChange, Contact, CopyRequest, Correction, PrivateLink
from contacts.parts import parts
from mail import traces

HANGING: tuple[type[Any], ...] = (AddressChange, CopyRequest, Correction, PrivateLink)


def erase_contact(contact_id: uuid.UUID, now: datetime) -> None:
    """Erase one person. Flushes; see `erase`."""
    erase((contact_id,), now)


def erase(contact_ids: Sequence[uuid.UUID], now: datetime) -> None:
    """Erase people with all that hangs on them. Flushes.

    The caller commits, and then calls `config.database.forget_deleted_rows`. Requests for a link
    cannot be found, for nothing but the mail key opens them; they go within a day. What staff did
    stays in the audit log, by ids that lead nowhere then.
    """
    _erase_parts(contact_ids, now)  # rows of deeds are locked before contacts, as everywhere
    lock(contact_ids)
    _erase_parts(contact_ids, now)  # what came in between; nothing more can
    traces.empty_of_contacts(contact_ids)
    drop_rows(contact_ids)


def lock(contact_ids: Sequence[uuid.UUID]) -> None:
    """Hold contacts, so that nobody can hang anything on them until the transaction ends.

    A new row that points to a contact needs a share of its lock and waits: so deleting the contact
    then cannot fail for a foreign key. On SQLite the write lock does it.
    """
    rows = select(Contact.id).where(Contact.id.in_(contact_ids)).order_by(Contact.id)
    db.session.execute(rows.with_for_update())


def drop_rows(contact_ids: Sequence[uuid.UUID]) -> int:
    """Delete contacts, of which no part keeps anything, with their consents; how many. Flushes."""
    for model in HANGING:
        db.session.execute(delete(model).where(model.contact_id.in_(contact_ids)))
    consents.erase(contact_ids)
    gone = db.session.execute(
        delete(Contact).where(Contact.id.in_(contact_ids)).returning(Contact.id)
    )
    return len(gone.all())


def _erase_parts(contact_ids: Sequence[uuid.UUID], now: datetime) -> None:
    for part in parts():
        part.erase(contact_ids, now)
