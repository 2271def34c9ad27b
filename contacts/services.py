"""Writes down what a person does: contact, deed, consents, count and confirmation mail, at once."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, cast

from flask import current_app
from sqlalchemy import Table, inspect

from config.database import db, insert_or_update
from config.settings import settings
from contacts.consents import hash_of_words
from contacts.deed_statements import contact_insert, deed_writer
from contacts.models import ConsentText, Deed
from mail import outbox
from mail.render import discreet
from vault.services import vault, wrap_for_session

CONFIRM_WITHIN = timedelta(days=7)
MAIL_LIFETIME = timedelta(hours=24)
FORM = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Agreed:
    """A consent somebody gave: what for, and the exact words they saw."""

    purpose: str
    words: str


@dataclass(frozen=True)
class GivenDeed:
    """A form that was accepted, before it is sealed."""

    model: type[Deed]
    kind: str  # "signature": names the counts
    mail: str  # the mail that asks for confirmation
    subject: str  # what is counted: a petition's slug
    email: str
    language: str
    details: Mapping[str, Any]  # sealed as they are
    agreed: Sequence[Agreed]
    columns: Mapping[str, Any] = field(default_factory=dict)  # the deed's own, in clear
    country: str = ""
    is_discreet: bool = False  # mails that do not show, from outside, whom they are from


def record_deed(given: GivenDeed, now: datetime) -> None:
    """Write an unconfirmed deed and queue its mail; the same work whatever we know of the address.

    The caller commits. Raises VaultMissing.
    """
    hashes = [consent_text(agreed, given.language, now.date()) for agreed in given.agreed]
    table = inspect(given.model).local_table
    writer = deed_writer(cast(Table, table), tuple(given.columns), len(hashes))
    # All sealing is done before the transaction takes SQLite's write lock (unless words, petition
    # or vault had to be looked up).
    writer.write(_deed_values(given, str(table.description), hashes, now))


def _deed_values(
    given: GivenDeed, table: str, hashes: Sequence[bytes], now: datetime
) -> dict[str, Any]:
    deed_id, token, day = uuid.uuid4(), secrets.token_bytes(32), now.date()
    details = {**given.details, "at": now.strftime(FORM), "agreed": [h.hex() for h in hashes]}
    if given.is_discreet:
        details["is_discreet"] = True
    deed = {
        "id": deed_id,
        "sealed": vault().seal(table, deed_id, details),
        "language": given.language,
        "state": "pending",
        "day": day,
        "confirm_hash": hash_of(token),
        "confirm_note": _note(token, deed_id, given),
        **given.columns,
    }
    count = {"kind": f"{given.kind}.pending", "subject": given.subject, "country": "", "n": 1}
    values = {
        **contact_values(given.email, given.language, "pending", day, given.is_discreet),
        **_named("deed", deed),
        **_named("count", {**count, "day": day}),
        **_confirmation_mail(given, deed_id, token, now),
    }
    for number, (agreed, text_hash) in enumerate(zip(given.agreed, hashes, strict=True)):
        consent = {"id": uuid.uuid4(), "deed_id": deed_id, "purpose": agreed.purpose}
        consent |= {"text_hash": text_hash, "is_given": True, "day": day}
        values |= _named(f"consent{number}", consent)
    return values


def contact_values(
    email: str, language: str, state: str, day: date, is_discreet: bool = False
) -> dict[str, Any]:
    """The values for `contact_insert`, the address sealed. Raises VaultMissing."""
    contact_id = uuid.uuid4()
    # The box first: where the vault is rotated between the two, the box says that the index is
    # to be made anew.
    sealed = vault().seal("contact", contact_id, {"email": email})
    contact = {
        "id": contact_id,
        "email_index": vault().email_index(email),
        "sealed": sealed,
        "language": language,
        "newsletter": False,
        "is_discreet": is_discreet,
        "state": state,
        "day": day,
    }
    return _named("contact", contact)


def add_contact(
    email: str, language: str, state: str, day: date, is_discreet: bool = False
) -> uuid.UUID:
    """Add a contact, or find the one with this address; its id. Raises VaultMissing."""
    values = contact_values(email, language, state, day, is_discreet)
    contact_id: uuid.UUID = db.session.execute(contact_insert(), values).scalar_one()
    return contact_id


def _named(prefix: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}_{name}": value for name, value in row.items()}


def consent_text(agreed: Agreed, language: str, day: date) -> bytes:
    """The hash of the words agreed to; written down where they are new."""
    text_hash = hash_of_words(agreed.purpose, language, agreed.words)
    known: set[bytes] = current_app.extensions.setdefault("vigil_consent_texts", set())
    if text_hash in known:
        return text_hash
    if db.session.get(ConsentText, text_hash):  # committed, or it would not be cached
        known.add(text_hash)
        return text_hash
    values = {"purpose": agreed.purpose, "language": language, "words": agreed.words, "day": day}
    statement = insert_or_update(ConsentText).values(hash=text_hash, **values)
    db.session.execute(statement.on_conflict_do_nothing())
    return text_hash


def hash_of(token: bytes) -> bytes:
    """What is kept of a token: SHA-256, enough for 256 random bits."""
    return hashlib.sha256(token).digest()


def token_path(token: bytes) -> str:
    """A token as it stands in an address (base64url, RFC 4648 5)."""
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def token_from_path(path: str) -> bytes:
    """The token in an address; empty where it is none."""
    try:
        token = base64.b64decode(path + "=" * (-len(path) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    return token if token_path(token) == path else b""


def _note(token: bytes, deed_id: uuid.UUID, given: GivenDeed) -> bytes:
    return confirm_note(token, deed_id, given.country, given.is_discreet)


def confirm_note(token: bytes, deed_id: uuid.UUID, country: str, is_discreet: bool) -> bytes:
    """What confirming must know, readable only with the token in the mail.

    The country, for the count of confirmed ones, and the wish for discreet mails: on a contact
    that was there before it takes effect only when the owner of the address confirms it.
    """
    note = json.dumps({"country": country, "is_discreet": is_discreet}).encode()
    return wrap_for_session(token, note, deed_id.bytes)


def confirmation_params(language: str, token: bytes, is_discreet: bool) -> dict[str, str]:
    """The parameters of a mail that asks for a confirmation."""
    name = token_path(token)
    params = {"path": f"/{language}/confirm/{name}", "not_me_path": f"/{language}/not-me/{name}"}
    return params | discreet(is_discreet)


def _confirmation_mail(
    given: GivenDeed, deed_id: uuid.UUID, token: bytes, now: datetime
) -> dict[str, Any]:
    return outbox.queued_values(
        kind=given.mail,
        idem_key=f"confirm:{deed_id}",
        language=given.language,
        to=given.email,
        params=confirmation_params(given.language, token, given.is_discreet),
        now=now,
        lifetime=MAIL_LIFETIME,
        cap=settings().mails_per_address,
    )
