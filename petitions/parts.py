"""What petitions keep of a person: signatures, each counted once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.orm import aliased

from config.database import db
from config.languages import current_language
from contacts import consents, tally
from contacts.models import Contact
from contacts.parts import Entry, SealedColumn
from mail import traces
from petitions.models import Petition, Signature
from petitions.queries import petition_titles

KIND = "signature"
# What stands for a person under a petition where there are several rows.
_RANK = {"confirmed": 0, "repeated": 1, "pending": 2}


class SignaturePart:
    """Signatures: whoever withdraws one takes back all that they wrote under that petition."""

    kinds: tuple[str, ...] = (KIND,)
    sealed = (SealedColumn(Signature, "sealed", "signature"),)

    def entries(self, contact_id: uuid.UUID) -> list[Entry]:
        """One for each petition, the newest first."""
        titles = petition_titles(current_language())
        rows = db.session.execute(
            select(Signature, Petition.slug)
            .join(Petition)
            .where(Signature.contact_id == contact_id)
        ).all()
        found: dict[str, Entry] = {}
        for row, slug in sorted(rows, key=lambda row: _RANK.get(row[0].state, 9)):
            found.setdefault(slug, _entry(row, titles.get(slug, slug)))
        return sorted(found.values(), key=lambda entry: (entry.day, str(entry.id)), reverse=True)

    def withdraw(
        self, kind: str, entry_id: uuid.UUID, contact_id: uuid.UUID, now: datetime
    ) -> bool:
        """Take back what the person wrote under the petition of this entry. Flushes."""
        petition_id = db.session.scalar(
            select(Signature.petition_id).where(
                Signature.id == entry_id, Signature.contact_id == contact_id
            )
        )
        if kind != KIND or petition_id is None:
            return False
        gone = _delete(
            (Signature.petition_id == petition_id) & (Signature.contact_id == contact_id), now
        )
        for signature_id in gone:
            consents.withdraw(contact_id, now.date(), deed_id=signature_id)
        return bool(gone)

    def move(self, from_id: uuid.UUID, to_id: uuid.UUID, now: datetime) -> None:
        """Hang the signatures on another contact; the second under one petition counts no more.

        The unique index would refuse it. Which of two was first says nothing: the one stays that
        hangs on the contact who stays. Flushes.
        """
        kept = aliased(Signature)
        twice = exists().where(
            kept.contact_id == to_id,
            kept.petition_id == Signature.petition_id,
            kept.state == "confirmed",
        )
        doubled = db.session.scalars(
            update(Signature)
            .where(Signature.contact_id == from_id, Signature.state == "confirmed", twice)
            .values(state="repeated")
            .returning(Signature.petition_id)
            .execution_options(synchronize_session=False)
        ).all()
        slugs = slugs_of(doubled)
        for petition_id in doubled:
            db.session.execute(
                tally.change("signature.confirmed", slugs[petition_id], -1, now.date())
            )
        _move_all(from_id, to_id)

    def erase(self, contact_ids: Sequence[uuid.UUID], now: datetime) -> None:
        """Delete their signatures; the counts go with them. Flushes."""
        _delete(Signature.contact_id.in_(contact_ids), now)

    def keeps(self) -> ColumnElement[bool]:
        """Any signature keeps its contact, also one that waits to be confirmed."""
        return exists().where(Signature.contact_id == Contact.id)


def _entry(row: Signature, title: str) -> Entry:
    state = "confirmed" if row.state == "repeated" else row.state
    return Entry(
        kind=KIND,
        id=row.id,
        subject=title,
        state=state,
        day=row.day,
        language=row.language,
        can_withdraw=True,
    )


def _delete(condition: ColumnElement[bool], now: datetime) -> list[uuid.UUID]:
    """Delete signatures with their mails and counts; their ids.

    A confirmed one leaves the count on the day when it is taken back: on every day the sum is what
    it was then. Its country stands in the sealed box alone, so that the count by country keeps it.
    """
    columns = (Signature.id, Signature.petition_id, Signature.state, Signature.day)
    gone = db.session.execute(
        delete(Signature)
        .where(condition)
        .returning(*columns)
        .execution_options(synchronize_session=False)
    ).all()
    slugs = slugs_of([row.petition_id for row in gone])
    for row in gone:
        slug = slugs[row.petition_id]
        if row.state == "confirmed":
            db.session.execute(tally.change("signature.confirmed", slug, -1, now.date()))
        elif row.state == "pending":
            db.session.execute(tally.change("signature.pending", slug, -1, row.day))
    never_agreed = [row.id for row in gone if row.state == "pending"]
    consents.erase_with_deeds(never_agreed)
    gone_ids = [row.id for row in gone]
    traces.forget_deeds(gone_ids)
    return gone_ids


def _move_all(from_id: uuid.UUID, to_id: uuid.UUID) -> None:
    db.session.execute(
        update(Signature)
        .where(Signature.contact_id == from_id)
        .values(contact_id=to_id)
        .execution_options(synchronize_session=False)
    )


def slugs_of(petition_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The names of petitions, by id."""
    if not petition_ids:
        return {}
    rows = db.session.execute(
        select(Petition.id, Petition.slug).where(Petition.id.in_(petition_ids))
    )
    return {row.id: row.slug for row in rows}


part = SignaturePart()
