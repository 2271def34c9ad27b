"""What shows that a session's row was written here: an HMAC under a key that no database holds.

The hash of a token is anybody's to make. Without the mark, whoever writes to the database could
plant a session for a token of their own, or give the one that they have to an administrator or a
later end, and read every page that needs no holder's key. The key follows from the pepper.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from staff.models import StaffSession
from vault.services import vault

# whose it is and how long it is good for; what it opens is bound to the token itself
BOUND = ("token_hash", "staff_id", "seen_at", "ends_at", "stepped_up_at")


def with_mark(row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row, with the mark that belongs to them. Raises VaultMissing."""
    text = "|".join(_as_text(row[name]) for name in BOUND)
    key = vault().key_outside_database("staff session mark")
    return {**row, "mark": hmac.digest(key, text.encode(), "sha256")}


def bound_in(session: StaffSession) -> dict[str, Any]:
    """What the mark of a row is made of."""
    return {name: getattr(session, name) for name in BOUND}


def is_ours(session: StaffSession) -> bool:
    """Whether a row is as it was written here. Raises VaultMissing."""
    return hmac.compare_digest(session.mark, with_mark(bound_in(session))["mark"])


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)
