"""After a rotation: every box of a retired vault is sealed for the one that took its place.

When none is left the old vault's shares and its pin go: then no key opens it any more. A box that
does not open with its own vault's key does not hold that up, for that key is of no use to it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, false

from staff.work import sealed_rows
from staff.work.indexing import has_readable
from staff.work.keyed_work import Batch
from vault.services import Opener, forget_pin, forget_shares


class Resealing:
    """The step; see the module."""

    name = "re-seal"

    def has_boxes(self) -> bool:
        """Whether a box of an old vault is left."""
        old = sealed_rows.unfinished_vaults()
        return bool(old) and _count(old, most=1) > 0

    def left(self, now: datetime, most: int | None = None) -> int:
        """How many boxes wait; one, where only the old vault itself is still to go."""
        old = sealed_rows.unfinished_vaults()
        if not old:
            return 0
        columns = sealed_rows.columns_without_index()
        return max(sealed_rows.count_rows(columns, partial(_is_of, old), most), 1)

    def read(self, opener: Opener, now: datetime, after: Any) -> Batch | None:
        """The next boxes of the old vaults that this holder opens, sealed anew.

        Not the contacts': one with a new box and an old index would be nobody's for good.
        """
        old = [one for one in sealed_rows.unfinished_vaults() if one in opener.vault_ids]
        return sealed_rows.read_batch(
            sealed_rows.columns_without_index(),
            partial(_is_of, old),
            after or sealed_rows.FIRST,
            opener,
            partial(sealed_rows.seal_anew, opener),
        )

    def write(self, opener: Opener, batch: Batch, now: datetime) -> int:
        """Put the new boxes in the place of the old ones."""
        return sealed_rows.replace_boxes(batch.rows)

    def finish(self, opener: Opener, now: datetime) -> Callable[[], None] | None:
        """Let the old vaults go of which nothing is left but what cannot be sealed anew."""
        gone = [
            vault_id
            for vault_id in sealed_rows.unfinished_vaults()
            if vault_id in opener.vault_ids
            and not _has_sealable(opener, vault_id)
            and forget_shares(vault_id, now)
        ]
        return partial(_forget_pins, gone) if gone else None


def _has_sealable(opener: Opener, vault_id: int) -> bool:
    """Whether a box of this vault can still be opened and taken along: each one is tried."""
    which, seal = partial(_is_of, [vault_id]), partial(sealed_rows.seal_anew, opener)
    others = sealed_rows.columns_without_index()
    found = (sealed_rows.find_sealable(column, which, opener, seal) for column in others)
    return has_readable(opener, [vault_id]) or any(any(rows) for rows in found)


def _is_of(vault_ids: list[int], box: Any) -> ColumnElement[bool]:
    return sealed_rows.is_of(box, vault_ids) if vault_ids else false()


def _count(vault_ids: list[int], most: int | None = None) -> int:
    return sealed_rows.count_rows(sealed_rows.sealed_columns(), partial(_is_of, vault_ids), most)


def _forget_pins(vault_ids: list[int]) -> None:
    for vault_id in vault_ids:
        forget_pin(vault_id)
