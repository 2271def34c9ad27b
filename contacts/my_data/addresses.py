"""Another address: whoever presses the button in the mail that went there has it.

Where the new address is another contact's, confirming joins both: whoever does it has opened mail
at both addresses. Until then nothing shows whether the address is known.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from config.database import db
from contacts.merging import merge
from contacts.models import AddressChange, Contact, CopyRequest, PrivateLink
from contacts.services import hash_of, token_from_path
from vault.box import box_vault_id
from vault.services import vault


class _Gone(Exception):
    """The link was used or replaced in this moment: what was begun is undone."""


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
    old address open nothing any more, nor do those to copies. Raises VaultMissing.
    """
    for attempt in (1, 2):
        try:
            with db.session.begin_nested():
                return _confirm(path, now)
        except _Gone:
            return False
        except IntegrityError:  # somebody signed with the new address in this moment
            if attempt == 2:
                raise
    return False


def _confirm(path: str, now: datetime) -> bool:
    found = find_change(path, now)
    if found is None:
        return False
    key, contact_id = found.hash, found.contact_id
    index, sealed = found.email_index, found.sealed
    other_id = _who_has(index, contact_id)
    if other_id:
        merge(other_id, contact_id, now)
    _take(key, contact_id)
    row = update(Contact).where(Contact.id == contact_id)
    db.session.execute(row.values(sealed=sealed, email_index=index, state="confirmed"))
    return True


def _take(key: bytes, contact_id: uuid.UUID) -> None:
    """Use the link up, with all else that was mailed for this person.

    The contact is held before, as by who asks: a link that is added at this moment is either seen
    here, or not added, for the private link behind it is gone. Raises _Gone.
    """
    db.session.execute(select(Contact.id).where(Contact.id == contact_id).with_for_update())
    changes = delete(AddressChange).where(AddressChange.contact_id == contact_id)
    if key not in db.session.scalars(changes.returning(AddressChange.hash)).all():
        raise _Gone
    db.session.execute(delete(PrivateLink).where(PrivateLink.contact_id == contact_id))
    released = CopyRequest.released_at.is_not(None)
    db.session.execute(delete(CopyRequest).where(CopyRequest.contact_id == contact_id, released))


def _who_has(index: bytes | None, contact_id: uuid.UUID) -> uuid.UUID | None:
    """Somebody else with this address. Without the index key duplicates wait to be joined."""
    if index is None:
        return None
    other = select(Contact.id).where(Contact.email_index == index, Contact.id != contact_id)
    return db.session.scalar(other)


def _is_of_this_vault(change: AddressChange) -> bool:
    return box_vault_id(change.sealed) == vault().active().id
