"""After a rotation: every box of a retired vault is sealed for the one that took its place.

When none is left the old vault's shares and its pin go: then no key opens it any more. A box that
does not open with its own vault's key does not hold that up, for that key is of no use to it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import false

from staff.work import sealed_rows
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
        return max(_count(old, most), 1)

    def read(self, opener: Opener, now: datetime, after: Any) -> Batch | None:
        """The next boxes of the old vaults that this holder opens, sealed anew."""
        old = [one for one in sealed_rows.unfinished_vaults() if one in opener.vault_ids]
        return sealed_rows.read_batch(
            sealed_rows.sealed_columns(),
            lambda box: sealed_rows.is_of(box, old) if old else false(),
            after or sealed_rows.FIRST,
            opener,
            partial(sealed_rows.seal_anew, opener),
        )

    def write(self, opener: Opener, batch: Batch, now: datetime) -> int:
        """Put the new boxes in the place of the old ones."""
        return sealed_rows.replace_boxes(batch.rows)

    def finish(self, opener: Opener, skipped: int, now: datetime) -> Callable[[], None] | None:
        """Let the old vaults go of which nothing is left but what did not open."""
        gone = [
            vault_id
            for vault_id in sealed_rows.unfinished_vaults()
            if vault_id in opener.vault_ids
            and _count([vault_id]) <= skipped
            and forget_shares(vault_id, now)
        ]
        return partial(_forget_pins, gone) if gone else None


def _count(vault_ids: list[int], most: int | None = None) -> int:
    columns = sealed_rows.sealed_columns()
    return sealed_rows.count_rows(columns, lambda box: sealed_rows.is_of(box, vault_ids), most=most)


def _forget_pins(vault_ids: list[int]) -> None:
    for vault_id in vault_ids:
        forget_pin(vault_id)
