"""Copies that people asked for: which wait, and the release of one by a key holder."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from config.database import db
from contacts.models import CopyRequest
from contacts.my_data import copies
from contacts.my_data.copies import ANSWERED_WITHIN, DAYS, AlreadyReleased
from contacts.wishes import mail_params
from mail import outbox
from staff import audit
from staff.people.copy_files import write_files
from staff.people.persons import open_person
from vault.services import Opener

MAIL_WORKS = timedelta(days=3)


class NoAddress(Exception):
    """The person's address does not open: there is nowhere to send the link to."""


@dataclass(frozen=True)
class WaitingCopy:
    """A wish for a copy, without the name of who asked."""

    id: uuid.UUID
    contact_id: uuid.UUID
    language: str
    day: date
    due: date  # by then it must be answered


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
    row = db.session.get(CopyRequest, request_id)
    person = open_person(row.contact_id, opener) if row and row.released_at is None else None
    if row is None or person is None:
        raise AlreadyReleased
    if not person.email:
        raise NoAddress
    return _waiting(row), person.email, write_files(person, row.language, opener, now)


def release_copy(
    wish: WaitingCopy, email: str, files: dict[str, str], actor: uuid.UUID, now: datetime
) -> None:
    """Seal the copy under the key in the link, mail it to the person's own address, and note it.

    Flushes. Raises AlreadyReleased.
    """
    token = copies.release_copy(wish.id, files, now)
    outbox.enqueue(
        kind="my-copy",
        idem_key=f"my-copy:{wish.id}",
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
    subject = ("contact", wish.contact_id)
    audit.record("copy.released", now, actor=actor, subject=subject, request=str(wish.id))


def _waiting(row: CopyRequest) -> WaitingCopy:
    due = (row.asked_at + ANSWERED_WITHIN).date()
    return WaitingCopy(row.id, row.contact_id, row.language, row.asked_at.date(), due)
