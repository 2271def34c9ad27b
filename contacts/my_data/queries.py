"""What the private page shows: all that can be read without the key."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from flask import current_app
from sqlalchemy import func, select

from config.database import db
from contacts.consents import ConsentGiven, consents_of
from contacts.links import LinkPurpose
from contacts.models import Contact, Correction
from contacts.my_data.copies import is_waiting
from contacts.parts import Entry, parts

GIVING = "giving"  # the purpose of the links to a person's gifts


@dataclass(frozen=True)
class MyData:
    """Everything about one person that needs no key."""

    language: str
    newsletter: bool
    is_discreet: bool
    day: date
    entries: list[Entry]
    consents: list[ConsentGiven]
    corrected_on: date | None  # the last time
    is_copy_waiting: bool
    has_giving: bool


def my_data(contact_id: uuid.UUID) -> MyData | None:
    """What is kept of a person; None where nobody is known by this id (any more)."""
    contact = db.session.get(Contact, contact_id)
    if contact is None:
        return None
    return MyData(
        language=contact.language,
        newsletter=contact.newsletter,
        is_discreet=contact.is_discreet,
        day=contact.day,
        entries=entries_of(contact_id),
        consents=consents_of(contact_id),
        corrected_on=db.session.scalar(
            select(func.max(Correction.day)).where(Correction.contact_id == contact_id)
        ),
        is_copy_waiting=is_waiting(contact_id),
        has_giving=giving_purpose().has_something(contact_id),
    )


def entries_of(contact_id: uuid.UUID) -> list[Entry]:
    """What a person did in all rooms, the newest first."""
    found = [entry for part in parts() for entry in part.entries(contact_id)]
    return sorted(found, key=lambda entry: (entry.day, entry.id.int), reverse=True)


def find_entry(contact_id: uuid.UUID, kind: str, entry_id: uuid.UUID) -> Entry | None:
    """One thing that a person did and can take back; somebody else's is not there."""
    return next(
        (
            entry
            for entry in entries_of(contact_id)
            if (entry.kind, entry.id) == (kind, entry_id) and entry.can_withdraw
        ),
        None,
    )


def giving_purpose() -> LinkPurpose:
    """The links to a person's gifts, of the room above that has them."""
    purposes: Mapping[str, LinkPurpose] = current_app.extensions["vigil_link_purposes"]
    return purposes[GIVING]
