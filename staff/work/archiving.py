"""Above 20,000 contacts: boxes that were opened once are kept in a form that opens faster.

Anybody can seal a box to the vault's public key, which is why opening one takes long. A key holder
can seal with a key of the vault's own (vault/box.py, version 2), and does so when signed in.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, select

from config.database import db
from contacts.models import Contact
from staff.models import KeyedWork
from staff.work import sealed_rows
from staff.work.keyed_work import Batch
from vault.box import VERSION
from vault.services import Opener

FROM = 20_000  # contacts: below, a search takes a second or two anyway
EVERY = timedelta(hours=1)  # looking for boxes to convert reads all rows


class Archiving:
    """The step; see the module."""

    name = "archive"

    def __init__(self) -> None:
        self._nothing_at: datetime | None = None  # when this process looked in vain

    def left(self, now: datetime, most: int | None = None) -> int:
        """How many boxes are to be converted; none in small installations, or done of late."""
        if self._nothing_at and now - EVERY < self._nothing_at:
            return 0
        if not _is_large() or _is_done_of_late(now):
            return 0
        found = sealed_rows.count_rows(sealed_rows.sealed_columns(), _is_slow, most)
        self._nothing_at = None if found else now
        return found

    def read(self, opener: Opener, now: datetime, after: Any) -> Batch | None:
        """The next boxes, converted; those of a retired vault wait to be sealed anew."""
        return sealed_rows.read_batch(
            sealed_rows.sealed_columns(),
            lambda box: and_(_is_slow(box), sealed_rows.is_of(box, [opener.active_id])),
            after or sealed_rows.FIRST,
            opener,
            opener.archive,
        )

    def write(self, opener: Opener, batch: Batch, now: datetime) -> int:
        """Put the converted boxes in the place of the others."""
        return sealed_rows.replace_boxes(batch.rows)

    def finish(self, opener: Opener, now: datetime) -> None:
        """Nothing more."""


def _is_slow(box: Any) -> ColumnElement[bool]:
    return sealed_rows.has_version(box, VERSION)


def _is_large() -> bool:
    return db.session.scalar(select(Contact.id).offset(FROM).limit(1)) is not None


def _is_done_of_late(now: datetime) -> bool:
    row = db.session.get(KeyedWork, Archiving.name)
    return row is not None and row.left == 0 and row.at > now - EVERY
