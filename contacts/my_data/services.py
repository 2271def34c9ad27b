"""What somebody changes on their own page. Services flush; the views commit."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import update

from config.database import db
from contacts.links import LinkPurpose
from contacts.models import Contact, Correction
from contacts.parts import part_of
from contacts.services import FORM
from vault.services import vault

PURPOSE = "my-data"


def _path(language: str, token: str) -> str:
    return f"/{language}/my-data/{token}"


def _is_known(contact_id: uuid.UUID) -> bool:
    """Whoever is known at all may see what is kept of them."""
    return True


link_purpose = LinkPurpose(mail="my-data", path=_path, has_something=_is_known)


def correct(contact_id: uuid.UUID, email: str, details: Mapping[str, str], now: datetime) -> None:
    """Keep corrected details, sealed, beside those given before. Flushes. Raises VaultMissing.

    `email` is the mailbox by which they came: it goes into the box, for the contact's id stands
    beside it in clear, and whoever writes to the database can put another one there.
    """
    correction_id = uuid.uuid4()
    whose = {"email": email, "at": now.strftime(FORM)}
    sealed = vault().seal("correction", correction_id, {**details, **whose})
    db.session.add(
        Correction(id=correction_id, contact_id=contact_id, sealed=sealed, day=now.date())
    )
    db.session.flush()


def take_back(contact_id: uuid.UUID, kind: str, entry_id: uuid.UUID, now: datetime) -> bool:
    """Take a signature or an offer back with its consent, or end a recurring gift. Flushes.

    False where there is nothing to take back (any more).
    """
    part = part_of(kind)
    return part is not None and part.withdraw(kind, entry_id, contact_id, now)


def set_discreet(contact_id: uuid.UUID, *, is_discreet: bool) -> None:
    """Choose between neutral mails and those that say whom they are from. Flushes."""
    rows = update(Contact).where(Contact.id == contact_id)
    db.session.execute(rows.values(is_discreet=is_discreet))
