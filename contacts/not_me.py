"""Somebody else typed this address: what they typed is erased at once, by the link in the mail."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from config.database import db
from contacts import consents, tally
from contacts.confirmations import Confirmation, Found, Outcome, find
from contacts.models import Deed
from contacts.retention import drop_empty
from mail import reminders


def disown(path: str, now: datetime) -> Found:
    """Erase the unconfirmed deed that a token belongs to, and whatever hung on it alone. Flushes.

    What has been confirmed stays: the owner of the address did that. The caller commits.
    """
    found = find(path, now.date())
    if found.outcome not in {Outcome.OPEN, Outcome.EXPIRED}:
        return found
    confirmation, deed = found.confirmation, found.deed
    if confirmation is None or deed is None or not _erase(confirmation, deed):
        return Found(Outcome.SPENT, confirmation, deed)
    return Found(Outcome.DISOWNED, confirmation)


def _erase(confirmation: Confirmation, deed: Deed) -> bool:
    """False where it was confirmed or erased in this moment."""
    model, subject, contact_id = confirmation.model, confirmation.subject(deed), deed.contact_id
    day, deed_id = deed.day, deed.id
    gone = db.session.execute(
        delete(model)
        .where(model.id == deed_id, model.state == "pending")
        .returning(model.id)
        .execution_options(synchronize_session=False)
    ).first()
    if gone is None:
        return False
    db.session.expunge(deed)
    db.session.execute(tally.change(f"{confirmation.kind}.pending", subject, -1, day))
    consents.erase_with_deeds([deed_id])
    reminders.empty([deed_id])
    _drop_contact(contact_id)
    return True


def _drop_contact(contact_id: uuid.UUID) -> None:
    try:
        with db.session.begin_nested():
            drop_empty([contact_id])
    except IntegrityError:  # the same address was entered anew in this moment
        return
