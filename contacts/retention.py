"""What is not confirmed in time goes, and with it everything that was written beside it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from flask import current_app
from sqlalchemy import delete, exists, select

from config.database import db
from contacts import tally
from contacts.confirmations import Confirmation
from contacts.models import Consent, Contact
from contacts.services import CONFIRM_WITHIN

BATCH = 500  # deeds in one transaction


def drop_unconfirmed(now: datetime) -> int:
    """Delete a batch of deeds that were not confirmed within 7 days; how many. Flushes.

    Needs no key. A contact who has done nothing else goes, too.
    """
    confirmations: Sequence[Confirmation] = current_app.extensions["vigil_confirmations"]
    return sum(_drop(confirmation, confirmations, now) for confirmation in confirmations)


def _drop(confirmation: Confirmation, every: Sequence[Confirmation], now: datetime) -> int:
    model = confirmation.model
    too_old = select(model).where(model.state == "pending", model.day < now.date() - CONFIRM_WITHIN)
    deeds = db.session.scalars(
        too_old.order_by(model.day).limit(BATCH).with_for_update(skip_locked=True)
    ).all()
    if not deeds:
        return 0
    ids = [deed.id for deed in deeds]
    people = {deed.contact_id for deed in deeds}
    for deed in deeds:
        change = tally.change(
            f"{confirmation.kind}.pending", confirmation.subject(deed), -1, deed.day
        )
        db.session.execute(change)
    db.session.execute(delete(Consent).where(Consent.deed_id.in_(ids)))
    db.session.execute(delete(model).where(model.id.in_(ids)))
    _drop_contacts(people, every)
    return len(ids)


def _drop_contacts(people: set[uuid.UUID], every: Sequence[Confirmation]) -> None:
    """Contacts that never confirmed anything and have nothing left."""
    nothing_left = [
        ~exists().where(confirmation.model.contact_id == Contact.id) for confirmation in every
    ]
    db.session.execute(
        delete(Contact).where(Contact.id.in_(people), Contact.state == "pending", *nothing_left)
    )
