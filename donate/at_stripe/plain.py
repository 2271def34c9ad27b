"""Small things to read out of any object of Stripe's."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from donate.facts import Payer

Json = dict[str, Any]


def mark(found: Json, name: str) -> uuid.UUID | None:
    """Our mark; another shop in the same account puts something else there, or nothing."""
    try:
        return uuid.UUID((found.get("metadata") or {}).get(name) or "")
    except (AttributeError, TypeError, ValueError):
        return None


def id_of(part: Json | str | None) -> str | None:
    """The id of what Stripe shows whole or by its id."""
    return part.get("id") if isinstance(part, dict) else part


def day_of(seconds: int | None) -> date | None:
    """UTC."""
    return None if seconds is None else moment(seconds).date()


def moment(seconds: int) -> datetime:
    """UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def payer(*sources: Json | None) -> Payer:
    """From the first source that knows; each is like `customer_details` or a customer."""
    known = [source for source in sources if source]
    return Payer(
        name=first(source.get("name") for source in known),
        email=first(source.get("email") for source in known),
        country=first((source.get("address") or {}).get("country") for source in known),
    )


def first(values: Iterable[str | None]) -> str | None:
    """The first that there is."""
    return next((value for value in values if value), None)
