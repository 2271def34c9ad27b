"""KEYS_DIR: the pepper and the pin of the vault's public key, outside the database and its backups.

The pepper makes a stolen database useless for guessing passphrases. The pin keeps somebody who can
write to the database from putting a public key of their own there. Both files are text: the pepper
in hexadecimal, the pin as vault.pins says.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vault.files import make_private_directory, set_aside, write_new, write_over
from vault.pins import Pin, fingerprint, read_pins, write_pins

PEPPER_BYTES = 32
log = logging.getLogger("vigil.vault")


class VaultMissing(Exception):
    """Nothing can be sealed or opened: no vault, no pin, a key that is not pinned, no pepper.

    Nothing personal may be accepted then; the web answers 503.
    """


class IntakeStopped(VaultMissing):
    """Somebody stopped the intake by `flask panic`; only the recovery code starts it again."""


class KeysNotWritable(Exception):
    """KEYS_DIR cannot be changed by this process; nothing in it was."""


class KeysDir:
    """The directory with the pepper and the pin."""

    def __init__(self, path: Path) -> None:
        self._pepper = path / "pepper"
        self._pin = path / "pin"
        self._path = path

    def pepper(self) -> bytes:
        """Return the 32 bytes that go into every passphrase's key. Raises VaultMissing."""
        try:
            pepper = bytes.fromhex(_read(self._pepper))
        except ValueError:
            pepper = b""
        if len(pepper) != PEPPER_BYTES:
            raise VaultMissing("vault: the pepper in KEYS_DIR is damaged")
        return pepper

    def pins(self) -> dict[int, Pin]:
        """Return what is pinned for each vault id. Raises VaultMissing."""
        try:
            return read_pins(_read(self._pin))
        except ValueError:
            raise VaultMissing("vault: the pin in KEYS_DIR is damaged") from None

    def add_pin(self, vault_id: int, public_key: bytes) -> None:
        """Pin one more vault, on the disk when this returns. Twice does no harm.

        Raises VaultMissing if another key is pinned for this id, and KeysNotWritable.
        """
        with self._changing() as pins:
            if not pins.setdefault(vault_id, Pin(fingerprint(public_key))).fits(public_key):
                raise VaultMissing(f"vault: another key is pinned for vault {vault_id}")

    def mark_old(self, active_id: int) -> None:
        """Let nothing be sealed any more for vaults before this one. Raises as add_pin does."""
        with self._changing() as pins:
            for vault_id in filter(lambda other: other < active_id, list(pins)):
                pins[vault_id] = replace(pins[vault_id], is_old=True)

    def drop_pin(self, vault_id: int) -> None:
        """Forget the pin of a vault of which no box is left. Raises as add_pin does."""
        with self._changing() as pins:
            pins.pop(vault_id, None)

    def replace_pins(self, pins: Mapping[int, Pin]) -> None:
        """Put other pins in the place of what is there, which is set aside.

        For who has proven by the recovery code that the vault is theirs. Raises KeysNotWritable.
        """
        with self._locked():
            self._set_aside(self._pin)
            write_over(self._pin, write_pins(pins))

    def renew_pepper(self) -> None:
        """Make a new pepper in the place of a lost or damaged one, which is set aside.

        No passphrase opens anything after it. Raises KeysNotWritable.
        """
        with self._locked():
            self._set_aside(self._pepper)
            write_over(self._pepper, _new_pepper())

    def prepare(self, vault_id: int, public_key: bytes) -> None:
        """Make the directory, the pepper and the pin for a vault that the database has just got.

        A first start that broke off before its commit leaves a pepper and a pin. The pepper fits
        any vault and is kept. The pin belongs to no vault of this database, but perhaps to one of
        another that DATABASE_URL should have named: it is set aside, never overwritten or removed.
        Raises VaultMissing if the pepper is damaged or another process wrote a pin meanwhile.
        """
        make_private_directory(self._path)
        write_new(self._pepper, _new_pepper())
        self.pepper()
        self._set_aside(self._pin)
        if not write_new(self._pin, write_pins({vault_id: Pin(fingerprint(public_key))})):
            raise VaultMissing("vault: another process wrote a pin at the same time")

    @contextmanager
    def _changing(self) -> Iterator[dict[int, Pin]]:
        """The pins, to be changed; written if they were. One process at a time does this."""
        with self._locked():
            pins = self.pins()
            before = dict(pins)
            yield pins
            if pins != before:
                write_over(self._pin, write_pins(pins))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            make_private_directory(self._path)
            descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)
        except OSError as error:
            raise KeysNotWritable(f"KEYS_DIR cannot be written ({error.strerror})") from error

    def _set_aside(self, path: Path) -> None:
        if path.exists():
            left_over = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            moved = set_aside(path, f"{path.name}.set-aside-{left_over}")
            log.warning("vault: KEYS_DIR/%s is now %s", path.name, moved.name)


def _new_pepper() -> bytes:
    return f"{secrets.token_hex(PEPPER_BYTES)}\n".encode()


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise VaultMissing(f"vault: no {path.name} in KEYS_DIR ({reason})") from None
