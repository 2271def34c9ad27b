"""The rows whose boxes are sealed anew or put into the archive: of all rooms, by their columns."""

from __future__ import annotations

import logging
import struct
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import ColumnElement, LargeBinary, Select, bindparam, func, select, update

from config.database import db
from contacts.models import Contact, Correction
from contacts.parts import SealedColumn, parts
from staff.work.keyed_work import Batch
from vault.box import box_vault_id
from vault.models import VaultPair, VaultShare
from vault.services import CannotOpen, Opener, VaultMissing, vault

log = logging.getLogger("vigil.staff")

CONTACTS = SealedColumn(Contact, "sealed", "contact")
SIZE = 200
# A box that does not open, or that somebody filled with what cannot be sealed again.
BROKEN = (CannotOpen, ValueError, RecursionError)
Which = Callable[[Any], ColumnElement[bool]]
Seal = Callable[[str, uuid.UUID, dict[str, Any]], bytes]


class Place(NamedTuple):
    """Where a walk through all columns goes on."""

    column: int
    after: uuid.UUID | None


FIRST = Place(0, None)


@dataclass(frozen=True)
class Replaced:
    """A box as it was read, and the one to be put in its place."""

    column: SealedColumn
    id: uuid.UUID
    old: bytes = field(repr=False)
    new: bytes = field(repr=False)


def sealed_columns() -> list[SealedColumn]:
    """Every column with boxes, the contacts' own first; each once.

    The audit log's own box is sealed anew by the rotation itself.
    """
    return [CONTACTS, *columns_without_index()]


def columns_without_index() -> list[SealedColumn]:
    """The same but for the contacts: their box and their index go together (`indexing`)."""
    found = [SealedColumn(Correction, "sealed", "correction")]
    found += [column for part in parts() for column in part.sealed]
    return list({(column.model, column.column): column for column in found}.values())


def unfinished_vaults() -> list[int]:
    """Retired vaults of which there are still shares: their rows wait to be sealed anew."""
    shared = select(VaultShare.vault_id).distinct()
    rows = select(VaultPair.id).where(VaultPair.retired_at.is_not(None), VaultPair.id.in_(shared))
    return list(db.session.scalars(rows))


def count_unfinished() -> Select[int]:
    """How many vaults those are, as a statement."""
    shared = select(VaultShare.vault_id).distinct()
    return select(func.count()).where(VaultPair.retired_at.is_not(None), VaultPair.id.in_(shared))


def is_of(box: Any, vault_ids: Sequence[int]) -> ColumnElement[bool]:
    """Whether a box is of one of these vaults: its header says so (vault/box.py)."""
    header = func.substr(box, 2, 2, type_=LargeBinary())
    return header.in_([struct.pack(">H", vault_id) for vault_id in vault_ids])


def has_version(box: Any, version: int) -> ColumnElement[bool]:
    """Whether a box is of this version."""
    return func.substr(box, 1, 1, type_=LargeBinary()) == bytes([version])


def count_rows(columns: Sequence[SealedColumn], which: Which, most: int | None = None) -> int:
    """How many rows there are; counting stops at `most`."""
    total = 0
    for column in columns:
        box = getattr(column.model, column.column)
        rows = select(column.model.id).where(box.is_not(None), which(box)).limit(most)
        total += db.session.scalar(select(func.count()).select_from(rows.subquery())) or 0
        if most is not None and total >= most:
            return most
    return total


def read_batch(
    columns: Sequence[SealedColumn], which: Which, place: Place, opener: Opener, seal: Seal
) -> Batch | None:
    """The next rows after a place, all of one column, with their new boxes; None at the end."""
    for number in range(place.column, len(columns)):
        column = columns[number]
        box = getattr(column.model, column.column)
        rows = select(column.model.id, box).where(box.is_not(None), which(box))
        if place.after is not None and number == place.column:
            rows = rows.where(column.model.id > place.after)
        found = db.session.execute(rows.order_by(column.model.id).limit(SIZE)).all()
        if found:
            opened = [_replace(column, row_id, old, opener, seal) for row_id, old in found]
            ready = [row for row in opened if row]
            return Batch(ready, Place(number, found[-1][0]), len(found) - len(ready))
    return None


def replace_boxes(rows: Sequence[Replaced]) -> int:
    """Put the new boxes in the place of the old ones that are still there. Flushes."""
    if not rows:
        return 0
    column = rows[0].column  # a batch is of one column
    table = column.model.__table__
    box = table.c[column.column]
    statement = (
        update(table)
        .where(table.c.id == bindparam("row"), box == bindparam("old"))
        .values({column.column: bindparam("new")})
    )
    values = [{"row": row.id, "old": row.old, "new": row.new} for row in rows]
    changed = db.session.connection().execute(statement, values)
    return int(changed.rowcount)


def find_sealable(
    column: SealedColumn, which: Which, opener: Opener, seal: Seal
) -> Iterator[Replaced]:
    """Those of one column that open and can be sealed, with their new boxes."""
    place: Place | None = FIRST
    while place and (batch := read_batch([column], which, place, opener, seal)):
        yield from batch.rows
        place = batch.place


def seal_anew(opener: Opener, table: str, row_id: uuid.UUID, details: dict[str, Any]) -> bytes:
    """A box of the vault that the opener takes for the active one. Raises VaultMissing."""
    box = vault().seal(table, row_id, details)
    if box_vault_id(box) != opener.active_id:  # rotated at this very moment
        raise VaultMissing("vault: another one seals now")
    return box


def note_broken(table: str, row_id: uuid.UUID) -> None:
    """Name a box that does not open in the log, once in each process."""
    known: set[tuple[str, uuid.UUID]] = current_app.extensions.setdefault("vigil_broken", set())
    if (table, row_id) not in known:
        known.add((table, row_id))
        log.error("a box does not open and is left as it is: %s %s", table, row_id)


def _replace(
    column: SealedColumn, row_id: uuid.UUID, old: bytes, opener: Opener, seal: Seal
) -> Replaced | None:
    try:
        details = opener.open(column.table, row_id, old)
        return Replaced(column, row_id, old, seal(column.table, row_id, details))
    except BROKEN:
        note_broken(column.table, row_id)
        return None
