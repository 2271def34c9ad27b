"""KEYS_DIR: the pepper and the pin of the vault's public key, outside the database and its backups.

The pepper makes a stolen database useless for guessing passphrases. The pin keeps somebody who can
write to the database from putting a public key of their own there. Both files are text: the pepper
in hexadecimal, the pin one line for each vault, `<vault id> <SHA-256 of its public key>`.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from pathlib import Path

from vault.files import make_private_directory, set_aside, write_new

PEPPER_BYTES = 32
log = logging.getLogger("vigil.vault")


class VaultMissing(Exception):
    """Nothing can be sealed or opened: no vault, no pin, a key that is not pinned, no pepper.

    Nothing personal may be accepted then; the web answers 503.
    """


def fingerprint(public_key: bytes) -> str:
    """Return what is pinned of a vault's public key: its SHA-256 in hexadecimal."""
    return hashlib.sha256(public_key).hexdigest()


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

    def pins(self) -> dict[int, str]:
        """Return the fingerprint pinned for each vault id. Raises VaultMissing."""
        try:
            pairs = [line.split() for line in _read(self._pin).splitlines() if line.strip()]
            return {int(vault_id): pinned.lower() for vault_id, pinned in pairs}
        except ValueError:
            raise VaultMissing("vault: the pin in KEYS_DIR is damaged") from None

    def prepare(self, vault_id: int, public_key: bytes) -> None:
        """Make the directory, the pepper and the pin for a vault that the database has just got.

        A first start that broke off before its commit leaves a pepper and a pin. The pepper fits
        any vault and is kept. The pin belongs to no vault of this database, but perhaps to one of
        another that DATABASE_URL should have named: it is set aside, never overwritten or removed.
        Raises VaultMissing if the pepper is damaged or another process wrote a pin meanwhile.
        """
        make_private_directory(self._path)
        write_new(self._pepper, f"{secrets.token_hex(PEPPER_BYTES)}\n".encode())
        self.pepper()
        if self._pin.exists():
            left_over = hashlib.sha256(self._pin.read_bytes()).hexdigest()[:16]
            moved = set_aside(self._pin, f"pin.set-aside-{left_over}")
            log.warning("vault: a pin without a vault in this database is now %s", moved.name)
        if not write_new(self._pin, f"{vault_id} {fingerprint(public_key)}\n".encode()):
            raise VaultMissing("vault: another process wrote a pin at the same time")


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise VaultMissing(f"vault: no {path.name} in KEYS_DIR ({reason})") from None
