"""Another address: a mail goes there, and whoever presses the button in it has it.

Where the new address is another contact's, confirming joins both: whoever does it has opened mail
at both addresses. Until then nothing shows whether the address is known.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from config.database import db
from config.settings import settings
from contacts.merging import merge
from contacts.models import AddressChange, Contact, PrivateLink
from contacts.services import hash_of, token_from_path, token_path
from mail import outbox
from mail.render import discreet
from vault.box import box_vault_id
from vault.services import vault

WORKS = timedelta(hours=24)


def ask_to_change(contact_id: uuid.UUID, email: str, language: str, now: datetime) -> None:
    """Mail a link to the new address; an earlier wish of the same person is dropped. Flushes.

    Raises VaultMissing.
    """
    token = secrets.token_bytes(32)
    change = AddressChange(
        hash=hash_of(token),
        contact_id=contact_id,
        sealed=vault().seal("contact", contact_id, {"email": email}),
        email_index=vault().email_index(email),
        expires_at=now + WORKS,
    )
    db.session.execute(delete(AddressChange).where(AddressChange.contact_id == contact_id))
    db.session.add(change)
    outbox.enqueue(
        kind="address-change",
        idem_key=f"address-change:{uuid.uuid4()}",  # not the hash: it would lead to the person
        language=language,
        to=email,
        params={
            "path": f"/{language}/my-data/address/{token_path(token)}",
            **discreet(_is_discreet(contact_id)),
        },
        now=now,
        lifetime=WORKS,
        cap=settings().mails_per_address,
    )
    db.session.flush()


def find_change(path: str, now: datetime) -> AddressChange | None:
    """What a link in such a mail stands for; None for an unknown, used or outdated one.

    A box of a vault that was replaced meanwhile is outdated: nobody will have its key for long.
    """
    found = db.session.get(AddressChange, hash_of(token_from_path(path)))
    is_good = found is not None and found.expires_at > now
    return found if found and is_good and _is_of_this_vault(found) else None


def confirm_change(path: str, now: datetime) -> bool:
    """Put the new address in force, once; False for a link that works no longer. Flushes.

    Whoever knows the new address already becomes the same person. Links that were mailed to the
    old address open nothing any more. Raises VaultMissing.
    """
    for attempt in (1, 2):
        try:
            with db.session.begin_nested():
                return _confirm(path, now)
        except IntegrityError:  # somebody signed with the new address in this moment
            if attempt == 2:
                raise
    return False


def _confirm(path: str, now: datetime) -> bool:
    found = find_change(path, now)
    taken = delete(AddressChange).where(AddressChange.hash == (found.hash if found else b""))
    if found is None or not db.session.execute(taken.returning(AddressChange.hash)).first():
        return False
    contact_id, index, sealed = found.contact_id, found.email_index, found.sealed
    other_id = _who_has(index, contact_id)
    if other_id:
        merge(other_id, contact_id, now)
    db.session.execute(delete(PrivateLink).where(PrivateLink.contact_id == contact_id))
    row = update(Contact).where(Contact.id == contact_id)
    db.session.execute(row.values(sealed=sealed, email_index=index, state="confirmed"))
    return True


def _is_discreet(contact_id: uuid.UUID) -> bool:
    return bool(db.session.scalar(select(Contact.is_discreet).where(Contact.id == contact_id)))


def _who_has(index: bytes | None, contact_id: uuid.UUID) -> uuid.UUID | None:
    """Somebody else with this address. Without the index key duplicates wait to be joined."""
    if index is None:
        return None
    other = select(Contact.id).where(Contact.email_index == index, Contact.id != contact_id)
    return db.session.scalar(other)


def _is_of_this_vault(change: AddressChange) -> bool:
    return box_vault_id(change.sealed) == vault().active().id
