"""What is kept of a volunteer: the sign-ups, and the notes that staff made on them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, delete, exists, select, update

from config.database import db
from contacts import consents, tally
from contacts.models import Contact
from contacts.parts import Entry, SealedColumn
from mail import traces
from volunteers.models import VolunteerNote, VolunteerSignup
from volunteers.services import SUBJECT

KIND = "volunteer"


class VolunteerPart:
    """Sign-ups, each of which can be taken back with what was noted on it."""

    kinds: tuple[str, ...] = (KIND,)
    sealed = (
        SealedColumn(VolunteerSignup, "sealed", "volunteer_signup"),
        SealedColumn(VolunteerNote, "sealed", "volunteer_note"),
    )

    def entries(self, contact_id: uuid.UUID) -> list[Entry]:
        """The sign-ups, the newest first."""
        rows = db.session.scalars(
            select(VolunteerSignup)
            .where(VolunteerSignup.contact_id == contact_id)
            .order_by(VolunteerSignup.day.desc(), VolunteerSignup.id)
        )
        return [_entry(row) for row in rows]

    def withdraw(
        self, kind: str, entry_id: uuid.UUID, contact_id: uuid.UUID, now: datetime
    ) -> bool:
        """Take one sign-up back. Flushes."""
        if kind != KIND:
            return False
        own = (VolunteerSignup.id == entry_id) & (VolunteerSignup.contact_id == contact_id)
        gone = delete_signups(own, now)
        for signup_id in gone:
            consents.withdraw(contact_id, now.date(), deed_id=signup_id)
        return bool(gone)

    def move(self, from_id: uuid.UUID, to_id: uuid.UUID, now: datetime) -> None:
        """Hang the sign-ups on another contact: each is an offer of its own. Flushes."""
        db.session.execute(
            update(VolunteerSignup)
            .where(VolunteerSignup.contact_id == from_id)
            .values(contact_id=to_id)
            .execution_options(synchronize_session=False)
        )

    def erase(self, contact_ids: Sequence[uuid.UUID], now: datetime) -> None:
        """Delete sign-ups and notes; the counts go with them. Flushes."""
        delete_signups(VolunteerSignup.contact_id.in_(contact_ids), now)

    def keeps(self) -> ColumnElement[bool]:
        """Any sign-up keeps its contact."""
        return exists().where(VolunteerSignup.contact_id == Contact.id)


def delete_signups(condition: ColumnElement[bool], now: datetime) -> list[uuid.UUID]:
    """Delete sign-ups with their notes, mails and counts; their ids. Flushes.

    The rows are locked first, so that no note can be added to one that goes.
    """
    ids = db.session.scalars(select(VolunteerSignup.id).where(condition).with_for_update()).all()
    db.session.execute(delete(VolunteerNote).where(VolunteerNote.signup_id.in_(ids)))
    columns = (VolunteerSignup.id, VolunteerSignup.state, VolunteerSignup.day)
    gone = db.session.execute(
        delete(VolunteerSignup)
        .where(VolunteerSignup.id.in_(ids))
        .returning(*columns)
        .execution_options(synchronize_session=False)
    ).all()
    for row in gone:
        day = row.day if row.state == "pending" else now.date()
        db.session.execute(tally.change(f"volunteer.{row.state}", SUBJECT, -1, day))
    consents.erase_with_deeds([row.id for row in gone if row.state == "pending"])
    traces.forget_deeds([row.id for row in gone])
    return [row.id for row in gone]


def _entry(row: VolunteerSignup) -> Entry:
    return Entry(
        kind=KIND,
        id=row.id,
        subject=_("Volunteering"),
        state=row.state,
        day=row.day,
        language=row.language,
        can_withdraw=True,
    )


part = VolunteerPart()
