"""The wish for another address: a mail with a link goes there, and a notice to the present one.

The private link alone is not enough, for links are passed on: the present address is asked for,
too, and whoever reads it there is told.
"""

from __future__ import annotations

import hmac
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select

from config.database import db
from config.settings import settings
from contacts import links
from contacts.models import AddressChange, Contact
from contacts.my_data.services import PURPOSE
from contacts.services import hash_of, token_path
from mail import outbox
from mail.render import discreet
from vault.box import box_vault_id
from vault.services import vault

WORKS = timedelta(hours=24)


class CannotCheck(Exception):
    """The present address cannot be compared now: a key holder has to sign in first."""


def ask_to_change(
    contact_id: uuid.UUID, link: str, present: str, new: str, language: str, now: datetime
) -> bool:
    """Mail a link to the new address; an earlier wish of the same person is dropped. Flushes.

    False for a private link that works no longer. Nothing is sent where the present address is
    another one, or has had all its mails of the day: nobody changes an address unseen.
    Raises CannotCheck, VaultMissing.
    """
    index, new_index = vault().email_index(present), vault().email_index(new)
    contact = _lock(contact_id)
    if contact is None or links.find_contact(PURPOSE, link, now) != contact_id:
        return False
    if index is None or new_index is None or not _is_indexed(contact):
        raise CannotCheck
    if hmac.compare_digest(index, contact.email_index) and _tell(contact, present, now):
        _mail_link(contact_id, present, new, new_index, language, now)
    return True


def _lock(contact_id: uuid.UUID) -> Any:
    """The contact's row, held: who asks or confirms at this moment comes before or after."""
    columns = (Contact.id, Contact.email_index, Contact.sealed)
    row = select(*columns, Contact.language, Contact.is_discreet).where(Contact.id == contact_id)
    return db.session.execute(row.with_for_update()).one_or_none()


def _is_indexed(contact: Any) -> bool:
    """Whether the index is one of the key of now; after a rotation it takes a while."""
    is_of_now = box_vault_id(contact.sealed) == vault().active().id
    return contact.email_index is not None and is_of_now


def _tell(contact: Any, present: str, now: datetime) -> bool:
    """Tell the present address; False where it gets no more mails today."""
    return outbox.enqueue(
        kind="address-asked",
        idem_key=_key("address-asked", contact.id),
        language=contact.language,  # whoever asks may read another one
        to=present,
        params={"path": f"/{contact.language}/my-data", **discreet(contact.is_discreet)},
        now=now,
        lifetime=WORKS,
        cap=settings().mails_per_address,
    )


def _mail_link(
    contact_id: uuid.UUID, present: str, new: str, index: bytes, language: str, now: datetime
) -> None:
    token = secrets.token_bytes(32)
    db.session.execute(delete(AddressChange).where(AddressChange.contact_id == contact_id))
    is_queued = outbox.enqueue(
        kind="address-change",
        idem_key=_key("address-change", contact_id),
        language=language,
        to=new,
        params={
            "path": f"/{language}/my-data/address/{token_path(token)}",
            **discreet(_is_discreet(contact_id, index)),
        },
        now=now,
        lifetime=WORKS,
        cap=settings().mails_per_address,
    )
    if is_queued:
        # a copy takes up only deeds that were done by an address of the person's own
        details = {"email": new, "before": [present]}
        sealed = vault().seal("contact", contact_id, details)
        change = AddressChange(hash=hash_of(token), contact_id=contact_id, sealed=sealed)
        change.email_index, change.expires_at = index, now + WORKS
        db.session.add(change)
    db.session.flush()


def _key(kind: str, contact_id: uuid.UUID) -> str:
    """By the contact's id erasure finds what waits; not the link's hash, which would open it."""
    return f"{kind}:{contact_id}:{uuid.uuid4()}"


def _is_discreet(contact_id: uuid.UUID, index: bytes) -> bool:
    """Whether who asks, or whoever has the new address already, wants discreet mails.

    One statement, the same for every address: nothing shows whether it is known.
    """
    either = or_(Contact.id == contact_id, Contact.email_index == index)
    return any(db.session.scalars(select(Contact.is_discreet).where(either)))
