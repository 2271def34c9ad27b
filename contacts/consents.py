"""The ledger of consents: the exact words, given and withdrawn; rows are added and never changed.

The database refuses to change one (migration 0004), and the words are held to their hash besides.
A person's consents hang on another contact where both are the same person, and go with a person
who is erased. Nothing else in the application touches them.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import case, delete, func, insert, select, update

from config.database import db
from contacts.models import Consent, ConsentText, Contact

NEWSLETTER = "newsletter"


@dataclass(frozen=True)
class ConsentGiven:
    """A consent with its exact words, or its withdrawal."""

    purpose: str
    language: str
    words: str
    is_given: bool
    day: date
    is_genuine: bool  # else somebody changed the words in the database


def hash_of_words(purpose: str, language: str, words: str) -> bytes:
    """What the words agreed to are found by, and held to: SHA-256, 32 bytes."""
    return hashlib.sha256(f"{purpose}\0{language}\0{words}".encode()).digest()


def give(
    contact_id: uuid.UUID, purpose: str, text_hash: bytes, deed_id: uuid.UUID, day: date
) -> None:
    """Note that somebody agreed to the words of this hash, with this deed. Flushes."""
    _add(contact_id, purpose, text_hash, deed_id, day, is_given=True)


def withdraw(
    contact_id: uuid.UUID,
    day: date,
    *,
    purpose: str | None = None,
    deed_id: uuid.UUID | None = None,
) -> int:
    """Withdraw what stands, of a purpose or a deed; says how many. What is withdrawn stays so.

    News that were agreed to beside a deed outlast it: they are a purpose of their own. Flushes.
    """
    _lock(contact_id)
    chosen = [
        row
        for row in _standing(contact_id)
        if (purpose is None or row.purpose == purpose)
        and (deed_id is None or row.deed_id == deed_id)
        and (purpose is not None or row.purpose != NEWSLETTER)
    ]
    for row in chosen:
        _add(contact_id, row.purpose, row.text_hash, row.deed_id, day, is_given=False)
    return len(chosen)


def stop_news(contact_id: uuid.UUID, day: date) -> None:
    """Unsubscribe: no more news, and the ledger says so. Flushes."""
    withdraw(contact_id, day, purpose=NEWSLETTER)
    db.session.execute(update(Contact).where(Contact.id == contact_id).values(newsletter=False))


def consents_of(contact_id: uuid.UUID) -> list[ConsentGiven]:
    """All that a person agreed to and took back, the newest first."""
    rows = db.session.execute(
        select(
            Consent.purpose,
            ConsentText.language,
            ConsentText.words,
            Consent.is_given,
            Consent.day,
            Consent.text_hash,
        )
        .join(ConsentText, ConsentText.hash == Consent.text_hash)
        .where(Consent.contact_id == contact_id)
        .order_by(Consent.day.desc(), Consent.purpose, Consent.is_given)
    )
    return [
        ConsentGiven(
            row.purpose,
            row.language,
            row.words,
            row.is_given,
            row.day,
            hash_of_words(row.purpose, row.language, row.words) == row.text_hash,
        )
        for row in rows
    ]


def stands(contact_id: uuid.UUID, purpose: str) -> bool:
    """Whether somebody has agreed to a purpose and not taken it back."""
    return any(row.purpose == purpose for row in _standing(contact_id))


def newest_day(contact_id: uuid.UUID, purpose: str, *, is_given: bool) -> date | None:
    """The last day on which somebody agreed to a purpose, or took that back; None: never."""
    return db.session.scalar(
        select(func.max(Consent.day)).where(
            Consent.contact_id == contact_id,
            Consent.purpose == purpose,
            Consent.is_given.is_(is_given),
        )
    )


def move(from_id: uuid.UUID, to_id: uuid.UUID) -> None:
    """Hang the consents on another contact, who is the same person. Flushes."""
    rows = update(Consent).where(Consent.contact_id == from_id)
    db.session.execute(rows.values(contact_id=to_id))


def erase(contact_ids: Collection[uuid.UUID]) -> None:
    """Forget what these people agreed to, because they are erased. Flushes."""
    db.session.execute(delete(Consent).where(Consent.contact_id.in_(contact_ids)))


def erase_with_deeds(deed_ids: Collection[uuid.UUID], *, except_news: bool = False) -> None:
    """Forget what was agreed to with deeds that nobody has ever confirmed. Flushes.

    Or with deeds whose time is over: news that were agreed to beside them outlast those.
    """
    rows = delete(Consent).where(Consent.deed_id.in_(deed_ids))
    db.session.execute(rows.where(Consent.purpose != NEWSLETTER) if except_news else rows)


def _standing(contact_id: uuid.UUID) -> Sequence[Any]:
    """Purpose, words and deed of what was given oftener than it was withdrawn."""
    balance = func.sum(case((Consent.is_given, 1), else_=-1))
    columns = (Consent.purpose, Consent.text_hash, Consent.deed_id)
    return db.session.execute(
        select(*columns)
        .where(Consent.contact_id == contact_id)
        .group_by(*columns)
        .having(balance > 0)
    ).all()


def _lock(contact_id: uuid.UUID) -> None:
    """One withdrawal at a time; on SQLite the write lock does it."""
    db.session.execute(select(Contact.id).where(Contact.id == contact_id).with_for_update())


def _add(
    contact_id: uuid.UUID,
    purpose: str,
    text_hash: bytes,
    deed_id: uuid.UUID,
    day: date,
    *,
    is_given: bool,
) -> None:
    db.session.execute(
        insert(Consent).values(
            id=uuid.uuid4(),
            contact_id=contact_id,
            deed_id=deed_id,
            purpose=purpose,
            text_hash=text_hash,
            is_given=is_given,
            day=day,
        )
    )
