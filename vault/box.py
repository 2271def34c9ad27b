"""The sealed box: anybody can put details into it, only the vault's private key opens it.

    version (1 byte) | vault id (2 bytes, big-endian) | SealedBox(padded JSON of table, id, details)

The JSON is padded to a multiple of 256 bytes by ISO/IEC 7816-4 (0x80, then zeros), so that all
short contacts are equally long. The table and row id inside keep a box from being moved to another
row. The version byte leaves room for another sealing, such as a post-quantum one.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from nacl.bindings import sodium_pad, sodium_unpad
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

VERSION = 1
BLOCK = 256
HEADER = struct.Struct(">BH")


class CannotOpen(Exception):
    """The box, share or key does not open: tampered with, moved, of another vault or version."""


def seal_box(
    box: SealedBox[PublicKey], vault_id: int, table: str, row_id: UUID, details: Mapping[str, Any]
) -> bytes:
    """Return `details`, which must fit into JSON, sealed for one row of one table."""
    content = json.dumps(
        {"table": table, "id": str(row_id), "details": dict(details)},
        ensure_ascii=False,  # Cyrillic escaped would be thrice as long and say so by its length
        allow_nan=False,
        separators=(",", ":"),
    )
    padded = sodium_pad(content.encode("utf-8", "surrogatepass"), BLOCK)
    return HEADER.pack(VERSION, vault_id) + box.encrypt(padded)


def box_vault_id(blob: bytes) -> int:
    """Return the id of the vault that a box was sealed for. Raises CannotOpen."""
    if len(blob) < HEADER.size:
        raise CannotOpen("a box without its header")
    version, vault_id = HEADER.unpack_from(blob)
    if version != VERSION:
        raise CannotOpen(f"a box of the unknown version {version}")
    return int(vault_id)


def open_box(box: SealedBox[PrivateKey], table: str, row_id: UUID, blob: bytes) -> dict[str, Any]:
    """Return the details in a box that was sealed for this row of this table. Raises CannotOpen."""
    try:
        padded = box.decrypt(blob[HEADER.size :])
        content = json.loads(sodium_unpad(padded, BLOCK).decode("utf-8", "surrogatepass"))
        sealed_for = content["table"], content["id"]
        details: dict[str, Any] = dict(content["details"])
    except (CryptoError, ValueError, TypeError, KeyError) as error:
        raise CannotOpen("a box that was tampered with or is of another vault") from error
    if sealed_for != (table, str(row_id)):
        raise CannotOpen("a box that was moved from another row")
    return details
