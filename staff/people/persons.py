"""People, opened on the way to a page with the key of the session; nothing is kept."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from config.database import db
from contacts.consents import ConsentGiven, consents_of
from contacts.models import Contact
from donate.models import RecurringDonation
from staff import audit
from staff.giving.recurring import recurring_of
from staff.models import StaffMember
from staff.people.copy_match import OwnAddresses
from staff.people.corrections import OpenCorrection, corrected, corrections_of
from staff.people.deeds import DeedRow, deeds_of
from vault.services import CannotOpen, Opener, vault
from volunteers.models import VolunteerNote, VolunteerSignup

log = logging.getLogger("vigil.staff")

COUNTED = {"confirmed", "repeated", "new", "contacted", "active", "declined", "paid"}


@dataclass(frozen=True)
class OpenDeed:
    """A deed with what the person gave; `details` is empty where the box does not open."""

    row: DeedRow
    details: Mapping[str, Any] = field(repr=False)
    is_open: bool
    own_email: str = field(default="", repr=False)  # in this very box, not the contact's

    @property
    def name(self) -> str:
        """The name given with this deed."""
        return str(self.details.get("name") or "")

    @property
    def email(self) -> str:
        """The address given with this deed."""
        return str(self.details.get("email") or "")

    @property
    def at(self) -> str:
        """When it was done, as far as the person's box says so."""
        return str(self.details.get("at") or self.row.day.isoformat())


@dataclass(frozen=True)
class OpenNote:
    """A note of staff; `text` is None where it does not open."""

    signup_id: uuid.UUID
    author: str
    day: date
    text: str | None = field(repr=False)
    email: str = field(default="", repr=False)  # of whom it is about; older boxes name none


@dataclass(frozen=True)
class Person:
    """Everything that one person did here."""

    id: uuid.UUID
    email: str | None = field(repr=False)  # None: cannot be opened
    language: str
    newsletter: bool
    is_discreet: bool
    state: str
    day: date
    deeds: list[OpenDeed] = field(repr=False)
    recurring: list[RecurringDonation]
    notes: dict[uuid.UUID, list[OpenNote]] = field(repr=False)
    consents: list[ConsentGiven]
    corrections: list[OpenCorrection] = field(repr=False)  # the oldest first
    earlier: tuple[str, ...] = field(default=(), repr=False)  # addresses before this one

    @property
    def is_volunteer(self) -> bool:
        """Whether they have offered their time."""
        return any(deed.row.kind == "volunteer" for deed in self.deeds)

    @property
    def addresses(self) -> OwnAddresses:
        """What tells their own entries from those that somebody hung on them."""
        return OwnAddresses(self.email, self.earlier)

    @property
    def newest(self) -> Mapping[str, Any]:
        """The details of the newest confirmed deed, with what the person has put right since.

        A correction comes by a link that was mailed to them. One that came by a link to another
        address does not count: somebody has hung it here.
        """
        own = [one for one in self.corrections if self.addresses.may_have(one.email)]
        sure = [deed for deed in self.deeds if deed.is_open and deed.row.state in COUNTED]
        if not sure:
            return corrected({}, "", own)
        deed = max(sure, key=lambda deed: deed.at)
        address = {"email": self.email} if self.email else {}  # perhaps changed since
        return corrected(deed.details, deed.at, own) | address

    @property
    def name(self) -> str:
        """What to call the person; a name from an unconfirmed deed only where there is no other."""
        names = [deed.name for deed in self.deeds if deed.name]
        return str(self.newest.get("name") or (names[0] if names else ""))


def open_deeds(rows: Iterable[DeedRow], opener: Opener) -> list[OpenDeed]:
    """Open each deed; one that does not open stays in its place and says so."""
    return [_open_deed(row, opener) for row in rows]


def find_by_email(email: str, opener: Opener, actor: uuid.UUID, now: datetime) -> uuid.UUID | None:
    """The contact with exactly this address. Flushes. Raises VaultMissing.

    Puts the index key back where the power took it since somebody signed in; the log says so.
    """
    index = vault().email_index(email)
    if index is None:
        if vault().restore_index_key(opener):
            audit.record("index-key.restored", now, actor=actor, subject=("vault", None))
        index = vault().email_index(email)
    return db.session.scalar(select(Contact.id).where(Contact.email_index == index))


def open_person(contact_id: uuid.UUID, opener: Opener) -> Person | None:
    """One person with everything they did; None where there is nobody of this id."""
    contact = db.session.get(Contact, contact_id)
    if contact is None:
        return None
    deeds = open_deeds(deeds_of(contact_id), opener)
    address = open_box(opener, "contact", contact.id, contact.sealed)
    return Person(
        id=contact.id,
        email=None if address is None else str(address.get("email") or ""),
        language=contact.language,
        newsletter=contact.newsletter,
        is_discreet=contact.is_discreet,
        state=contact.state,
        day=contact.day,
        deeds=deeds,
        recurring=recurring_of(contact_id),
        notes=_notes([deed.row.id for deed in deeds if deed.row.kind == "volunteer"], opener),
        consents=consents_of(contact_id),
        corrections=corrections_of(contact_id, opener),
        earlier=tuple(str(one) for one in (address or {}).get("before", [])),
    )


def _open_deed(row: DeedRow, opener: Opener) -> OpenDeed:
    details = open_box(opener, row.table, row.id, row.sealed) if row.sealed else {}
    if details is None:
        return OpenDeed(row, {}, is_open=False)
    own_email = str(details.get("email") or "")
    if not own_email:
        contact = open_box(opener, "contact", row.contact_id, row.contact_sealed) or {}
        details = {**details, "email": contact.get("email", "")}
    return OpenDeed(row, details, is_open=True, own_email=own_email)


def open_box(opener: Opener, table: str, row_id: uuid.UUID, blob: bytes) -> dict[str, Any] | None:
    """What was sealed for one row; None, and a line in the log, where it does not open."""
    try:
        return opener.open(table, row_id, blob)
    except CannotOpen:
        log.error("a box does not open: %s %s", table, row_id)
        return None


def address_in_signup(signup_id: uuid.UUID, opener: Opener) -> str:
    """The address in a volunteer sign-up's own box; empty where it does not open."""
    table = VolunteerSignup.__tablename__
    box = db.session.scalar(select(VolunteerSignup.sealed).where(VolunteerSignup.id == signup_id))
    details = open_box(opener, table, signup_id, box) if box else None
    return str((details or {}).get("email") or "")


def _notes(signup_ids: list[uuid.UUID], opener: Opener) -> dict[uuid.UUID, list[OpenNote]]:
    notes: dict[uuid.UUID, list[OpenNote]] = {signup_id: [] for signup_id in signup_ids}
    rows = db.session.execute(
        select(VolunteerNote, StaffMember.name)
        .outerjoin(StaffMember, StaffMember.id == VolunteerNote.author_id)
        .where(VolunteerNote.signup_id.in_(signup_ids))
    )
    opened = []
    for row, author in rows:
        details = open_box(opener, "volunteer_note", row.id, row.sealed)
        text = None if details is None else str(details.get("text", ""))
        at, email = str((details or {}).get("at", row.day)), str((details or {}).get("email", ""))
        opened.append((at, OpenNote(row.signup_id, author or "", row.day, text, email)))
    for _at, note in sorted(opened, key=lambda pair: pair[0]):
        notes[note.signup_id].append(note)
    return notes
