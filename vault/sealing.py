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
from vault.keys_dir import IntakeStopped, KeysDir, KeysNotWritable, VaultMissing
from vault.models import Holder, VaultPair, VaultShare
from vault.opener import Opener
from vault.pins import fingerprint
from vault.volatile import VolatileKeys

CHECK_SECONDS = 0.5
LOG_AGAIN_SECONDS = 60.0
SETTLE_SECONDS = 2.0
MAIL_KEY = "mail"
log = logging.getLogger("vigil.vault")
_SWITCHING = "vigil_vault_switching"


@dataclass(frozen=True)
class ActiveVault:
    """The vault that seals now: its public key, found equal to its pin."""

    id: int
    public_key: bytes
    box: SealedBox[PublicKey]
    is_settled: bool = True  # whether the pins of all vaults before it say that they are old

    @property
    def index_key_name(self) -> str:
        """The volatile name of its index key; another vault's key can never be taken for it."""
        return index_key_name(self.public_key)


class Vault:
    """One for each application, at `app.extensions["vault"]`; safe among threads."""

    def __init__(self, keys_dir: KeysDir, keys: VolatileKeys) -> None:
        self.keys_dir = keys_dir
        self.keys = keys
        self._checked: tuple[float, ActiveVault | VaultMissing] = (
            -CHECK_SECONDS,
            VaultMissing("not checked yet"),
        )
        self._complained: tuple[float, str] = (-LOG_AGAIN_SECONDS, "")
        self._unsettled_since: float | None = None

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

    def open_with(self, holder_key: bytes, *, even_stopped: bool = False) -> Opener:
        """Open the vault with a holder's private key. Raises CannotOpen and VaultMissing.

        `even_stopped` is for who comes to start the intake again.
        """
        active = self._read(even_stopped=True) if even_stopped else self.check()
        pins = self.keys_dir.pins()
        try:
            holder_box = SealedBox(PrivateKey(holder_key))
            own_public_key = PrivateKey(holder_key).public_key.encode()
        except (CryptoError, TypeError, ValueError) as error:
            raise CannotOpen("not a holder's key") from error
        private_keys = {}
        for vault_id, public_key, share in _shares_of(own_public_key):
            private_key = _open_share(holder_box, share, public_key)
            pin = pins.get(vault_id)
            if private_key is None or pin is None or not pin.fits(public_key):
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
        active = self.check()
        if active.id != opener.active_id:
            return False  # opened before a rotation: a former colleague may know that key
        name, key = active.index_key_name, opener.index_key()
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

    def key_outside_database(self, purpose: str) -> bytes:
        """Return a key for one purpose that lasts as the pepper does: who has or writes the
        database alone makes nothing with it. Raises VaultMissing.
        """
        return derive(self.keys_dir.pepper(), purpose)

    def address_cap_key(self, email: str, day: date) -> bytes:
        """Return 16 bytes under which mails to one mailbox are counted for a day."""
        return blind_index(self.daily_key("address cap", day), fold(email))

    def active(self) -> ActiveVault:
        """Return the vault that seals, checked half a second ago or less. Raises VaultMissing."""
        checked_at, found = self._checked
        if time.monotonic() - checked_at >= CHECK_SECONDS:
            return self.check()
        if isinstance(found, VaultMissing):
            raise type(found)(str(found))  # anew: one error raised by many threads grows
        return found

    def is_checked(self) -> bool:
        """Whether the next answer needs no look into the database."""
        return time.monotonic() - self._checked[0] < CHECK_SECONDS

    def is_stopped(self) -> bool:
        """Whether somebody stopped the intake, as of half a second ago or less."""
        try:
            self.active()
        except IntakeStopped:
            return True
        except VaultMissing:
            return False
        return False

    def check(self) -> ActiveVault:
        """Return the vault that seals, as it stands now. Raises VaultMissing, and logs why."""
        now = time.monotonic()
        try:
            active = self._read()
        except VaultMissing as fault:
            self._checked = now, fault
            self._complain(now, str(fault))
            raise
        self._checked = now, active
        self._complained = -LOG_AGAIN_SECONDS, ""
        self._settle(active, now)
        return active

    def seal_for_until_commit(self, before: ActiveVault) -> None:
        """Go on with `before` within the open transaction, which switches to another vault.

        What is sealed for a vault that is then rolled back nobody could ever open; and this object
        tells other threads what it has read here.
        """
        db.session.info[_SWITCHING] = db.session().get_transaction(), before

    def _settle(self, active: ActiveVault, now: float) -> None:
        """Mark the pins of older vaults, a little after a switch: requests under way know it not.

        Here, and not by who rotated: whatever was broken off after the commit is made good.
        """
        if active.is_settled:
            self._unsettled_since = None
        elif self._unsettled_since is None:
            self._unsettled_since = now
        elif now - self._unsettled_since >= SETTLE_SECONDS:
            self._unsettled_since = now + LOG_AGAIN_SECONDS  # no sooner again, if it fails
            try:
                self.keys_dir.mark_old(active.id)
            except KeysNotWritable:
                log.warning("vault: mark older lines of KEYS_DIR/pin with the word old yourself")

    def _read(self, *, even_stopped: bool = False) -> ActiveVault:
        transaction, before = db.session.info.get(_SWITCHING, (None, None))
        if transaction is not None and transaction is db.session().get_transaction():
            return before  # type: ignore[no-any-return]
        # Columns, not an object: the session would give back one that it has read before.
        newest = (
            select(VaultPair.id, VaultPair.public_key, VaultPair.stopped_at)
            .where(VaultPair.retired_at.is_(None))
            .order_by(VaultPair.id.desc())
            .limit(1)
        )
        with db.session.no_autoflush:
            row = db.session.execute(newest).one_or_none()
        if row is None:
            raise VaultMissing("vault: there is none in the database")
        if row.stopped_at is not None and not even_stopped:
            raise IntakeStopped("vault: intake is stopped")
        self.keys_dir.pepper()
        pins = self.keys_dir.pins()
        pin = pins.get(row.id)
        if pin is None or not pin.fits(row.public_key):
            raise VaultMissing("vault: public key does not match its pin")
        if pin.is_old:
            raise VaultMissing("vault: the database seals for a vault that was rotated away")
        is_settled = all(pins[other].is_old for other in pins if other < row.id)
        box = SealedBox(PublicKey(row.public_key))
        return ActiveVault(row.id, row.public_key, box, is_settled)

    def _complain(self, now: float, fault: str) -> None:
        """Log a fault when it is new and then once a minute, not on every request."""
        logged_at, logged = self._complained
        if fault != logged or now - logged_at >= LOG_AGAIN_SECONDS:
            self._complained = now, fault
            log.error("%s", fault)


def index_key_name(public_key: bytes) -> str:
    """The volatile name of a vault's index key."""
    return f"index-{fingerprint(public_key)[:16]}"


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
