"""An open vault: the private keys that one holder's shares gave, for as long as a request lasts."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from nacl.public import PrivateKey, PublicKey, SealedBox

from vault.box import (
    ARCHIVE,
    CannotOpen,
    box_vault_id,
    box_version,
    open_archive,
    open_box,
    seal_archive,
)
from vault.derive import derive
from vault.models import Holder


class Opener:
    """Opens boxes, and vouches for holders. Keep it within the request; never log or store it."""

    def __init__(self, active_id: int, private_keys: Mapping[int, bytes]) -> None:
        """`private_keys` by vault id, the active vault's among them."""
        self.active_id = active_id
        self._private_keys = dict(private_keys)
        self._boxes = {
            vault_id: SealedBox(PrivateKey(key)) for vault_id, key in private_keys.items()
        }
        self._archive_keys = {
            vault_id: derive(key, "archive") for vault_id, key in private_keys.items()
        }

    @property
    def vault_ids(self) -> frozenset[int]:
        """The vaults that are open: boxes of others stay closed to this holder."""
        return frozenset(self._private_keys)

    def open(self, table: str, row_id: UUID, blob: bytes) -> dict[str, Any]:
        """Return the details sealed for this row of this table. Raises CannotOpen."""
        vault_id = box_vault_id(blob)
        if vault_id not in self._boxes:
            raise CannotOpen("a box of a vault in which this holder has no share")
        if box_version(blob) == ARCHIVE:
            return open_archive(self._archive_keys[vault_id], table, row_id, blob)
        return open_box(self._boxes[vault_id], table, row_id, blob)

    def archive(self, table: str, row_id: UUID, details: Mapping[str, Any]) -> bytes:
        """Return `details` sealed for this row in the form that opens fast (version 2)."""
        key = self._archive_keys[self.active_id]
        return seal_archive(key, self.active_id, table, row_id, details)

    def followed_by(self, vault_id: int, private_key: bytes) -> Opener:
        """Return an opener that has another vault open too, which is the active one from now on."""
        return Opener(vault_id, {**self._private_keys, vault_id: private_key})

    def index_key(self) -> bytes:
        """Return the key of the blind index, which follows from the active vault's private key."""
        return derive(self._private_keys[self.active_id], "blind index")

    def seal_shares(self, public_key: bytes) -> dict[int, bytes]:
        """Return each vault's private key, sealed to a holder's public key, by vault id."""
        box = SealedBox(PublicKey(public_key))
        return {vault_id: box.encrypt(key) for vault_id, key in self._private_keys.items()}

    def enrolment_tag(self, holder_id: UUID, public_key: bytes) -> bytes:
        """Return the tag that shows that somebody who had the vault open enrolled this key."""
        key = derive(self._private_keys[self.active_id], "enrolment")
        return hmac.digest(key, holder_id.bytes + public_key, "sha256")

    def vouches_for(self, holder: Holder) -> bool:
        """Whether the holder was enrolled with this key: check it before any re-share."""
        return hmac.compare_digest(
            holder.enrolment_tag, self.enrolment_tag(holder.id, holder.public_key)
        )
