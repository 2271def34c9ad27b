"""Signing in: a passphrase opens a holder's key, and a code shows that the phone is there too.

Whatever is wrong, the answer is the same after the same time, for known and unknown names.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import ColumnElement, select, update

from config.database import db
from config.settings import settings
from staff import audit
from staff.door import browsers, delays, second_factor, sessions
from staff.door.delays import normalise_name
from staff.models import StaffMember
from vault.models import Holder
from vault.services import (
    CannotOpen,
    Unlocked,
    Wrapped,
    dummy_unlock,
    unlock,
    vault,
    wrap_anew,
)
from web import throttle


class Refused(Exception):
    """Nobody was let in; says why, in the words for the person, and with which status."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True)
class Account:
    """Whom a name belongs to, with a holder that no longer needs the database."""

    staff_id: uuid.UUID
    has_factor: bool
    holder: Holder | None = field(repr=False)


@dataclass(frozen=True)
class Proof:
    """What passphrase and code opened; `wrapped` where the holder's wrap is of an old kind."""

    key: bytes = field(repr=False)
    totp_secret: bytes = field(repr=False)
    step: int | None
    wrapped: Wrapped | None = field(repr=False)


def count_try(name: str, now: datetime) -> None:
    """Count a try for a name, before it is made: commit then. Raises Refused. Flushes.

    A browser that this person has signed in with has a count of its own, and no network's.
    """
    browser = browsers.known_to(name)
    if browser is None and not throttle.spend(settings().sign_in_limit, "sign-in"):
        raise Refused(_("Too many attempts from your network. Wait an hour."), 429)
    wait = delays.take_turn_of_browser(browser, now) if browser else delays.take_turn(name, now)
    if wait:
        words = ngettext(
            "Wait %(num)s second, then try again.", "Wait %(num)s seconds, then try again.", wait
        )
        raise Refused(words, 429)


def forget_attempts(name: str, now: datetime) -> None:
    """Start to count anew, after the right passphrase. Flushes.

    From a known browser the name's own count stays: somebody else may be guessing just now.
    """
    if browser := browsers.known_to(name):
        delays.forget_turns_of_browser(browser)
    else:
        delays.forget_turns(name, now)


def find_account(name: str) -> Account | None:
    """Whom a name belongs to; None where nobody is called so who works here."""
    return _find(StaffMember.name == normalise_name(name))


def find_account_of(staff_id: uuid.UUID) -> Account | None:
    """The account of a member who works here."""
    return _find(StaffMember.id == staff_id)


def open_account(
    account: Account | None, passphrase: str, code: str, now: datetime
) -> Proof | None:
    """What passphrase and code open together; None where one of them is wrong.

    Takes about 0.3 s either way: call it without a transaction. Raises VaultMissing.
    """
    unlocked = _unlock(account, passphrase)
    secret = unlocked.totp_secret if unlocked else None
    step = second_factor.matching_step(secret, code, now)
    if account is None or unlocked is None or (account.has_factor and step is None):
        return None
    wrapped = None
    if secret is None and account.holder:
        holder = account.holder
        wrapped = wrap_anew(
            holder.id, unlocked.key, None, passphrase, is_chosen=bool(holder.is_chosen)
        )
        secret = wrapped.totp_secret
    return Proof(unlocked.key, secret or b"", step if account.has_factor else None, wrapped)


def use_proof(account: Account, proof: Proof) -> bool:
    """Spend the code and keep a new wrap; False where the code was used before. Flushes.

    False too where the account was removed, or got a second factor, while the passphrase was tried.
    """
    if proof.step is None:
        is_good = second_factor.is_still_without(account.staff_id)
    else:
        is_good = second_factor.spend_step(account.staff_id, proof.step)
    if is_good and proof.wrapped and account.holder:
        db.session.execute(
            update(Holder)
            .where(Holder.id == account.holder.id, Holder.salt == account.holder.salt)
            .values(salt=proof.wrapped.salt, wrapped_key=proof.wrapped.wrapped_key)
        )
    return is_good


def sign_in(account: Account, name: str, proof: Proof, now: datetime) -> bytes:
    """Start a session, after passphrase and code; return its token. Flushes. Raises VaultMissing.

    Puts the index key back where the power took it.
    """
    forget_attempts(name, now)
    db.session.execute(
        update(StaffMember).where(StaffMember.id == account.staff_id).values(last_sign_in_at=now)
    )
    secret = proof.key if account.has_factor else proof.key + proof.totp_secret
    token = sessions.start_session(account.staff_id, secret, now, browsers.label())
    subject = ("staff", account.staff_id)
    audit.record("staff.signed-in", now, actor=account.staff_id, subject=subject)
    if _restore_index_key(proof.key):
        audit.record("index-key.restored", now, actor=account.staff_id, subject=("vault", None))
    return token


def _find(who: ColumnElement[bool]) -> Account | None:
    found = db.session.execute(
        select(StaffMember.id, StaffMember.totp_step, Holder)
        .outerjoin(Holder, Holder.id == StaffMember.holder_id)
        .where(who, StaffMember.state == "active")
    ).one_or_none()
    if found is None:
        return None
    staff_id, last_step, holder = found
    if holder is not None:
        db.session.expunge(holder)
    return Account(staff_id, last_step is not None, holder)


def _unlock(account: Account | None, passphrase: str) -> Unlocked | None:
    if account is None or account.holder is None:
        dummy_unlock(passphrase)
        return None
    return unlock(account.holder, passphrase)


def _restore_index_key(holder_key: bytes) -> bool:
    try:
        return vault().restore_index_key(vault().open_with(holder_key))
    except CannotOpen:  # a holder without a share opens no contacts, but may sign in
        return False
