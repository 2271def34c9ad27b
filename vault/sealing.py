"""The vault as a running application has it: seals, and opens for who brings a holder's key.

The public key in the database counts only while its fingerprint is pinned in KEYS_DIR. Both are
read anew at most every half second when sealing, and each time that the vault is opened.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from sqlalchemy import select

from config.database import db
from vault.box import CannotOpen, seal_box
from vault.derive import derive
from vault.index import blind_index, fold, normalise
from vault.keys_dir import KeysDir, VaultMissing, fingerprint
from vault.models import Holder, VaultPair, VaultShare
from vault.opener import Opener
from vault.volatile import VolatileKeys

CHECK_SECONDS = 0.5
LOG_AGAIN_SECONDS = 60.0
MAIL_KEY = "mail"
log = logging.getLogger("vigil.vault")


@dataclass(frozen=True)
class ActiveVault:
    """The vault that seals now: its public key, found equal to its pin."""

    id: int
    public_key: bytes
    box: SealedBox[PublicKey]

    @property
    def index_key_name(self) -> str:
        """The volatile name of its index key; another vault's key can never be taken for it."""
        return f"index-{fingerprint(self.public_key)[:16]}"


class Vault:
    """One for each application, at `app.extensions["vault"]`; safe among threads."""

    def __init__(self, keys_dir: KeysDir, keys: VolatileKeys) -> None:
        self.keys_dir = keys_dir
        self.keys = keys
        self._checked: tuple[float, ActiveVault | str] = (-CHECK_SECONDS, "not checked yet")
        self._complained: tuple[float, str] = (-LOG_AGAIN_SECONDS, "")

    def is_ready(self) -> bool:
        """Whether a sign-up can be taken in now; where not, the log says why."""
        try:
            self.active()
            self.keys.get(MAIL_KEY)  # it may be missing, but not out of reach
        except VaultMissing as fault:
            self._complain(time.monotonic(), str(fault))
            return False
        return True

    def seal(self, table: str, row_id: UUID, details: Mapping[str, Any]) -> bytes:
        """Return `details`, which must fit into JSON, sealed for one row. Raises VaultMissing."""
        active = self.active()
        return seal_box(active.box, active.id, table, row_id, details)

    def open_with(self, holder_key: bytes) -> Opener:
        """Open the vault with a holder's private key. Raises CannotOpen and VaultMissing."""
        active = self.check()
        pins = self.keys_dir.pins()
        try:
            holder_box = SealedBox(PrivateKey(holder_key))
            own_public_key = PrivateKey(holder_key).public_key.encode()
        except (CryptoError, TypeError, ValueError) as error:
            raise CannotOpen("not a holder's key") from error
        private_keys = {}
        for vault_id, public_key, share in _shares_of(own_public_key):
            private_key = _open_share(holder_box, share, public_key)
            if private_key is None or not _is_pinned(pins, vault_id, public_key):
                log.error("vault: a share in vault %d does not fit its pinned key", vault_id)
                continue
            private_keys[vault_id] = private_key
        if active.id not in private_keys:
            raise CannotOpen("no share in the vault for this key")
        return Opener(active.id, private_keys)

    def email_index(self, email: str) -> bytes | None:
        """Return 16 bytes that find a contact again; None where the index key is not at hand.

        Raises VaultMissing.
        """
        key = self.keys.get(self.active().index_key_name)
        return None if key is None else blind_index(key, normalise(email))

    def restore_index_key(self, opener: Opener) -> bool:
        """Put the index key at hand; True if it was not, so that rows wait to be indexed."""
        name = self.check().index_key_name
        key = opener.index_key()
        present = self.keys.get(name)
        if present is not None and hmac.compare_digest(present, key):
            return False
        if present is not None:
            log.error("vault: the index key in VOLATILE_KEYS was a wrong one and is replaced")
        self.keys.put(name, key)
        return True

    def mail_key(self) -> bytes:
        """Return the key of the outbox, made if there is none. Raises VolatileKeysUnreachable."""
        return self.keys.create(MAIL_KEY)

    def daily_key(self, purpose: str, day: date) -> bytes:
        """Return a key for one purpose and day, the same in all processes of the installation."""
        return derive(self.mail_key(), f"{purpose} on {day.isoformat()}")

    def address_cap_key(self, email: str, day: date) -> bytes:
        """Return 16 bytes under which mails to one mailbox are counted for a day."""
        return blind_index(self.daily_key("address cap", day), fold(email))

    def active(self) -> ActiveVault:
        """Return the vault that seals, checked half a second ago or less. Raises VaultMissing."""
        checked_at, found = self._checked
        if time.monotonic() - checked_at >= CHECK_SECONDS:
            return self.check()
        if isinstance(found, str):
            raise VaultMissing(found)
        return found

    def check(self) -> ActiveVault:
        """Return the vault that seals, as it stands now. Raises VaultMissing, and logs why."""
        now = time.monotonic()
        try:
            active = self._read()
        except VaultMissing as fault:
            self._checked = now, str(fault)
            self._complain(now, str(fault))
            raise
        self._checked = now, active
        self._complained = -LOG_AGAIN_SECONDS, ""
        return active

    def _read(self) -> ActiveVault:
        # Columns, not an object: the session would give back one that it has read before.
        newest = (
            select(VaultPair.id, VaultPair.public_key)
            .where(VaultPair.retired_at.is_(None))
            .order_by(VaultPair.id.desc())
            .limit(1)
        )
        with db.session.no_autoflush:
            row = db.session.execute(newest).one_or_none()
        if row is None:
            raise VaultMissing("vault: there is none in the database")
        self.keys_dir.pepper()
        if not _is_pinned(self.keys_dir.pins(), row.id, row.public_key):
            raise VaultMissing("vault: public key does not match its pin")
        return ActiveVault(row.id, row.public_key, SealedBox(PublicKey(row.public_key)))

    def _complain(self, now: float, fault: str) -> None:
        """Log a fault when it is new and then once a minute, not on every request."""
        logged_at, logged = self._complained
        if fault != logged or now - logged_at >= LOG_AGAIN_SECONDS:
            self._complained = now, fault
            log.error("%s", fault)


def _shares_of(public_key: bytes) -> list[tuple[int, bytes, bytes]]:
    shares = (
        select(VaultShare.vault_id, VaultPair.public_key, VaultShare.share)
        .join(VaultPair, VaultPair.id == VaultShare.vault_id)
        .join(Holder, Holder.id == VaultShare.holder_id)
        .where(Holder.public_key == public_key)
    )
    return [(row.vault_id, row.public_key, row.share) for row in db.session.execute(shares)]


def _open_share(box: SealedBox[PrivateKey], share: bytes, public_key: bytes) -> bytes | None:
    """Return the vault's private key, if this share holds the one of this public key."""
    try:
        private_key = PrivateKey(box.decrypt(share))
    except (CryptoError, TypeError, ValueError):
        return None
    return private_key.encode() if private_key.public_key.encode() == public_key else None


def _is_pinned(pins: Mapping[int, str], vault_id: int, public_key: bytes) -> bool:
    return hmac.compare_digest(pins.get(vault_id, ""), fingerprint(public_key))
