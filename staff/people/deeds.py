"""Deeds of all kinds in one order, the newest first: signatures, volunteer sign-ups, donations.

Each kind is asked for its own page by its own index, and the pages are merged here: the database
would sort all of them for every page.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Date, Select, Uuid, exists, func, literal, null, select, tuple_

from config.database import db
from contacts.models import Contact
from donate.models import Donation
from petitions.models import Petition, Signature
from volunteers.models import VolunteerSignup

PAGE = 50
KINDS: dict[str, type[Any]] = {
    "signature": Signature,
    "volunteer": VolunteerSignup,
    "donation": Donation,
}
# Who wants news and of whom no deed is left, or none yet: the contact itself stands in its place.
NEWS = "news"
MODELS: dict[str, type[Any]] = {**KINDS, NEWS: Contact}


@dataclass(frozen=True)
class DeedRow:
    """One deed as the database has it, the person still sealed."""

    kind: str
    id: uuid.UUID
    contact_id: uuid.UUID
    subject: str  # a petition's slug, a fund, "volunteer"
    state: str
    day: date
    language: str
    sealed: bytes | None
    newsletter: bool
    amount_minor: int | None
    currency: str | None
    contact_sealed: bytes

    @property
    def table(self) -> str:
        """The table that the box is bound to."""
        return str(MODELS[self.kind].__tablename__)

    @property
    def place(self) -> str:
        """Where in the order it stands, as an address says it."""
        return f"{self.day.isoformat()}.{self.id.hex}"


@dataclass(frozen=True)
class Filters:
    """Which deeds; what is empty filters nothing."""

    kind: str = ""
    campaign: str = ""  # a petition's slug or a fund
    state: str = ""
    newsletter: str = ""  # yes or no

    def chosen(self) -> dict[str, str]:
        """The filters that are set, by name."""
        return {name: value for name, value in vars(self).items() if value}


def page_of_deeds(filters: Filters, after: str = "", size: int = PAGE) -> list[DeedRow]:
    """The next `size` deeds after a place in the order, and one more where there is one."""
    found: list[DeedRow] = []
    for kind in _kinds(filters):
        rows = _narrowed(_columns(kind), kind, filters)
        model = MODELS[kind]
        if place := parse_place(after):
            last = tuple_(literal(place[0], Date()), literal(place[1], Uuid()))
            rows = rows.where(tuple_(model.day, model.id) < last)
        rows = rows.order_by(model.day.desc(), model.id.desc()).limit(size + 1)
        found += [DeedRow(*row) for row in db.session.execute(rows)]
    found.sort(key=lambda row: (row.day, row.id.int), reverse=True)
    return found[: size + 1]


def all_deeds(filters: Filters, size: int = 500) -> Iterator[Sequence[DeedRow]]:
    """Every deed, batch by batch, each read in a transaction that ends before it is used.

    Each batch goes on from a place in the order: what comes in meanwhile shifts nothing.
    """
    after = ""
    while True:
        rows = page_of_deeds(filters, after, size)
        db.session.rollback()
        if rows[:size]:
            yield rows[:size]
        if len(rows) <= size:
            return
        after = rows[size - 1].place


def count_deeds(filters: Filters) -> int:
    """How many deeds there are."""
    total = 0
    for kind in _kinds(filters):
        rows = _narrowed(_columns(kind), kind, filters).with_only_columns(
            func.count(), maintain_column_froms=True
        )
        total += db.session.scalar(rows) or 0
    return total


def deeds_of(contact_id: uuid.UUID) -> list[DeedRow]:
    """Everything that one person did, the newest first."""
    found: list[DeedRow] = []
    for kind, model in KINDS.items():
        rows = _columns(kind).where(model.contact_id == contact_id)
        found += [DeedRow(*row) for row in db.session.execute(rows)]
    return sorted(found, key=lambda row: (row.day, row.id.int), reverse=True)


def volunteers_in(state: str, after: str = "", size: int = PAGE) -> list[DeedRow]:
    """Volunteers in one state, the longest waiting first; one more where there is a next page."""
    model = VolunteerSignup
    rows = _columns("volunteer").where(model.state == state)
    if place := parse_place(after):
        last = tuple_(literal(place[0], Date()), literal(place[1], Uuid()))
        rows = rows.where(tuple_(model.day, model.id) > last)
    rows = rows.order_by(model.day, model.id).limit(size + 1)
    return [DeedRow(*row) for row in db.session.execute(rows)]


def contact_of(signup_id: uuid.UUID) -> uuid.UUID | None:
    """Whose volunteer sign-up it is."""
    return db.session.scalar(
        select(VolunteerSignup.contact_id).where(VolunteerSignup.id == signup_id)
    )


def _kinds(filters: Filters) -> list[str]:
    """Those who only want news are looked for where news are asked for: all contacts are read."""
    news = [NEWS] if filters.newsletter == "yes" or filters.kind == NEWS else []
    return [kind for kind in (*KINDS, *news) if filters.kind in {"", kind}]


def _columns(kind: str) -> Select[Any]:
    """The columns of DeedRow, in their order."""
    if kind == NEWS:
        return _news_columns()
    model = KINDS[kind]
    money: tuple[Any, Any] = (null(), null())
    subject: Any = literal("volunteer")
    if kind == "signature":
        subject = Petition.slug
    elif kind == "donation":
        subject, money = Donation.fund, (Donation.amount_minor, Donation.currency)
    rows = select(
        literal(kind),
        model.id,
        model.contact_id,
        subject,
        model.state,
        model.day,
        model.language,
        model.sealed,
        Contact.newsletter,
        *money,
        Contact.sealed,
    ).join(Contact, Contact.id == model.contact_id)
    return rows.join(Petition, Petition.id == model.petition_id) if kind == "signature" else rows


def _news_columns() -> Select[Any]:
    deeds = (exists().where(model.contact_id == Contact.id) for model in KINDS.values())
    columns: list[Any] = [
        literal(NEWS),
        Contact.id,
        Contact.id,
        literal(""),
        Contact.state,
        Contact.day,
        Contact.language,
        Contact.sealed,
        Contact.newsletter,
        null(),
        null(),
        Contact.sealed,
    ]
    return select(*columns).where(Contact.newsletter, *(~deed for deed in deeds))


def _narrowed(rows: Select[Any], kind: str, filters: Filters) -> Select[Any]:
    model = MODELS[kind]
    if filters.state:
        rows = rows.where(model.state == filters.state)
    if filters.newsletter:
        rows = rows.where(Contact.newsletter.is_(filters.newsletter == "yes"))
    if filters.campaign:
        subjects = {"signature": Petition.slug, "donation": Donation.fund, NEWS: literal("")}
        rows = rows.where(subjects.get(kind, literal("volunteer")) == filters.campaign)
    return rows


def parse_place(text: str) -> tuple[date, uuid.UUID] | None:
    """The day and id of a place in the order; None for what is none."""
    day, _, key = text.partition(".")
    try:
        return date.fromisoformat(day), uuid.UUID(hex=key)
    except ValueError:
        return None
