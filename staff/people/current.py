"""Deeds as lists and tables show them: with what the person has put right since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from config.database import begin_read, db
from staff.people.copy_match import OwnAddresses
from staff.people.corrections import OpenCorrection, corrected, open_corrections, read_corrections
from staff.people.deeds import DeedRow
from staff.people.persons import COUNTED, OpenDeed, open_box, open_deeds
from vault.services import Opener


def open_current(rows: Sequence[DeedRow], opener: Opener) -> list[OpenDeed]:
    """Open each deed, with the person's address of today and what they corrected after it.

    Who has not confirmed a deed may be somebody else, and so may who is named in its box: those
    stand as they were typed. What was begun in the database is undone: no transaction, and no
    lock, is held while boxes are opened, nor while a table leaves for a slow line.
    """
    begin_read()
    sealed = read_corrections({row.contact_id for row in rows})
    db.session.rollback()
    corrections = open_corrections(sealed, opener)
    boxes = {row.contact_id: row.contact_sealed for row in rows}
    contacts = {at: open_box(opener, "contact", at, box) or {} for at, box in boxes.items()}
    return [
        _current(deed, contacts[deed.row.contact_id], corrections.get(deed.row.contact_id, ()))
        for deed in open_deeds(rows, opener)
    ]


def _current(
    deed: OpenDeed, contact: dict[str, object], corrections: Iterable[OpenCorrection]
) -> OpenDeed:
    email, before = contact.get("email"), contact.get("before", [])
    if not deed.is_open or not email or deed.row.state not in COUNTED:
        return deed
    own = OwnAddresses(str(email), map(str, before if isinstance(before, list) else ()))
    if not own.may_have(deed.own_email):
        return deed
    theirs = [one for one in corrections if own.may_have(one.email)]
    return replace(deed, details=corrected(deed.details, deed.at, theirs) | {"email": email})
