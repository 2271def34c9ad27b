"""What is kept for a time only: each room says what is over, here it goes, batch by batch.

A step finds what is over by reading alone, then drops it by ids, and looks at each row's condition
again while it does: so it stands beside people who sign, confirm or withdraw at the same moment,
and goes on where it was broken off. No step needs a key.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from flask import current_app
from sqlalchemy import ColumnElement, and_, delete, exists, select

from config.database import db
from contacts import consents, erasure, tally
from contacts.confirmations import Confirmation
from contacts.models import AddressChange, Contact, CopyRequest, PrivateLink
from contacts.parts import parts
from contacts.services import CONFIRM_WITHIN
from mail import traces


@dataclass(frozen=True)
class Step:
    """One rule. `find` gives keys of what is over; `drop` deletes of them what still is, and says
    how many rows that were. Both flush at most.
    """

    name: str  # for people who read what a run did
    find: Callable[[datetime, int], Sequence[Any]]
    drop: Callable[[Sequence[Any], datetime], int]


def steps() -> Sequence[Step]:
    """The steps that the application has put together, in the order in which they must run."""
    return cast(Sequence[Step], current_app.extensions["vigil_retention"])


def drop_empty(contact_ids: Sequence[uuid.UUID]) -> int:
    """Delete those contacts that nothing keeps; how many. Flushes."""
    erasure.lock(contact_ids)
    left = select(Contact.id).where(Contact.id.in_(contact_ids), nothing_keeps())
    return erasure.drop_rows(db.session.scalars(left).all())


def nothing_keeps() -> ColumnElement[bool]:
    """No deed, no gift, no wish for news, and no page or copy that the person is about to open."""
    hanging = (AddressChange, CopyRequest, PrivateLink)
    return and_(
        ~Contact.newsletter,
        *(~part.keeps() for part in parts()),
        *(~exists().where(model.contact_id == Contact.id) for model in hanging),
    )


def _is_unconfirmed(confirmation: Confirmation, now: datetime) -> ColumnElement[bool]:
    model = confirmation.model
    return and_(model.state == "pending", model.day < now.date() - CONFIRM_WITHIN)


def _find_unconfirmed(now: datetime, most: int) -> list[uuid.UUID]:
    confirmations: Sequence[Confirmation] = current_app.extensions["vigil_confirmations"]
    found: list[uuid.UUID] = []
    for one in confirmations:
        rows = select(one.model.id).where(_is_unconfirmed(one, now)).limit(most)
        found += db.session.scalars(rows)
    return found


def _drop_unconfirmed(ids: Sequence[uuid.UUID], now: datetime) -> int:
    confirmations: Sequence[Confirmation] = current_app.extensions["vigil_confirmations"]
    return sum(_drop_pending(confirmation, ids, now) for confirmation in confirmations)


def _drop_pending(confirmation: Confirmation, ids: Sequence[uuid.UUID], now: datetime) -> int:
    model = confirmation.model
    rows = select(model).where(model.id.in_(ids), _is_unconfirmed(confirmation, now))
    deeds = db.session.scalars(rows.with_for_update(of=model)).all()
    gone = [deed.id for deed in deeds]
    for deed in deeds:
        subject = confirmation.subject(deed)
        db.session.execute(tally.change(f"{confirmation.kind}.pending", subject, -1, deed.day))
    consents.erase_with_deeds(gone)
    traces.forget_deeds(gone)
    db.session.execute(delete(model).where(model.id.in_(gone)))
    return len(gone)


def _expired(name: str, model: Any, key: str) -> Step:
    """The step for rows that say themselves when they expire."""
    column = getattr(model, key)

    def find(now: datetime, most: int) -> Sequence[Any]:
        return db.session.scalars(select(column).where(model.expires_at <= now).limit(most)).all()

    def drop(keys: Sequence[Any], now: datetime) -> int:
        over = delete(model).where(column.in_(keys), model.expires_at <= now)
        return len(db.session.execute(over.returning(column)).all())

    return Step(name, find, drop)


def _find_kept_by_nothing(now: datetime, most: int) -> Sequence[uuid.UUID]:
    return db.session.scalars(select(Contact.id).where(nothing_keeps()).limit(most)).all()


UNCONFIRMED = Step("deeds not confirmed in time", _find_unconfirmed, _drop_unconfirmed)
EXPIRED = (
    _expired("private links that have run out", PrivateLink, "hash"),
    _expired("copies that have run out", CopyRequest, "id"),
    _expired("changes of address that were not confirmed", AddressChange, "hash"),
)
# The last one: what the others drop may have been all that kept a contact.
CONTACTS = Step(
    "contacts that nothing keeps", _find_kept_by_nothing, lambda ids, now: drop_empty(ids)
)
