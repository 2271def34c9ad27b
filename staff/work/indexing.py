"""Indexes contacts whose address could not be indexed, or was under another vault's key.

No column says under which key an index was made. The contact's box does: index and box are made
together, so that whose box is of a retired vault has an index of that vault, too. Both are made
anew in one statement. Where somebody with the same address signed up meanwhile, the two are merged,
in a transaction of its own: who merges must lock what hangs on contacts before any contact.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from config.database import db
from contacts.models import Contact
from staff.work.keyed_work import Batch
from staff.work.merging import merge_duplicate
from staff.work.sealed_rows import BROKEN, is_of, note_broken, seal_anew, unfinished_vaults
from vault.box import box_vault_id
from vault.index import blind_index, normalise
from vault.services import Opener

SIZE = 100


class Readdressed(NamedTuple):
    """A contact as it was read, and as it is to be."""

    id: uuid.UUID
    sealed: bytes
    email_index: bytes
    new_box: bytes


class Indexing:
    """The step; see the module."""

    name = "index"

    def left(self, now: datetime, most: int | None = None) -> int:
        """How many contacts wait."""
        rows = select(Contact.id).where(_waits()).limit(most)
        return db.session.scalar(select(func.count()).select_from(rows.subquery())) or 0

    def read(self, opener: Opener, now: datetime, after: Any) -> Batch | None:
        """The next contacts, with what is to be written."""
        rows = select(Contact.id, Contact.sealed).where(_waits()).order_by(Contact.id).limit(SIZE)
        if after is not None:
            rows = rows.where(Contact.id > after)
        found = db.session.execute(rows).all()
        if not found:
            return None
        return _cut([(row.id, _readdress(opener, *row)) for row in found])

    def write(self, opener: Opener, batch: Batch, now: datetime) -> int:
        """Write index and box of each, and merge where the index is another contact's."""
        if len(batch.rows) == 1:
            return _write(opener, batch.rows[0], now)
        return sum(_update(row) for row in batch.rows)

    def finish(self, opener: Opener, now: datetime) -> None:
        """Nothing: the old vault goes with its last box, in `resealing`."""


def count_unindexed() -> Select[int]:
    """How many contacts have no index, as a statement."""
    return select(func.count()).where(Contact.email_index.is_(None))


def has_readable(opener: Opener, vault_ids: Sequence[int]) -> bool:
    """Whether a contact with a box of these vaults can still be indexed: each one is tried."""
    rows = select(Contact.id, Contact.sealed).where(is_of(Contact.sealed, vault_ids))
    with db.session.execute(rows.execution_options(yield_per=SIZE)) as found:
        return any(_readdress(opener, *row) for row in found)


def _waits() -> ColumnElement[bool]:
    return or_(Contact.email_index.is_(None), is_of(Contact.sealed, unfinished_vaults()))


def _readdress(opener: Opener, contact_id: uuid.UUID, sealed: bytes) -> Readdressed | None:
    try:
        details = opener.open("contact", contact_id, sealed)
        index = blind_index(opener.index_key(), normalise(str(details["email"])))
        if box_vault_id(sealed) == opener.active_id:
            return Readdressed(contact_id, sealed, index, sealed)
        box = seal_anew(opener, "contact", contact_id, details)
        return Readdressed(contact_id, sealed, index, box)
    except (*BROKEN, KeyError):
        note_broken("contact", contact_id)
        return None


def _cut(found: Sequence[tuple[uuid.UUID, Readdressed | None]]) -> Batch:
    """As many as nobody shares an address with; or one alone, to be merged."""
    ready: list[Readdressed] = []
    taken = _indexes_of_others([row for _id, row in found if row])
    for number, (_id, row) in enumerate(found):
        if row and row.email_index in taken:
            if ready:
                return Batch(ready, found[number - 1][0], number - len(ready))
            return Batch([row], row.id, number)
        if row:
            ready.append(row)
            taken.add(row.email_index)
    return Batch(ready, found[-1][0], len(found) - len(ready))


def _indexes_of_others(rows: Sequence[Readdressed]) -> set[bytes]:
    """Which of the indexes are already somebody's."""
    indexes = select(Contact.email_index, Contact.id).where(
        Contact.email_index.in_([row.email_index for row in rows])
    )
    own = {(row.email_index, row.id) for row in rows}
    found = db.session.execute(indexes).all()
    return {row.email_index for row in found if (row.email_index, row.id) not in own}


def _write(opener: Opener, row: Readdressed, now: datetime) -> int:
    try:
        with db.session.begin_nested():
            return _update(row)
    except IntegrityError:  # somebody else has this address
        if merge_duplicate(row.id, row.email_index, opener, now) == row.id:
            _update(row)
        return 1


def _update(row: Readdressed) -> int:
    changed = db.session.execute(
        update(Contact)
        .where(Contact.id == row.id, Contact.sealed == row.sealed)
        .values(email_index=row.email_index, sealed=row.new_box)
        .returning(Contact.id)
    ).first()
    return int(changed is not None)
