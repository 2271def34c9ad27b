"""Opening what is sealed: from any private key to the vault's, and from there to every box."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox
from nacl.secret import Aead

from safety.drill.keys import Key
from safety.drill.loot import Loot, tables_with_bytes
from staff.door.tokens import hash_token
from vault.box import CannotOpen, box_vault_id
from vault.services import Opener, unwrap_for_session

SHORTEST_BOX = 3 + 24 + 16 + 256  # bytes: header, nonce, tag, one block
FIRST = 3  # of the outbox: one key opens all of it or nothing


@dataclass(frozen=True)
class Opened:
    """How many boxes there are, and how many of them were opened."""

    boxes: int
    opened: int


def vault_keys(loot: Loot, keys: Iterable[Key], holder_keys: Iterable[bytes]) -> dict[int, bytes]:
    """The private keys of vaults, by vault id, that follow from what was found."""
    vaults = {bytes(row["public_key"]): int(row["id"]) for row in loot.rows("vault")}
    holders = {bytes(row["public_key"]): row["id"] for row in loot.rows("holder")}
    found: dict[int, bytes] = {}
    for value in [*holder_keys, *(key.value for key in keys)]:
        public = PrivateKey(value).public_key.encode()
        if public in vaults:
            found[vaults[public]] = value
        if public in holders:
            found |= _through_shares(loot, holders[public], value)
    return found


def _through_shares(loot: Loot, holder_id: uuid.UUID, key: bytes) -> dict[int, bytes]:
    found = {}
    for row in loot.rows("vault_share"):
        if row["holder_id"] == holder_id:
            try:
                found[int(row["vault_id"])] = SealedBox(PrivateKey(key)).decrypt(row["share"])
            except CryptoError:
                continue
    return found


def session_keys(loot: Loot, tokens: Iterable[bytes]) -> list[bytes]:
    """Holders' keys in the rows of sessions, for who has their cookies."""
    rows = {bytes(row["token_hash"]): row["wrapped_key"] for row in loot.rows("staff_session")}
    found = []
    for token in tokens:
        token_hash = hash_token(token)
        if wrapped := rows.get(token_hash):
            secret = unwrap_for_session(token, bytes(wrapped), token_hash)
            found += [secret[:32]] if secret else []
    return found


def open_boxes(loot: Loot, vaults: dict[int, bytes]) -> Opened:
    """Try every box in every table."""
    opener = Opener(max(vaults), vaults) if vaults else None
    boxes = opened = 0
    for table, row_id, blob in each_box(loot):
        boxes += 1
        if opener is not None:
            try:
                opener.open(table, row_id, blob)
                opened += 1
            except CannotOpen:
                continue
    return Opened(boxes, opened)


def each_box(loot: Loot) -> Iterator[tuple[str, uuid.UUID, bytes]]:
    """Whatever looks like a box, with the row that it is in."""
    known = {int(row["id"]) for row in loot.rows("vault")}
    for table, names in tables_with_bytes():
        if "id" not in table.columns or table.name in {"vault", "outgoing_email"}:
            continue
        for row in loot.each_row(table.name):
            for name in names:
                value = bytes(row[name] or b"")
                if len(value) >= SHORTEST_BOX and _is_box(value, known):
                    yield table.name, row["id"], value


def _is_box(value: bytes, vaults: set[int]) -> bool:
    try:
        return box_vault_id(value) in vaults
    except CannotOpen:
        return False


def open_outbox(loot: Loot, keys: Iterable[Key]) -> tuple[int, int, str]:
    """How many mails and wishes for links wait, how many were read, and by the key from where."""
    mails = [
        (row["id"], bytes(row["blob"]))
        for table in ("outgoing_email", "link_request")
        for row in loot.each_row(table)
        if row["blob"]
    ]
    for key in keys:
        box = Aead(key.value)
        if any(_opens(box, *mail) for mail in mails[:FIRST]):
            return len(mails), sum(_opens(box, *mail) for mail in mails), key.where
    return len(mails), 0, ""


def _opens(box: Aead, row_id: uuid.UUID, blob: bytes) -> bool:
    try:
        box.decrypt(blob, row_id.bytes)
    except (CryptoError, ValueError):
        return False
    return True
