"""Which tables and columns a backup holds, and how a value of theirs is written as JSON."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Select, Table, select

from config.database import Base, UTCDateTime
from vault.models import Holder, VaultShare

# Left out, with the reason: a backup is kept for long, and these are meant to be short-lived.
LEFT_OUT = {
    "staff_session": "keys of people who are signed in, under their cookies",
    "known_browser": "cookies of known browsers",
    "sign_in_delay": "who mistyped a passphrase today",
    "outgoing_email": "addresses and links, under the mail key",
    "link_request": "addresses, under the mail key",
    "private_link": "links that let a person in for an hour",
    "address_change": "links that change an address",
    "invitation": "links that make a key holder, for three days",
    "begun_gift": "who gave twice within seconds",
    "spent_proof": "proofs of work that were used",
    "decline": "cards that were refused in the last hours",
    "keyed_work": "how far the background work is",
}
# Emptied: what lies under a key that a backup must not outlive.
EMPTIED = {
    "copy_request": {"hash", "blob", "released_at"},
    "donation": {"dedication_note"},
    "recurring_donation": {"dedication_note"},
}

_WRITE: dict[type, Callable[[Any], Any]] = {
    bytes: lambda value: base64.b64encode(value).decode("ascii"),
    uuid.UUID: str,
    datetime: lambda value: value.isoformat(),
    date: lambda value: value.isoformat(),
    Decimal: str,
}
_READ: dict[type, Callable[[Any], Any]] = {
    bytes: lambda value: base64.b64decode(value, validate=True),
    uuid.UUID: uuid.UUID,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: Decimal,
}


def backed_up_tables() -> list[Table]:
    """The tables of a backup, each after those that it points at."""
    return [table for table in Base.metadata.sorted_tables if table.name not in LEFT_OUT]


def rows_to_keep(table: Table) -> Select[Any]:
    """Which rows of a table go into a backup: no invitation's key, whose link opens the vault."""
    statement = select(table)
    invited = select(Holder.id).where(Holder.kind == "invitation")
    if table is Holder.__table__:
        return statement.where(table.c.kind != "invitation")
    if table is VaultShare.__table__:
        return statement.where(table.c.holder_id.not_in(invited))
    return statement


def writers_of(table: Table) -> list[Callable[[Any], Any]]:
    """For each column what makes JSON of its value."""
    emptied = EMPTIED.get(table.name, set())
    return [
        _always_none if column.name in emptied else _maybe(_WRITE.get(_kind(column)))
        for column in table.columns
    ]


def readers_of(table: Table) -> list[Callable[[Any], Any]]:
    """For each column what makes its value of JSON. They raise ValueError and TypeError."""
    return [_maybe(_READ.get(_kind(column))) for column in table.columns]


def as_line(content: object) -> bytes:
    """One line of JSON."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _kind(column: Column[Any]) -> type:
    return datetime if isinstance(column.type, UTCDateTime) else column.type.python_type


def _always_none(value: Any) -> None:
    return None


def _maybe(change: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    if change is None:
        return lambda value: value
    return lambda value: None if value is None else change(value)
