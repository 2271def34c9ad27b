"""Details that people corrected on their own page, opened on the way to a page; nothing is kept."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select

from config.database import db
from contacts.models import Correction
from vault.services import CannotOpen, Opener


@dataclass(frozen=True)
class OpenCorrection:
    """What somebody put right; `details` is None where the box does not open."""

    day: date
    at: str
    details: Mapping[str, Any] | None = field(repr=False)
    email: str = field(default="", repr=False)  # by which they came; older boxes name none


def corrections_of(contact_id: uuid.UUID, opener: Opener) -> list[OpenCorrection]:
    """A person's corrections, the oldest first."""
    rows = db.session.scalars(select(Correction).where(Correction.contact_id == contact_id))
    return sorted((_open(row, opener) for row in rows), key=lambda found: found.at)


def corrected(
    details: Mapping[str, Any], at: str, corrections: Iterable[OpenCorrection]
) -> dict[str, Any]:
    """Details given at some moment, with what was put right since then, field by field."""
    result = dict(details)
    for correction in corrections:
        if correction.details is not None and correction.at >= at:
            result |= {name: value for name, value in correction.details.items() if value}
    return result


def _open(row: Correction, opener: Opener) -> OpenCorrection:
    try:
        details = opener.open("correction", row.id, row.sealed)
    except CannotOpen:
        return OpenCorrection(row.day, row.day.isoformat(), None)
    at, email = str(details.get("at") or row.day.isoformat()), str(details.pop("email", ""))
    return OpenCorrection(row.day, at, details, email)
