"""The door to the vault: what other rooms import from here is all that they need."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import Flask, current_app

from config.settings import Settings
from vault import first_keys, holders, recovery, renewal, rotation, wraps
from vault.box import CannotOpen
from vault.chosen import ChosenFault, check_chosen
from vault.codes import BadRecoveryCode, Fault, read_code, reads_as
from vault.first_keys import AlreadyInitialised, Initialised
from vault.holders import Enrolled, VaultChanged
from vault.keys_dir import IntakeStopped, KeysDir, KeysNotWritable, VaultMissing
from vault.models import Holder, HolderKind
from vault.opener import Opener
from vault.passphrases import generate_passphrase, normalise_passphrase
from vault.recovery import Recovered
from vault.renewal import NewCode
from vault.rotation import NextPair, Switched
from vault.sealing import MAIL_KEY, Vault
from vault.sessions import unwrap_for_session, wrap_for_session
from vault.volatile import StoreFacts, VolatileKeysUnreachable, open_store
from vault.wraps import Unlocked, Wrapped

__all__ = [
    "AlreadyInitialised",
    "BadRecoveryCode",
    "CannotOpen",
    "ChosenFault",
    "Enrolled",
    "Fault",
    "Initialised",
    "IntakeStopped",
    "KeysNotWritable",
    "KeysState",
    "NewCode",
    "NextPair",
    "Opener",
    "Recovered",
    "Switched",
    "Unlocked",
    "Vault",
    "VaultChanged",
    "VaultMissing",
    "VolatileKeysUnreachable",
    "Wrapped",
    "add_holder",
    "check_chosen",
    "draw_pair",
    "draw_recovery_code",
    "dummy_unlock",
    "enrol_holder",
    "forget_pin",
    "forget_shares",
    "generate_passphrase",
    "holder_from_recovery_code",
    "init_vault",
    "initialise",
    "is_initialised",
    "is_pinned",
    "make_holder",
    "mark_old_pins",
    "normalise_passphrase",
    "pin_pair",
    "reads_as",
    "recover_vault",
    "recovery_code_fits",
    "renew_pepper",
    "replace_recovery_code",
    "state_of_keys",
    "switch_vault",
    "unlock",
    "unwrap_for_session",
    "vault",
    "wrap_anew",
    "wrap_for_session",
]


@dataclass(frozen=True)
class KeysState:
    """Plain facts for a status page. Without the index key, sign-ups wait to be indexed."""

    has_index_key: bool
    has_mail_key: bool
    store: StoreFacts


def init_vault(app: Flask, settings: Settings) -> Vault:
    """Give the application its vault. Reads nothing yet: is_ready and the first sealing check."""
    made = Vault(KeysDir(settings.keys_dir), open_store(settings.volatile_keys))
    app.extensions["vault"] = made
    return made


def vault() -> Vault:
    """Return the current application's vault."""
    return cast(Vault, current_app.extensions["vault"])


def initialise(now: datetime) -> Initialised:
    """Make the vault, once: key pair, pin, pepper, recovery holder, volatile keys. Flushes.

    Commit when the first staff holder is enrolled. Raises AlreadyInitialised and VaultMissing;
    roll back then.
    """
    return first_keys.initialise_vault(vault(), now)


def enrol_holder(
    opener: Opener, kind: HolderKind, now: datetime, passphrase: str | None = None
) -> Enrolled:
    """Add a holder with a share in every vault that `opener` has open. Flushes.

    Without a passphrase the holder's key is in the answer only, for an invitation's link.
    Raises VaultMissing.
    """
    return first_keys.enrol_holder(vault(), opener, kind, now, passphrase)


def make_holder(
    kind: HolderKind,
    now: datetime,
    passphrase: str,
    *,
    opener: Opener | None,
    is_chosen: bool = False,
) -> Enrolled:
    """Make a holder with a passphrase, in about 0.3 s and without the database; see add_holder.

    Without an opener it gets no share: for roles that see no contacts, which alone may have a
    passphrase of their own choice (`is_chosen`). Raises VaultMissing.
    """
    pepper = vault().keys_dir.pepper()
    return holders.new_holder(opener, kind, now, passphrase, pepper, is_chosen=is_chosen)


def add_holder(enrolled: Enrolled) -> Holder:
    """Add a holder that was made before. Flushes.

    Raises VaultChanged if the vault was rotated meanwhile, so that it would open nothing.
    """
    return holders.add_to_database(enrolled)


