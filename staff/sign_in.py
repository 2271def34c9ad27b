"""Signing in: a passphrase opens a holder's key; wrong ones make a name wait, known or not.

The wait is written down before the passphrase is tried, so that many tries at once count as many.
It ends by itself: nobody can lock somebody else out for good.
"""

from __future__ import annotations

import hmac
import math
import unicodedata
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from config.database import db, insert_or_update
from staff import audit, sessions
from staff.models import SignInDelay, StaffMember
from vault.models import Holder
from vault.services import CannotOpen, dummy_unlock, unlock, vault

FIRST_DELAY = timedelta(seconds=1)
LONGEST_DELAY = timedelta(minutes=5)
FORGOTTEN_AFTER = timedelta(days=1)


class Refused(Exception):
    """Nobody was signed in; says why, in the words for the person, and with which status."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True)
class Account:
    """Whom a name belongs to, with a holder that no longer needs the database."""

    staff_id: uuid.UUID
    holder: Holder | None = field(repr=False)


def normalise_name(typed: str) -> str:
    """The one form of a sign-in name, however it was typed."""
    return " ".join(unicodedata.normalize("NFKC", typed).casefold().split())


def take_turn(name: str, now: datetime) -> int:
    """Count a try for a name; return the seconds to wait, 0 where it may be made now. Flushes.

    The delay doubles from one second to five minutes (OWASP, Authentication Cheat Sheet).
    """
    name_hash = _hash_name(name, now)
    db.session.execute(delete(SignInDelay).where(SignInDelay.not_before < now - FORGOTTEN_AFTER))
    first = insert_or_update(SignInDelay).values(
        name_hash=name_hash, attempts=1, not_before=now + FIRST_DELAY
    )
    is_first = first.on_conflict_do_nothing().returning(SignInDelay.attempts)
    if db.session.execute(is_first).first():
        return 0
    seen = db.session.execute(
        select(SignInDelay.attempts, SignInDelay.not_before)
        .where(SignInDelay.name_hash == name_hash)
        .with_for_update()
    ).one_or_none()
    if seen is None:  # the right passphrase came in at this moment
        return 0
    if seen.not_before > now:
        left: timedelta = seen.not_before - now
        return math.ceil(left.total_seconds())
    delay = min(FIRST_DELAY * 2 ** min(seen.attempts, 20), LONGEST_DELAY)
    db.session.execute(
        update(SignInDelay)
        .where(SignInDelay.name_hash == name_hash)
        .values(attempts=seen.attempts + 1, not_before=now + delay)
    )
    return 0


def find_account(name: str) -> Account | None:
    """Whom a name belongs to; None where nobody is called so."""
    found = db.session.execute(
        select(StaffMember.id, Holder)
        .outerjoin(Holder, Holder.id == StaffMember.holder_id)
        .where(StaffMember.name == normalise_name(name))
    ).one_or_none()
    if found is None:
        return None
    staff_id, holder = found
    if holder is not None:
        db.session.expunge(holder)
    return Account(staff_id, holder)


def open_account(account: Account | None, passphrase: str) -> bytes | None:
    """The holder's key; None where the passphrase is wrong or nobody has the name.

    Takes about 0.3 s either way: call it without a transaction. Raises VaultMissing.
    """
    if account is None or account.holder is None:
        dummy_unlock(passphrase)
        return None
    return unlock(account.holder, passphrase)


def sign_in(account: Account, name: str, holder_key: bytes, now: datetime) -> bytes:
    """Start a session, after the right passphrase; return its token. Flushes. Raises VaultMissing.

    Puts the index key back where the power took it.
    """
    db.session.execute(delete(SignInDelay).where(SignInDelay.name_hash == _hash_name(name, now)))
    db.session.execute(
        update(StaffMember).where(StaffMember.id == account.staff_id).values(last_sign_in_at=now)
    )
    token = sessions.start_session(account.staff_id, holder_key, now)
    subject = ("staff", account.staff_id)
    audit.record("staff.signed-in", now, actor=account.staff_id, subject=subject)
    if _restore_index_key(holder_key):
        audit.record("index-key.restored", now, actor=account.staff_id, subject=("vault", None))
    return token


def _restore_index_key(holder_key: bytes) -> bool:
    try:
        return vault().restore_index_key(vault().open_with(holder_key))
    except CannotOpen:  # a holder without a share opens no contacts, but may sign in
        return False


def _hash_name(name: str, now: datetime) -> bytes:
    key = vault().daily_key("sign-in", now.date())
    return hmac.digest(key, normalise_name(name).encode("utf-8", "surrogatepass"), "sha256")
