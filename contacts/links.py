"""Private links by e-mail: who asks gets one where there is something to see, and nobody is told.

The page that asks writes one row, the same for every address. The worker finds out afterwards
whether the address is known, so that neither answer nor time tells who is in the database.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from flask import current_app
from sqlalchemy import delete, select

from config.database import db
from config.settings import settings
from contacts.models import Contact, LinkRequest, PrivateLink
from contacts.services import hash_of, token_from_path, token_path
from contacts.wishes import mail_params
from mail import outbox
from mail.render import DISCREET
from vault.services import VaultMissing, unwrap_for_session, vault, wrap_for_session

log = logging.getLogger("vigil.contacts")

MINUTES = 60
LIFETIME = timedelta(minutes=MINUTES)
WAITS = timedelta(hours=24)  # for the index key, which is gone after a power cut
BATCH = 50  # requests in one transaction
ADDRESS_BLOCK = 256  # bytes


@dataclass(frozen=True)
class LinkPurpose:
    """What a private link is for; each room that has one gives it to the application."""

    mail: str  # the mail's kind; its parameters are `path` and `minutes`
    path: Callable[[str, str], str]  # of a language and a token, the address of the page
    has_something: Callable[[uuid.UUID], bool]  # for a contact to see


class Dropped(NamedTuple):
    """How many rows a clearing took away."""

    links: int
    requests: int


def ask(purpose: str, email: str, language: str, now: datetime) -> None:
    """Write down that a link is wanted, whether or not the address is known. Flushes.

    The caller commits. Raises VolatileKeysUnreachable.
    """
    request_id = uuid.uuid4()
    blob = outbox.seal(request_id, email, {})  # under the volatile mail key, bound to the row
    db.session.add(
        LinkRequest(id=request_id, purpose=purpose, language=language, blob=blob, created_at=now)
    )
    db.session.flush()


def answer_requests(now: datetime) -> int:
    """Mail a link to each address that has something to see; how many mails were queued. Flushes.

    A request is deleted whatever it led to. While the vault is missing or its index key is not at
    hand, all of them wait.
    """
    if not _can_find():
        return 0
    waiting = (
        select(LinkRequest)
        .where(LinkRequest.created_at > now - WAITS)
        .order_by(LinkRequest.created_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    queued = 0
    for request in db.session.scalars(waiting).all():
        queued += _answer(request, now)
        db.session.delete(request)
    db.session.flush()
    return queued


def make_link(purpose: str, contact_id: uuid.UUID, now: datetime) -> str:
    """Write down a link of a purpose; its token, as it stands in an address. Flushes."""
    token = secrets.token_bytes(32)
    keep_link(token, purpose, contact_id, now + LIFETIME)
    db.session.flush()
    return token_path(token)


def keep_link(
    token: bytes, purpose: str, contact_id: uuid.UUID, expires_at: datetime, email: str = ""
) -> None:
    """Write down a link that is on its way; its hash alone is kept.

    The mailbox that it goes to lies under the token, so that what is done by the link can be bound
    to who did it: the contact's id in the row is anybody's who can write to the database.
    """
    link = PrivateLink(hash=hash_of(token), purpose=purpose, contact_id=contact_id)
    padded = email.encode().ljust(ADDRESS_BLOCK)  # so that the length tells nothing
    link.address = wrap_for_session(token, padded, link.hash) if email else None
    link.expires_at = expires_at
    db.session.add(link)


def find_contact(purpose: str, path: str, now: datetime) -> uuid.UUID | None:
    """Whose page a token in an address opens; None for an unknown, foreign or outdated one."""
    found: uuid.UUID | None = db.session.scalar(
        select(PrivateLink.contact_id).where(
            PrivateLink.hash == hash_of(token_from_path(path)),
            PrivateLink.purpose == purpose,
            PrivateLink.expires_at > now,
        )
    )
    return found


def find_address(path: str) -> str:
    """The mailbox that a link was mailed to; empty where it was not, or the row was touched."""
    token = token_from_path(path)
    link = db.session.get(PrivateLink, hash_of(token))
    address = unwrap_for_session(token, link.address or b"", link.hash) if link else None
    return (address or b"").decode().rstrip()


def find_page(path: str, language: str, now: datetime) -> str | None:
    """The address of the page that a token opens, whatever for; None where it opens none."""
    purposes: Mapping[str, LinkPurpose] = current_app.extensions["vigil_link_purposes"]
    row = PrivateLink.hash == hash_of(token_from_path(path))
    name = db.session.scalar(select(PrivateLink.purpose).where(row, PrivateLink.expires_at > now))
    purpose = purposes.get(name or "")
    return purpose.path(language, path) if purpose else None


def drop_old(now: datetime) -> Dropped:
    """Delete links that have run out, and requests that waited in vain. Needs no key. Flushes."""
    links = delete(PrivateLink).where(PrivateLink.expires_at <= now).returning(PrivateLink.hash)
    requests = delete(LinkRequest).where(LinkRequest.created_at <= now - WAITS)
    return Dropped(
        len(db.session.execute(links).all()),
        len(db.session.execute(requests.returning(LinkRequest.id)).all()),
    )


def _can_find() -> bool:
    try:
        return vault().keys.get(vault().active().index_key_name) is not None
    except VaultMissing:  # the vault has said so in the log, and says it once a minute
        return False


def _answer(request: LinkRequest, now: datetime) -> bool:
    purposes: Mapping[str, LinkPurpose] = current_app.extensions["vigil_link_purposes"]
    purpose, email = purposes.get(request.purpose), _address_in(request)
    contact_id = _contact_of(email) if email else None
    if purpose is None or email is None or contact_id is None:
        return False
    if not purpose.has_something(contact_id):
        return False
    token = secrets.token_bytes(32)
    wishes = mail_params(contact_id, request.language)
    is_queued = outbox.enqueue(
        kind=purpose.mail,
        idem_key=f"link:{request.id}",
        language=request.language,
        to=email,
        params={
            "path": _path(purpose, request.language, token_path(token), DISCREET in wishes),
            "minutes": str(MINUTES),
            **wishes,
        },
        now=now,
        lifetime=LIFETIME,
        cap=settings().mails_per_address,
    )
    if is_queued:
        keep_link(token, request.purpose, contact_id, now + LIFETIME, email)
    return is_queued


def _path(purpose: LinkPurpose, language: str, token: str, is_discreet: bool) -> str:
    """The page's own address, or one that does not tell which page it is."""
    return f"/{language}/open/{token}" if is_discreet else purpose.path(language, token)


def _contact_of(email: str) -> uuid.UUID | None:
    index = vault().email_index(email)
    found: uuid.UUID | None = None
    if index is not None:
        found = db.session.scalar(select(Contact.id).where(Contact.email_index == index))
    return found


def _address_in(request: LinkRequest) -> str | None:
    """The address again; None where the mail key has gone with the power."""
    try:
        address, _none = outbox.unseal(request.id, request.blob, vault().mail_key())
    except outbox.UnreadableMail:
        log.warning("link request %s cannot be read: the mail key is another one", request.id)
        return None
    return address
