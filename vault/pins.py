"""The pin file's text: a line for each vault, `<vault id> <SHA-256 of its public key> [old]`.

`old` marks a vault that was rotated away: its boxes may still be opened, but nothing is sealed for
it any more, whatever the database says. So nobody who can write there brings back a vault whose key
a former colleague knows.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

OLD = "old"
LINE = re.compile(rf"\s*(\d{{1,5}})\s+([0-9a-fA-F]{{64}})(\s+{OLD})?\s*")


@dataclass(frozen=True)
class Pin:
    """What is pinned of one vault."""

    fingerprint: str
    is_old: bool = False

    def fits(self, public_key: bytes) -> bool:
        """Whether this is the public key that was pinned."""
        return hmac.compare_digest(self.fingerprint, fingerprint(public_key))


def fingerprint(public_key: bytes) -> str:
    """Return what is pinned of a vault's public key: its SHA-256 in hexadecimal."""
    return hashlib.sha256(public_key).hexdigest()


def pin_line(vault_id: int, pin: Pin) -> str:
    """Return a vault's line as it stands in the file, without the line's end."""
    return f"{vault_id} {pin.fingerprint}" + (f" {OLD}" if pin.is_old else "")


def read_pins(text: str) -> dict[int, Pin]:
    """Return the pins by vault id. Raises ValueError for what no pin file holds."""
    pins: dict[int, Pin] = {}
    for line in filter(str.strip, text.splitlines()):
        found = LINE.fullmatch(line)
        if found is None or int(found[1]) in pins:
            raise ValueError("not a pin file")
        pins[int(found[1])] = Pin(found[2].lower(), is_old=found[3] is not None)
    return pins


def write_pins(pins: Mapping[int, Pin]) -> bytes:
    """Return the text for the file."""
    lines: Iterable[str] = (pin_line(vault_id, pin) for vault_id, pin in sorted(pins.items()))
    return "".join(f"{line}\n" for line in lines).encode("ascii")
