"""Events as they are read: one that somebody wrote nonsense into takes no other along.

SQLite keeps whatever is put into a column, and PostgreSQL a moment that no clock shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.exc import DataError, OperationalError

from config.database import db
from staff.models import AuditEvent

BATCH = 1000
# What a value raises that was never written here, when it is read or put into words.
NONSENSE = (
    ValueError, TypeError, AttributeError, ArithmeticError, RecursionError,
    DataError, OperationalError,
)  # fmt: skip


@dataclass(frozen=True)
class Unreadable:
    """An event of which nothing but the number can be read."""

    seq: int


def events() -> Select[Any]:
    """All events, with each column."""
    return select(*AuditEvent.__table__.columns)


def read(rows: Select[Any]) -> list[Any]:
    """The rows that are selected from `events`; `Unreadable` stands in the place of some."""
    try:
        return list(db.session.execute(rows))
    except NONSENSE:
        numbers = db.session.scalars(rows.with_only_columns(AuditEvent.seq)).all()
        return [_read_one(seq) for seq in numbers]


def read_between(after: int, last: int) -> Iterator[Any]:
    """Those with a number above `after` and up to `last`, the oldest first, batch by batch."""
    while True:
        rows = events().where(AuditEvent.seq > after, AuditEvent.seq <= last)
        batch = read(rows.order_by(AuditEvent.seq).limit(BATCH))
        yield from batch
        if len(batch) < BATCH:
            return
        after = batch[-1].seq


def read_well(rows: Select[Any]) -> list[Any]:
    """Those alone that can be read, and have details of the known form."""
    return [row for row in read(rows) if isinstance(getattr(row, "details", None), dict)]


def newest(*conditions: ColumnElement[bool]) -> Any | None:
    """The newest event of a kind; None where there is none, or it cannot be read."""
    found = read_well(events().where(*conditions).order_by(AuditEvent.seq.desc()).limit(1))
    return found[0] if found else None


def _read_one(seq: int) -> Any:
    try:
        return db.session.execute(events().where(AuditEvent.seq == seq)).one()
    except NONSENSE as fault:
        if getattr(fault, "connection_invalidated", False):
            raise
        return Unreadable(seq)
