"""Details that people corrected on their own page, opened on the way to a page; nothing is kept."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Row, select

from config.database import db
from contacts.models import Correction
from vault.services import CannotOpen, Opener

SealedCorrection = Row[uuid.UUID, uuid.UUID, bytes, date]


@dataclass(frozen=True)
class OpenCorrection:
    """What somebody put right; `details` is None where the box does not open."""

    day: date
    at: str
    details: Mapping[str, Any] | None = field(repr=False)
    email: str = field(default="", repr=False)  # by which they came; older boxes name none


def corrections_of(contact_id: uuid.UUID, opener: Opener) -> list[OpenCorrection]:
    """A person's corrections, the oldest first."""
    return open_corrections(read_corrections([contact_id]), opener).get(contact_id, [])


def read_corrections(contact_ids: Collection[uuid.UUID]) -> Sequence[SealedCorrection]:
    """The corrections of all these people, still sealed, in one statement."""
    rows = select(Correction.id, Correction.contact_id, Correction.sealed, Correction.day)
    return db.session.execute(rows.where(Correction.contact_id.in_(contact_ids))).all()


def open_corrections(
    rows: Iterable[SealedCorrection], opener: Opener
) -> dict[uuid.UUID, list[OpenCorrection]]:
    """Corrections by the person whom they stand with, the oldest first; without the database."""
    found: dict[uuid.UUID, list[OpenCorrection]] = {}
    for row in rows:
        found.setdefault(row.contact_id, []).append(_open(row, opener))
    return {whose: sorted(each, key=lambda one: one.at) for whose, each in found.items()}


def corrected(
    details: Mapping[str, Any], at: str, corrections: Iterable[OpenCorrection]
) -> dict[str, Any]:
    """Details given at some moment, with what was put right since then, field by field."""
    result = dict(details)
    for correction in corrections:
        if correction.details is not None and correction.at >= at:
            result |= {name: value for name, value in correction.details.items() if value}
    return result


def _open(row: SealedCorrection, opener: Opener) -> OpenCorrection:
    try:
        details = opener.open("correction", row.id, row.sealed)
    except CannotOpen:
        return OpenCorrection(row.day, row.day.isoformat(), None)
    at, email = str(details.get("at") or row.day.isoformat()), str(details.pop("email", ""))
    return OpenCorrection(row.day, at, details, email)
