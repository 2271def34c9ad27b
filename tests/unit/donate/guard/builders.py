"""What the guard counts, put into the database, and a browser's work done in Python."""

from __future__ import annotations

import itertools
import uuid
from datetime import datetime
from typing import Any

import altcha

from config.database import db
from donate.guard.models import Decline
from donate.models import Donation, RecurringDonation, State

_numbers = itertools.count()


def create_donation(at: datetime, **given: Any) -> Donation:
    """A gift begun at a moment."""
    return _add(Donation(**_wish(at), **({"state": State.OPEN} | given)))


def create_recurring(at: datetime, **given: Any) -> RecurringDonation:
    """A recurring donation begun at a moment."""
    return _add(RecurringDonation(**_wish(at), **({"state": "open", "frequency": "month"} | given)))


def create_declines(count: int, at: datetime, gift_id: uuid.UUID | None = None) -> None:
    """So many cards refused at a moment."""
    for _ in range(count):
        _add(Decline(id=f"ch_{next(_numbers)}", gift_id=gift_id or uuid.uuid4(), at=at))


def solve(challenge: dict[str, Any]) -> str:
    """The widget's answer to a challenge."""
    found = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(found)
    assert solution is not None
    return str(altcha.Payload(found, solution).to_base64())


def _wish(at: datetime) -> dict[str, Any]:
    return {
        "amount_minor": 2_500,
        "currency": "EUR",
        "fund": "legal-help",
        "language": "en",
        "day": at.date(),
        "created_at": at,
    }


def _add(row: Any) -> Any:
    db.session.add(row)
    db.session.flush()
    return row
