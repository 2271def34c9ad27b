"""Who gave one gift, opened on the way to its page with the key of the session; nothing is kept."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from donate.models import Donation, RecurringDonation
from staff.people.persons import open_box
from vault.services import Opener


@dataclass(frozen=True)
class Donor:
    """What is known of a donor; `is_open` is False where the box does not open."""

    contact_id: uuid.UUID | None
    details: Mapping[str, Any] = field(repr=False)
    is_open: bool

    @property
    def email(self) -> str:
        """The address given with this gift."""
        return str(self.details.get("email") or "")


@dataclass(frozen=True)
class Dedication:
    """In whose honour or memory; `name` is None where the box does not open."""

    kind: str
    name: str | None = field(repr=False)


def open_donor(gift: Donation | RecurringDonation, opener: Opener) -> Donor:
    """Who gave it; empty details where nobody said."""
    details = open_box(opener, gift.__tablename__, gift.id, gift.sealed) if gift.sealed else {}
    return Donor(gift.contact_id, details or {}, details is not None)


def open_dedication(gift: Donation | RecurringDonation, opener: Opener) -> Dedication | None:
    """The dedication of a gift; None where there is none."""
    if gift.dedication is None:
        return None
    table = f"{gift.__tablename__}.dedication"
    details = open_box(opener, table, gift.id, gift.dedication)
    if details is None:
        return Dedication("", None)
    return Dedication(str(details.get("kind", "")), str(details.get("name", "")))
