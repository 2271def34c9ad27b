"""Free-text search: each deed is opened and looked through; nothing is kept.

The database can find no word in a sealed box, and a cache of the open ones would be the very list
that must not lie on a disk. So the boxes are opened anew for each search, batch by batch.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Date, Select, Uuid, func, literal, select, tuple_

from config.database import begin_read, db
from contacts.models import Correction
from donate.funds import FUNDS
from donate.models import Donation
from petitions.models import Petition, Signature
from staff.people.folding import fold, phone_digits
from staff.work.sealed_rows import note_broken
from vault.services import CannotOpen, Opener
from volunteers.models import VolunteerSignup

PAGE = 50
SIZE = 2_000  # deeds read at a time
BEFORE, QUOTED = 60, 240  # characters of a message that are shown
SEARCHED = ("name", "email", "languages", "skills", "message")
# The few first, the many last.
MODELS: dict[str, type[Any]] = {
    "volunteer": VolunteerSignup,
    "correction": Correction,
    "donation": Donation,
    "signature": Signature,
}
SUBJECTS: dict[str, Any] = {
    "volunteer": literal("volunteer"),
    "correction": literal(""),
    "donation": Donation.fund,
    "signature": Petition.slug,
}


class Row(NamedTuple):
    """One deed, or one correction, still sealed."""

    kind: str
    id: uuid.UUID
    contact_id: uuid.UUID | None
    subject: str
    state: str
    day: date
    sealed: bytes | None

    @property
    def place(self) -> str:
        """Where in the order it stands."""
        return f"{self.kind}.{self.day.isoformat()}.{self.id.hex}"


@dataclass(frozen=True)
class Hit:
    """A deed in which all words were found."""

    row: Row
    details: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Progress:
    """So many deeds were looked through."""

    searched: int
    total: int


@dataclass(frozen=True)
class End:
    """Nothing more comes now; `place` is where to go on, if there may be more."""

    searched: int
    total: int
    found: int
    unreadable: int
    place: str | None


class Terms:
    """What is looked for: every word must occur somewhere in what one person gave at once."""

    def __init__(self, text: str) -> None:
        self._digits = phone_digits(text)
        self._words = fold(text).split()

    def __bool__(self) -> bool:
        return bool(self._words)

    def are_in(self, details: Mapping[str, Any]) -> bool:
        """Whether all of it is found; a phone number however it was written."""
        if self._digits and self._digits in "".join(
            sign for sign in str(details.get("phone") or "") if sign.isdigit()
        ):
            return True
        text = fold("\n".join(_text(details.get(name)) for name in SEARCHED))
        return all(word in text for word in self._words)

    def quote(self, message: Any) -> str:
        """A piece of a message around the first word that was found in it, else nothing."""
        text = str(message or "")
        folded = fold(text)
        places = [folded.find(word) for word in self._words if word in folded]
        start = max(min(places, default=0) - BEFORE, 0)
        piece = text[start : start + QUOTED].strip()
        if not places:
            return ""
        return f"{'… ' if start else ''}{piece}{' …' if start + QUOTED < len(text) else ''}"


def search(
    terms: Terms, campaign: str, opener: Opener, after: str = "", size: int = PAGE
) -> Iterator[Hit | Progress | End]:
    """Hits as they are found, progress between, an end. No transaction is open at any of them.

    `campaign` is a petition's slug, a fund, "volunteer", or empty for all.
    """
    begin_read()
    total, searched, found, unreadable = _count(campaign), 0, 0, 0
    rows = _read(campaign, after)
    db.session.rollback()
    yield Progress(searched, total)
    while rows:
        for row in rows:
            searched += 1
            details = _open(row, opener)
            unreadable += details is None
            if details and terms.are_in(details):
                found += 1
                yield Hit(row, details)
                if found == size:
                    yield End(searched, total, found, unreadable, row.place)
                    return
        yield Progress(searched, total)
        begin_read()
        rows = _read(campaign, rows[-1].place)
        db.session.rollback()
    yield End(searched, total, found, unreadable, None)


def parse_place(text: str) -> tuple[str, date, uuid.UUID] | None:
    """The kind, day and id of a place in the order; None for what is none."""
    kind, _, rest = text.partition(".")
    day, _, key = rest.partition(".")
    try:
        return (kind, date.fromisoformat(day), uuid.UUID(hex=key)) if kind in MODELS else None
    except ValueError:
        return None


def _read(campaign: str, after: str) -> list[Row]:
    """The next rows, all of one kind; none at the end."""
    place = parse_place(after)
    kinds = _kinds(campaign)
    for kind in kinds[kinds.index(place[0]) if place and place[0] in kinds else 0 :]:
        model, rows = MODELS[kind], _rows(kind, campaign)
        if place and place[0] == kind:
            last = tuple_(literal(place[1], Date()), literal(place[2], Uuid()))
            rows = rows.where(tuple_(model.day, model.id) < last)
        rows = rows.order_by(model.day.desc(), model.id.desc()).limit(SIZE)
        found = [Row(kind, *row) for row in db.session.execute(rows)]
        if found:
            return found
    return []


def _count(campaign: str) -> int:
    total = 0
    for kind in _kinds(campaign):
        rows = _rows(kind, campaign).with_only_columns(func.count(), maintain_column_froms=True)
        total += db.session.scalar(rows) or 0
    return total


def _kinds(campaign: str) -> list[str]:
    """Where to look: what is about one campaign lies in one table."""
    if not campaign:
        return list(MODELS)
    if campaign == "volunteer":
        return ["volunteer"]
    return ["donation"] if campaign in FUNDS else ["signature"]


def _rows(kind: str, campaign: str) -> Select[Any]:
    """The columns of Row after the kind, in their order."""
    model: Any = MODELS[kind]
    subject, state = SUBJECTS[kind], literal("") if kind == "correction" else model.state
    rows = select(model.id, model.contact_id, subject, state, model.day, model.sealed)
    rows = rows.where(model.sealed.is_not(None))
    if kind == "signature":
        rows = rows.join(Petition, Petition.id == model.petition_id)
    return rows.where(subject == campaign) if campaign else rows


def _open(row: Row, opener: Opener) -> Mapping[str, Any] | None:
    table = str(MODELS[row.kind].__tablename__)
    try:
        return opener.open(table, row.id, row.sealed or b"")
    except CannotOpen:
        note_broken(table, row.id)
        return None


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")
