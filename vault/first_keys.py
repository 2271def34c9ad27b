"""The first start: key pair, pin, pepper, recovery holder, volatile keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from nacl.public import PrivateKey
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from config.database import db
from vault.codes import write_code
from vault.holders import Enrolled, add_to_database, new_holder
from vault.models import Holder, HolderKind, VaultPair
from vault.opener import Opener
from vault.sealing import Vault

FIRST_ID = 1


class AlreadyInitialised(Exception):
    """The database holds a vault; its pin and pepper are not touched."""


@dataclass(frozen=True)
class Initialised:
    """A new vault, still open: the recovery code, to be shown once, and the way to enrol."""

    recovery_code: str = field(repr=False)
    opener: Opener = field(repr=False)
    _vault: Vault = field(repr=False)
    _now: datetime = field(repr=False)

    def enrol(self, kind: HolderKind, passphrase: str) -> Holder:
        """Add a holder with a share, such as the first administrator."""
        return enrol_holder(self._vault, self.opener, kind, self._now, passphrase).holder


def initialise_vault(vault: Vault, now: datetime) -> Initialised:
    """Make everything that sealing needs. Flushes. Raises AlreadyInitialised and VaultMissing.

    The row goes first: on PostgreSQL a second start at the same moment waits at its key and is
    refused before it touches a file. The files come before the commit, so that no committed vault
    is without them; broken off in between, the next start begins afresh (KeysDir.prepare).
    """
    if is_initialised():
        raise AlreadyInitialised("the database holds a vault")
    pair = PrivateKey.generate()
    public_key = pair.public_key.encode()
    db.session.add(VaultPair(id=FIRST_ID, public_key=public_key, created_at=now))
    try:
        db.session.flush()
    except IntegrityError as error:
        raise AlreadyInitialised("the database holds a vault") from error
    vault.keys_dir.prepare(FIRST_ID, public_key)
    opener = Opener(FIRST_ID, {FIRST_ID: pair.encode()})
    recovery = enrol_holder(vault, opener, "recovery", now)
    vault.restore_index_key(opener)
    vault.mail_key()
    return Initialised(write_code(recovery.key), opener, vault, now)


def is_initialised() -> bool:
    """Whether the database holds a vault, retired ones included."""
    return db.session.scalar(select(VaultPair.id).limit(1)) is not None


def enrol_holder(
    vault: Vault, opener: Opener, kind: HolderKind, now: datetime, passphrase: str | None = None
) -> Enrolled:
    """Add a holder with a share in every vault that is open. Flushes. Raises VaultMissing.

    Without a passphrase the holder's key is in the answer only (recovery code, invitation's link).
    """
    enrolled = new_holder(opener, kind, now, passphrase, vault.keys_dir.pepper())
    add_to_database(enrolled)
    return enrolled
