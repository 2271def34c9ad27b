"""The chain of the audit log: each event hangs on the one before, under a key that is gone then.

    hash = SHA-256(hash before | event)    mac = HMAC(key, hash)    next key = SHA-256(key)

Whoever takes the whole database has the key of the next event only, and cannot write an earlier one
anew (Schneier and Kelsey, Secure Audit Logs to Support Computer Forensics, 1999). The first key is
sealed for key holders: with it all of them can be checked, see `audit_check`.

Events wait until the commit, and then take their numbers: the lock on the end of the chain is the
last one of every transaction, so that no two wait for each other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event, insert, select, update
from sqlalchemy.orm import Session, SessionTransaction

from config.database import db, insert_or_update
from staff.log import audit_rows
from staff.models import AuditChain, AuditEvent
from vault.box import ARCHIVE, box_vault_id, box_version
from vault.services import CannotOpen, Opener, vault

CHAIN_ID = uuid.UUID("6d1f0c4e-27c5-4f0a-9d0e-5a0f6b1c7a11")  # the row's, always
TABLE = AuditChain.__tablename__  # what its box is bound to
KEY_BYTES = 32
LAST = 2**63 - 1  # the highest number that a database holds
COLUMNS = ("at", "actor_id", "action", "subject_kind", "subject_id", "details")
_WAITING = "vigil_audit"
log = logging.getLogger("vigil.staff")


@dataclass(frozen=True)
class Link:
    """One end of the chain: the last number and hash, and the key of what comes next."""

    seq: int
    hash: bytes
    key: bytes = field(repr=False)

    def following(self, values: Mapping[str, Any]) -> Link:
        """The link after one more event."""
        return Link(self.seq + 1, hash_of(self.hash, self.seq + 1, values), ratchet(self.key))


def wait(values: dict[str, Any]) -> None:
    """Have an event written when the open transaction is committed; gone where it is undone."""
    session = db.session()
    session.info.setdefault(_WAITING, []).append((_savepoints(session), values))


def begin(opener: Opener | None = None) -> None:
    """Begin the chain where there is none, behind the events that are there. Flushes.

    With an open vault the first key is sealed so that nobody else can have written it. Raises
    VaultMissing.
    """
    seq, before = older_events()
    key = secrets.token_bytes(KEY_BYTES)
    details = {"seq": seq, "hash": before.hex(), "key": key.hex()}
    seal = opener.archive if opener else vault().seal
    row = {"id": CHAIN_ID, "seq": seq, "hash": before, "key": key}
    new = insert_or_update(AuditChain).values(**row, sealed=seal(TABLE, CHAIN_ID, details))
    db.session.execute(new.on_conflict_do_nothing())


def older_events(until: int | None = None) -> tuple[int, bytes]:
    """The last number, or the last one up to `until`, and a hash over all events until it."""
    digest, seq = hashlib.sha256(b"vigil audit log 1"), 0
    for row in audit_rows.read_between(0, LAST if until is None else until):
        digest.update(_written_if_readable(row) + b"\n")
        seq = row.seq
    return seq, digest.digest()


def is_vouched_for(sealed: bytes, vault_id: int | None) -> bool:
    """Whether the first key was sealed by who had this vault open: anybody can seal for it.

    Who left may know an older vault's key. Raises CannotOpen.
    """
    return box_version(sealed) == ARCHIVE and box_vault_id(sealed) == vault_id


def reseal(opener: Opener) -> bool:
    """Seal the first key for the vault that is active now; False where it is. Flushes.

    What nobody has vouched for stays so. Raises CannotOpen.
    """
    sealed = db.session.scalar(select(AuditChain.sealed).where(AuditChain.id == CHAIN_ID))
    if sealed is None or box_vault_id(sealed) == opener.active_id:
        return False
    before = max(opener.vault_ids - {opener.active_id}, default=None)  # sealed until now
    seal = opener.archive if is_vouched_for(sealed, before) else vault().seal
    anew = seal(TABLE, CHAIN_ID, opener.open(TABLE, CHAIN_ID, sealed))
    db.session.execute(
        update(AuditChain)
        .where(AuditChain.id == CHAIN_ID, AuditChain.sealed == sealed)
        .values(sealed=anew)
    )
    return True


def reseal_if_it_opens(opener: Opener) -> None:
    """Seal the first key anew, if it can be: a rotation must not fail for one bad row. Flushes.

    The check of the log says so with any key.
    """
    try:
        reseal(opener)
    except (CannotOpen, ValueError, RecursionError):
        log.error("the first key of the audit log does not open and is left as it is")


def values_of(row: Any) -> dict[str, Any]:
    """What the chain holds of an event."""
    return {name: getattr(row, name) for name in COLUMNS}


def hash_of(before: bytes, seq: int, values: Mapping[str, Any]) -> bytes:
    """The hash of an event, which holds on to the hash before it."""
    return hashlib.sha256(before + written(seq, values)).digest()


def mac_of(key: bytes, hashed: bytes) -> bytes:
    """What only who had the key of that moment can have written."""
    return hmac.digest(key, hashed, "sha256")


def ratchet(key: bytes) -> bytes:
    """The next key; nobody gets back from it."""
    return hashlib.sha256(b"vigil audit key 1" + key).digest()


def written(seq: int, values: Mapping[str, Any]) -> bytes:
    """An event in the one form that is hashed, the same on both databases."""
    at: datetime = values["at"]
    ids = {name: values[name] and str(values[name]) for name in ("actor_id", "subject_id")}
    form = {**values, **ids, "seq": seq, "at": at.astimezone(UTC).isoformat()}
    return json.dumps(form, sort_keys=True, separators=(",", ":")).encode()


def _written_if_readable(row: Any) -> bytes:
    """The same of a row as it was read; nothing but a word where nobody here can have written it.

    Raising would mean that nothing can be written any more.
    """
    try:
        return written(row.seq, values_of(row))
    except audit_rows.NONSENSE:
        return b"unreadable"


@event.listens_for(db.session, "before_commit")
def _append_waiting(session: Session) -> None:
    """Write what waits; last of all, for whoever holds the end of the chain waits for nobody."""
    if session.in_nested_transaction():
        return
    waiting = session.info.pop(_WAITING, [])
    if waiting:
        session.flush()
        _append([values for _within, values in waiting])


@event.listens_for(db.session, "after_soft_rollback")
def _forget_undone(session: Session, undone: SessionTransaction) -> None:
    """Drop what waited within a savepoint that was rolled back."""
    if undone.nested and _WAITING in session.info:
        kept = [one for one in session.info[_WAITING] if undone not in one[0]]
        session.info[_WAITING] = kept


@event.listens_for(db.session, "after_transaction_end")
def _forget_all(session: Session, ended: SessionTransaction) -> None:
    """Drop what waits where a transaction ends without a commit."""
    if ended.parent is None:
        session.info.pop(_WAITING, None)


def _savepoints(session: Session) -> list[SessionTransaction]:
    """Those that are open: an outer one undoes what happened in inner ones that ended well."""
    within, found = session.get_nested_transaction(), []
    while within is not None:
        found.append(within)
        within = within.parent
    return found


def _append(waiting: list[dict[str, Any]]) -> None:
    end, rows = _locked_end(), []
    for values in waiting:
        key, end = end.key, end.following(values)
        rows.append({**values, "seq": end.seq, "hash": end.hash, "mac": mac_of(key, end.hash)})
    db.session.execute(insert(AuditEvent), rows)
    db.session.execute(
        update(AuditChain)
        .where(AuditChain.id == CHAIN_ID)
        .values(seq=end.seq, hash=end.hash, key=end.key)
    )


def _locked_end() -> Link:
    """The end of the chain, which nobody else moves before our commit."""
    columns = (AuditChain.seq, AuditChain.hash, AuditChain.key)
    locked = select(*columns).where(AuditChain.id == CHAIN_ID).with_for_update()
    row = db.session.execute(locked).one_or_none()
    if row is None:
        begin()
        row = db.session.execute(locked).one()
    return Link(*row)
