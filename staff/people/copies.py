"""Copies that people asked for: which wait, and the release of one by a key holder."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from config.database import db
from contacts.models import Contact, CopyRequest
from contacts.my_data import copies
from contacts.my_data.copies import ANSWERED_WITHIN, DAYS, AlreadyReleased
from contacts.wishes import mail_params
from mail import outbox
from staff import audit
from staff.people.copy_files import content_of, write_files
from staff.people.persons import Person, open_person
from vault.services import Opener

MAIL_WORKS = timedelta(days=3)


class NoAddress(Exception):
    """The person's address does not open: there is nowhere to send the link to."""


class NotSent(Exception):
    """The mail was not queued, or the person's address was changed meanwhile."""


@dataclass(frozen=True)
class WaitingCopy:
    """A wish for a copy, without the name of who asked."""

    id: uuid.UUID
    contact_id: uuid.UUID
    language: str
    day: date
    due: date  # by then it must be answered
    box: bytes = field(repr=False)  # the contact's, as it was read


@dataclass(frozen=True)
class Preview:
    """What a copy will hold and where its link will go, for who releases it."""

    name: str = field(repr=False)
    email: str = field(repr=False)
    earlier: tuple[str, ...] = field(repr=False)
    counts: dict[str, int]  # entries by kind
    not_matched: int  # left out: their boxes name another address


def waiting_copies() -> list[WaitingCopy]:
    """The copies that wait, the oldest first."""
    rows = db.session.scalars(
        select(CopyRequest).where(CopyRequest.released_at.is_(None)).order_by(CopyRequest.asked_at)
    )
    return [_waiting(row) for row in rows]


def count_waiting() -> int:
    """How many copies wait."""
    waiting = select(func.count()).where(CopyRequest.released_at.is_(None))
    return db.session.scalar(waiting) or 0


def write_copy(
    request_id: uuid.UUID, opener: Opener, now: datetime
) -> tuple[WaitingCopy, str, dict[str, str]]:
    """Open all that is kept of who asked: the wish, the address and the files, in memory alone.

    Raises AlreadyReleased, NoAddress.
    """
    row, person, email = _open(request_id, opener)
    return _waiting(row), email, write_files(person, row.language, opener, now)


def preview(request_id: uuid.UUID, opener: Opener, now: datetime) -> tuple[WaitingCopy, Preview]:
    """What a release would send to whom. Raises AlreadyReleased, NoAddress."""
    row, person, email = _open(request_id, opener)
    content, own = content_of(person, row.language, opener, now), person.addresses
    counts = Counter(deed["kind"] for deed in content["deeds"])
    counts["donation"] = len(content["gifts"])
    counts["correction"] = len(content["corrections"])
    theirs = replace(person, deeds=[deed for deed in person.deeds if own.have(deed.own_email)])
    shown = {kind: n for kind, n in counts.items() if n}
    found = Preview(theirs.name, email, person.earlier, shown, content["not_matched"])
    return _waiting(row), found


def _open(request_id: uuid.UUID, opener: Opener) -> tuple[CopyRequest, Person, str]:
    """The wish, who asked, and their address. Raises AlreadyReleased, NoAddress."""
    row = db.session.get(CopyRequest, request_id)
    person = open_person(row.contact_id, opener) if row and row.released_at is None else None
    if row is None or person is None:
        raise AlreadyReleased
    if not person.email:
        raise NoAddress
    return row, person, person.email


def release_copy(
    wish: WaitingCopy, email: str, files: dict[str, str], actor: uuid.UUID, now: datetime
) -> None:
    """Seal the copy under the key in the link, mail it to the person's own address, and note it.

    Flushes. Raises AlreadyReleased, and NotSent: the caller rolls back, and nothing is released.
    """
    if _box_of(wish.contact_id, is_locked=True) != wish.box:
        raise NotSent  # a new address was confirmed: the link must not go to the old one
    token = copies.release_copy(wish.id, files, now)
    is_queued = outbox.enqueue(
        kind="my-copy",
        # another for each release: a copy that was taken back is mailed anew
        idem_key=f"my-copy:{wish.contact_id}:{now:%Y%m%dT%H%M%S%f}",
        language=wish.language,
        to=email,
        params={
            "path": f"/{wish.language}/my-data/copy/{token}",
            "days": str(DAYS),
            **mail_params(wish.contact_id, wish.language),
        },
        now=now,
        lifetime=MAIL_WORKS,
    )
    if not is_queued:
        raise NotSent
    subject = ("contact", wish.contact_id)
    audit.record("copy.released", now, actor=actor, subject=subject, request=str(wish.id))


def _box_of(contact_id: uuid.UUID, *, is_locked: bool = False) -> bytes:
    box = select(Contact.sealed).where(Contact.id == contact_id)
    return db.session.scalar(box.with_for_update() if is_locked else box) or b""


def _waiting(row: CopyRequest) -> WaitingCopy:
    due = (row.asked_at + ANSWERED_WITHIN).date()
    day, box = row.asked_at.date(), _box_of(row.contact_id)
    return WaitingCopy(row.id, row.contact_id, row.language, day, due, box)
