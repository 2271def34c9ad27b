"""A full copy: asked for here, released by a key holder, and open for a week to the link alone.

What was released lies under a key made of the token in the mailed link; the database has only the
token's hash.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from config.database import db
from contacts.models import AddressChange, Contact, CopyRequest
from contacts.services import hash_of, token_from_path, token_path
from vault.services import unwrap_for_session, wrap_for_session

ANSWERED_WITHIN = timedelta(days=30)  # GDPR, article 12(3): one month
DAYS = 7
KEPT = timedelta(days=DAYS)
BLOCK = 4096  # bytes; the length of what is sealed tells less so


class AlreadyReleased(Exception):
    """Somebody else released this copy, or nobody waits for it any more."""


def ask_for_copy(contact_id: uuid.UUID, language: str, now: datetime) -> bool:
    """Note the wish for a copy; False where one is waiting already. Flushes."""
    db.session.execute(select(Contact.id).where(Contact.id == contact_id).with_for_update())
    if is_waiting(contact_id):
        return False
    expires_at = now + ANSWERED_WITHIN
    wish = CopyRequest(
        contact_id=contact_id, language=language, asked_at=now, expires_at=expires_at
    )
    db.session.add(wish)
    db.session.flush()
    return True


def is_waiting(contact_id: uuid.UUID) -> bool:
    """Whether somebody's wish waits for a key holder."""
    waiting = select(CopyRequest.id).where(
        CopyRequest.contact_id == contact_id, CopyRequest.released_at.is_(None)
    )
    return db.session.scalar(waiting) is not None


def release_copy(request_id: uuid.UUID, files: Mapping[str, str], now: datetime) -> str:
    """Seal the files under a key that is only in the token given back. Flushes.

    The token is in the form in which it stands in an address. Raises AlreadyReleased.
    """
    token = secrets.token_bytes(32)
    text = json.dumps(dict(files), ensure_ascii=False).encode()
    padded = text.ljust(-(-len(text) // BLOCK) * BLOCK)  # JSON takes no notice of spaces
    released = db.session.execute(
        update(CopyRequest)
        .where(CopyRequest.id == request_id, CopyRequest.released_at.is_(None))
        .values(
            released_at=now,
            expires_at=now + KEPT,
            hash=hash_of(token),
            blob=wrap_for_session(token, padded, request_id.bytes),
        )
        .returning(CopyRequest.id)
    )
    if released.first() is None:
        raise AlreadyReleased
    return token_path(token)


def open_copy(path: str, now: datetime) -> dict[str, str] | None:
    """The files of the copy to which a token belongs; None for one that works no longer."""
    token = token_from_path(path)
    found = db.session.scalar(
        select(CopyRequest).where(CopyRequest.hash == hash_of(token), CopyRequest.expires_at > now)
    )
    opened = unwrap_for_session(token, found.blob or b"", found.id.bytes) if found else None
    return json.loads(opened) if opened else None


def drop_old(now: datetime) -> int:
    """Delete copies and address changes whose time is over; how many. Needs no key. Flushes."""
    dropped = 0
    for model, key in ((CopyRequest, CopyRequest.id), (AddressChange, AddressChange.hash)):
        old = delete(model).where(model.expires_at <= now).returning(key)
        dropped += len(db.session.execute(old).all())
    return dropped
