"""The door to the vault: what other rooms import from here is all that they need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import Flask, current_app

from config.settings import Settings
from vault import first_keys, holders
from vault.box import CannotOpen
from vault.codes import BadRecoveryCode, Fault, read_code
from vault.first_keys import AlreadyInitialised, Initialised
from vault.holders import Enrolled
from vault.keys_dir import KeysDir, VaultMissing
from vault.models import Holder, HolderKind
from vault.opener import Opener
from vault.passphrases import generate_passphrase
from vault.sealing import MAIL_KEY, Vault
from vault.sessions import unwrap_for_session, wrap_for_session
from vault.volatile import StoreFacts, VolatileKeysUnreachable, open_store

__all__ = [
    "AlreadyInitialised",
    "BadRecoveryCode",
    "CannotOpen",
    "Enrolled",
    "Fault",
    "Initialised",
    "KeysState",
    "Opener",
    "Vault",
    "VaultMissing",
    "VolatileKeysUnreachable",
    "dummy_unlock",
    "enrol_holder",
    "generate_passphrase",
    "holder_from_recovery_code",
    "init_vault",
    "initialise",
    "state_of_keys",
    "unlock",
    "unwrap_for_session",
    "vault",
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


def unlock(holder: Holder, passphrase: str) -> bytes | None:
    """Return the holder's private key, or None if the passphrase is wrong. Raises VaultMissing.

    Takes about 0.3 s and touches no database. End the transaction before (on SQLite a POST holds
    the write lock), with the holder expunged, or reading its columns begins another one.
    """
    return holders.unwrap_key(holder, passphrase, vault().keys_dir.pepper())


def dummy_unlock(passphrase: str) -> None:
    """Take as long as `unlock`, for a name that nobody has. Raises VaultMissing."""
    holders.unwrap_key(None, passphrase, vault().keys_dir.pepper())


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