def wrap_anew(
    holder_id: uuid.UUID,
    key: bytes,
    totp_secret: bytes | None,
    passphrase: str,
    *,
    is_chosen: bool = False,
) -> Wrapped:
    """Wrap a holder's key under another passphrase, in about 0.3 s and without the database.

    Where there is no second factor's secret yet, a new one is made. Then `put_on` the holder.
    Raises VaultMissing.
    """
    pepper = vault().keys_dir.pepper()
    return wraps.wrap_key(holder_id, key, totp_secret, passphrase, pepper, is_chosen=is_chosen)


def unlock(holder: Holder, passphrase: str) -> Unlocked | None:
    """Return what the passphrase opens, or None if it is wrong. Raises VaultMissing.

    Takes about 0.3 s and touches no database. End the transaction before (on SQLite a POST holds
    the write lock), with the holder expunged, or reading its columns begins another one.
    """
    return wraps.unwrap_key(holder, passphrase, vault().keys_dir.pepper())


def dummy_unlock(passphrase: str) -> None:
    """Take as long as `unlock`, for a name that nobody has. Raises VaultMissing."""
    wraps.unwrap_key(None, passphrase, vault().keys_dir.pepper())


def is_initialised() -> bool:
    """Whether the database holds a vault."""
    return first_keys.is_initialised()


def draw_pair() -> NextPair:
    """Draw the key pair of the next vault; nothing is written. Raises VaultMissing."""
    return rotation.draw_pair(vault())


def pin_pair(pair: NextPair) -> None:
    """Pin the next vault on this machine. Raises VaultMissing and KeysNotWritable.

    Every machine must have the pin before the switch is committed: one without it takes nothing in.
    """
    vault().keys_dir.add_pin(pair.id, pair.public_key)


def is_pinned(pair: NextPair) -> bool:
    """Whether this machine has the pin of the next vault. Raises VaultMissing."""
    pin = vault().keys_dir.pins().get(pair.id)
    return pin is not None and pin.fits(pair.public_key)


def switch_vault(
    opener: Opener, pair: NextPair, holders: Iterable[Holder], now: datetime
) -> Switched:
    """Seal for a pinned pair from the commit on. Flushes.

    Of `holders`, those get a share for whom `opener` vouches. Raises VaultMissing, VaultChanged and
    VolatileKeysUnreachable; roll back then.
    """
    return rotation.switch(vault(), opener, pair, holders, now)


def draw_recovery_code(opener: Opener, now: datetime) -> NewCode:
    """A code that opens nothing before `replace_recovery_code`, to be read from paper first."""
    return renewal.draw_code(opener, now)


def replace_recovery_code(drawn: NewCode) -> Holder:
    """Let the new code open every vault, and none from before any; then rotate. Flushes.

    Raises VaultChanged.
    """
    return renewal.put_in_place(drawn)


def forget_shares(vault_id: int, now: datetime) -> bool:
    """Drop the shares of a retired vault of which no box is left. Flushes.

    False, and nothing done, within ten minutes of its retirement: somebody may still be sealing.
    Count its boxes in the same transaction.
    """
    return rotation.forget_shares(vault_id, now)


def forget_pin(vault_id: int) -> None:
    """Drop pin and index key of a vault without shares, after the commit.

    Raises KeysNotWritable and VaultMissing.
    """
    rotation.forget_keys(vault(), vault_id)


def mark_old_pins() -> None:
    """Let nothing be sealed for older vaults, some seconds after the commit of a rotation.

    Each process does it by itself, too, where it may. Raises KeysNotWritable and VaultMissing.
    """
    vault().keys_dir.mark_old(vault().check().id)


def recovery_code_fits(recovery_key: bytes) -> bool:
    """Whether a recovery code opens anything here, whatever else is gone."""
    return recovery.fits(vault(), recovery_key)


def recover_vault(recovery_key: bytes, now: datetime) -> Recovered:
    """Make a vault seal again whose pin or public key is gone or another one. Flushes.

    Raises CannotOpen, KeysNotWritable and VolatileKeysUnreachable; roll back then.
    """
    return recovery.recover(vault(), recovery_key, now)


def renew_pepper() -> None:
    """Make a pepper where it was lost: no passphrase opens anything. Raises KeysNotWritable."""
    vault().keys_dir.renew_pepper()


def holder_from_recovery_code(code: str) -> bytes:
    """Return the recovery holder's private key. Raises BadRecoveryCode, whose `fault` says why.

    A well-formed code of another vault passes here, and `open_with` raises CannotOpen.
    """
    return read_code(code)


def state_of_keys() -> KeysState:
    """Return which volatile keys are at hand and where they lie. Raises VaultMissing."""
    here = vault()
    return KeysState(
        has_index_key=here.keys.get(here.active().index_key_name) is not None,
        has_mail_key=here.keys.get(MAIL_KEY) is not None,
        store=here.keys.facts(),
    )
