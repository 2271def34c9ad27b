"""Leaving the news by one click (RFC 8058), with a link that needs no key of the vault.

It is signed with the form keys, the older ones of SECRET_KEY included, and works for ever.
"""

from __future__ import annotations

import hashlib
import uuid

from flask import current_app
from itsdangerous import BadSignature, Signer

from config.database import db
from contacts.models import Contact
from contacts.services import token_from_path, token_path

PURPOSE = "vigil.unsubscribe"


def unsubscribe_path(language: str, contact_id: uuid.UUID) -> str:
    """The address under which a contact leaves the news: their id, and a proof that it is ours."""
    token = _signer().sign(token_path(contact_id.bytes)).decode()
    return f"/{language}/unsubscribe/{token}"


def contact_in(token: str) -> uuid.UUID | None:
    """Whom a token belongs to; None where it is not one of ours. Asks no database."""
    try:
        named = _signer().unsign(token.encode()).decode()
        return uuid.UUID(bytes=token_from_path(named))
    except (BadSignature, ValueError):
        return None


def is_there(contact_id: uuid.UUID) -> bool:
    """Whether anything is kept of a contact."""
    return db.session.get(Contact, contact_id) is not None


def _signer() -> Signer:
    keys: list[str] = current_app.extensions["vigil_form_keys"]
    return Signer(keys, salt=PURPOSE, sep=".", key_derivation="hmac", digest_method=hashlib.sha256)
