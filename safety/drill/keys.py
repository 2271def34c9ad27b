"""Whatever in the loot could be a key: 32 bytes in a row or a file, in the forms keys have."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from safety.drill.loot import Loot, tables_with_bytes
from vault.services import BadRecoveryCode, holder_from_recovery_code

KEY_BYTES = 32
LARGEST = 256 * 1024  # bytes; keys lie in small files
MOST = 20_000  # of one column: any of them would do as well as all
HEX = re.compile(rb"(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])")
BASE64 = re.compile(rb"(?<![\w+/-])[A-Za-z0-9+/_-]{43,64}={0,2}(?![\w+/=-])")
AGE = re.compile(rb"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}")
CODE = re.compile(rb"(?:[0-9A-Z]{4}[- \n]{1,20}){13}[0-9A-Z]{4}")


@dataclass(frozen=True)
class Key:
    """Something that may be a key, and where it was found."""

    value: bytes = field(repr=False)
    where: str
    is_in_file: bool


@dataclass(frozen=True)
class Keys:
    """All candidates, those in files and in memory first, and age identities as text."""

    candidates: tuple[Key, ...]
    age: tuple[str, ...] = field(repr=False)

    @property
    def in_files(self) -> list[Key]:
        """The few that somebody put down as keys; the others are any 32 bytes of a row."""
        return [key for key in self.candidates if key.is_in_file]


def find_keys(loot: Loot) -> Keys:
    """Look through all of the loot."""
    found: dict[bytes, Key] = {}
    age: list[str] = []
    for name, value in loot.volatile.items():
        found.setdefault(value, Key(value, f"VOLATILE_KEYS, {name}", True))
    for path in loot.files:
        content = _read_small(path)
        age += [match.decode() for match in AGE.findall(content)]
        for value in _keys_in(content):
            found.setdefault(value, Key(value, str(path), True))
    for value, where in _values_of_rows(loot):
        found.setdefault(value, Key(value, where, False))
    return Keys(tuple(found.values()), tuple(age))


def _read_small(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            return b""
        return path.read_bytes()
    except OSError:
        return b""


def _keys_in(content: bytes) -> Iterator[bytes]:
    if len(content) == KEY_BYTES:
        yield content
    if len(content.strip()) < KEY_BYTES:
        return
    for match in HEX.findall(content):
        yield bytes.fromhex(match.decode())
    for match in BASE64.findall(content):
        yield from _from_base64(match)
    for match in CODE.findall(content):
        try:
            yield holder_from_recovery_code(match.decode())
        except BadRecoveryCode:
            continue


def _from_base64(text: bytes) -> Iterator[bytes]:
    text = text.rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_")
    try:
        content = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return
    if len(content) >= KEY_BYTES:
        yield content[:KEY_BYTES]


def _values_of_rows(loot: Loot) -> Iterator[tuple[bytes, str]]:
    for table, names in tables_with_bytes():
        left = dict.fromkeys(names, MOST)
        for row in loot.each_row(table.name):
            for name in names:
                value = row[name]
                if value is not None and len(value) == KEY_BYTES and left[name]:
                    left[name] -= 1
                    yield bytes(value), f"{table.name}.{name}"
            if not any(left.values()):
                break
