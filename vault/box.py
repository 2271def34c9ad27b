"""The sealed box: anybody can put details into it, only the vault's private key opens it.

    version 1 (1 byte) | vault id (2 bytes, big-endian) | SealedBox(content)
    version 2 (1 byte) | vault id (2 bytes, big-endian) | nonce | XChaCha20-Poly1305(content)

The content is JSON of table, row id and details, padded to a multiple of 256 bytes by ISO/IEC
7816-4 (0x80, then zeros), so that all short contacts are equally long. The table and row id inside
keep a box from being moved to another row.

Version 2, the archive, opens many times faster, and only who has the vault's private key can make
one: its key follows from that key. Header, table and row id are authenticated too.
"""

from __future__ import annotations

import json
import math
import secrets
import struct
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt as aead_open,
)
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_encrypt as aead_seal,
)
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES as NONCE_BYTES,
)
from nacl.bindings import (
    sodium_pad,
    sodium_unpad,
)
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

VERSION = 1
ARCHIVE = 2
BLOCK = 256
HEADER = struct.Struct(">BH")


class CannotOpen(Exception):
    """The box, share or key does not open: tampered with, moved, of another vault or version."""


def seal_box(
    box: SealedBox[PublicKey], vault_id: int, table: str, row_id: UUID, details: Mapping[str, Any]
) -> bytes:
    """Return `details`, which must fit into JSON, sealed for one row of one table."""
    return HEADER.pack(VERSION, vault_id) + box.encrypt(_content(table, row_id, details))


def seal_archive(
    key: bytes, vault_id: int, table: str, row_id: UUID, details: Mapping[str, Any]
) -> bytes:
    """Return `details` sealed for one row under the archive key of a vault."""
    header, nonce = HEADER.pack(ARCHIVE, vault_id), secrets.token_bytes(NONCE_BYTES)
    content = _content(table, row_id, details)
    return header + nonce + aead_seal(content, _bound_to(header, table, row_id), nonce, key)


def box_version(blob: bytes) -> int:
    """Return how a box was sealed: VERSION or ARCHIVE. Raises CannotOpen."""
    if len(blob) < HEADER.size:
        raise CannotOpen("a box without its header")
    version = blob[0]
    if version not in {VERSION, ARCHIVE}:
        raise CannotOpen(f"a box of the unknown version {version}")
    return version


def box_vault_id(blob: bytes) -> int:
    """Return the id of the vault that a box was sealed for. Raises CannotOpen."""
    box_version(blob)
    return int(HEADER.unpack_from(blob)[1])


def open_box(box: SealedBox[PrivateKey], table: str, row_id: UUID, blob: bytes) -> dict[str, Any]:
    """Return the details in a box that was sealed for this row of this table. Raises CannotOpen."""
    try:
        content = box.decrypt(blob[HEADER.size :])
    except (CryptoError, ValueError, TypeError) as error:
        raise CannotOpen("a box that was tampered with or is of another vault") from error
    return _details(content, table, row_id)


def open_archive(key: bytes, table: str, row_id: UUID, blob: bytes) -> dict[str, Any]:
    """Return the details in an archive box of this row of this table. Raises CannotOpen."""
    header, rest = blob[: HEADER.size], blob[HEADER.size :]
    nonce, sealed = rest[:NONCE_BYTES], rest[NONCE_BYTES:]
    try:
        content = aead_open(sealed, _bound_to(header, table, row_id), nonce, key)
    except (CryptoError, ValueError, TypeError) as error:
        raise CannotOpen("an archive box that was tampered with or moved") from error
    return _details(content, table, row_id)


def _bound_to(header: bytes, table: str, row_id: UUID) -> bytes:
    return header + f"{table}|{row_id}".encode()


def _content(table: str, row_id: UUID, details: Mapping[str, Any]) -> bytes:
    content = json.dumps(
        {"table": table, "id": str(row_id), "details": dict(details)},
        ensure_ascii=False,  # Cyrillic escaped would be thrice as long and say so by its length
        allow_nan=False,
        separators=(",", ":"),
    )
    return bytes(sodium_pad(content.encode("utf-8", "surrogatepass"), BLOCK))


def _details(padded: bytes, table: str, row_id: UUID) -> dict[str, Any]:
    try:
        text = sodium_unpad(padded, BLOCK).decode("utf-8", "surrogatepass")
        content = json.loads(text, parse_constant=_finite, parse_float=_finite)
        sealed_for = content["table"], content["id"]
        details: dict[str, Any] = dict(content["details"])
    except (CryptoError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise CannotOpen("a box whose content is none of ours") from error
    if sealed_for != (table, str(row_id)):
        raise CannotOpen("a box that was moved from another row")
    return details


def _finite(text: str) -> float:
    """A number that can be sealed again: neither NaN nor Infinity, which 1e999 is, too."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a number of JSON")
    return number
