"""Makes one contact of two with the same address, while others sign up, confirm and give."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import select, update

from config.database import db
from contacts import tally
from contacts.confirmations import Confirmation
from contacts.merging import merge
from contacts.models import Contact, PrivateLink
from contacts.parts import parts
from staff import audit
from staff.work.sealed_rows import note_broken
from vault.services import CannotOpen, Opener


def merge_duplicate(
    contact_id: uuid.UUID, index: bytes, opener: Opener, now: datetime
) -> uuid.UUID | None:
    """Merge a contact with the one that has the index of its address; who of them stays. Flushes.

    None where the other is gone again. Raises IntegrityError where somebody did something at this
    moment: then all of it is to be tried once more.
    """
    other_id = db.session.scalar(
        select(Contact.id).where(Contact.email_index == index, Contact.id != contact_id)
    )
    if other_id is None:
        return contact_id
    both = _lock([contact_id, other_id])
    if len(both) != 2:
        return contact_id if contact_id in {row.id for row in both} else None
    stays, goes = sorted(both, key=_rank)
    counted = _counted({stays.id, goes.id})
    links = update(PrivateLink).where(PrivateLink.contact_id == goes.id)
    db.session.execute(links.values(contact_id=stays.id))
    merge(goes.id, stays.id, now)
    _recount_countries(counted, opener, now)
    audit.record(
        "contacts.merged",
        now,
        actor=None,
        subject=("contact", stays.id),
        gone=str(goes.id),
    )
    return uuid.UUID(str(stays.id))


def _rank(row: Any) -> Any:
    """Who stays: who confirmed, who gets news (links to leave name the contact), who came first."""
    return row.state != "confirmed", not row.newsletter, row.day, row.id.int


def _lock(ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    """Both contacts, after what hangs on them: who confirms locks in this order, too."""
    for model in {column.model for part in parts() for column in part.sealed}:
        if hasattr(model, "contact_id"):
            rows = select(model.id).where(model.contact_id.in_(ids)).order_by(model.id)
            db.session.execute(rows.with_for_update())
    columns = (Contact.id, Contact.state, Contact.day, Contact.newsletter)
    rows_of_both = select(*columns).where(Contact.id.in_(ids)).order_by(Contact.id)
    return db.session.execute(rows_of_both.with_for_update()).all()


def _counted(ids: set[uuid.UUID]) -> list[tuple[Confirmation, Any]]:
    """The deeds of both that count and of which a person has one at most."""
    confirmations: Sequence[Confirmation] = current_app.extensions["vigil_confirmations"]
    return [
        (confirmation, row)
        for confirmation in confirmations
        if confirmation.once is not None
        for row in db.session.execute(
            select(confirmation.model.id, confirmation.model.sealed).where(
                confirmation.model.contact_id.in_(ids),
                confirmation.model.state == confirmation.state,
            )
        )
    ]


def _recount_countries(
    counted: Sequence[tuple[Confirmation, Any]], opener: Opener, now: datetime
) -> None:
    """Take the countries of deeds that count no longer off, too: only the boxes know them.

    The part has taken one off the day without a country: it is put back and taken off with one.
    """
    for confirmation, row in counted:
        deed = db.session.get(confirmation.model, row.id, populate_existing=True)
        if deed is None or deed.state == confirmation.state:
            continue
        country = _country(confirmation, row, opener)
        if not country:
            continue
        kind, subject = f"{confirmation.kind}.{confirmation.state}", confirmation.subject(deed)
        db.session.execute(tally.change(kind, subject, 1, now.date()))
        db.session.execute(tally.change(kind, subject, -1, now.date(), country))


def _country(confirmation: Confirmation, row: Any, opener: Opener) -> str:
    try:
        return str(opener.open(confirmation.table, row.id, row.sealed).get("country") or "")
    except CannotOpen:
        note_broken(confirmation.table, row.id)
        return ""
