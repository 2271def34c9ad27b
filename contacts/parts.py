"""What each room keeps of a person, as one interface: show, withdraw, merge, re-seal, erase.

Each room with deeds gives one part to the application; nobody else needs to know its tables.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol, cast

from flask import current_app
from sqlalchemy import ColumnElement


class SealedColumn(NamedTuple):
    """A column with boxes: the model, the column's name, and the table that its boxes name."""

    model: type[Any]
    column: str
    table: str


@dataclass(frozen=True)
class Entry:
    """One deed as its own person may see it: what needs no key."""

    kind: str  # "signature", "volunteer", "donation", "recurring"
    id: uuid.UUID
    subject: str  # what it was for, in the language of the page
    state: str
    day: date
    language: str
    can_withdraw: bool
    amount_minor: int | None = None
    currency: str | None = None


class Part(Protocol):
    """What one room keeps of people. No method commits."""

    kinds: tuple[str, ...]  # of its entries
    sealed: tuple[SealedColumn, ...]

    def entries(self, contact_id: uuid.UUID) -> list[Entry]:
        """What the person did here, the newest first."""

    def withdraw(
        self, kind: str, entry_id: uuid.UUID, contact_id: uuid.UUID, now: datetime
    ) -> bool:
        """Take a deed back: the row goes, the count with it. False where there is none to take."""

    def move(self, from_id: uuid.UUID, to_id: uuid.UUID, now: datetime) -> None:
        """Hang everything on another contact, who is the same person; counts stay exact."""

    def erase(self, contact_ids: Sequence[uuid.UUID], now: datetime) -> None:
        """Remove the persons: rows that only tell of them go, accounts stay without them."""

    def keeps(self) -> ColumnElement[bool]:
        """Whether something here still needs the contact, as a condition on `Contact.id`."""


def parts() -> Sequence[Part]:
    """The parts that the application has put together."""
    return cast(Sequence[Part], current_app.extensions["vigil_parts"])


def part_of(kind: str) -> Part | None:
    """The part to which a kind of entry belongs."""
    return next((part for part in parts() if kind in part.kinds), None)
