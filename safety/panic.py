"""`flask panic`: drop the keys that are only here, take nothing in, end what is short-lived.

The order counts: first what needs no database, then the one row that stops the intake, then the
rest. Each step stands by itself, so that one that fails keeps no other from being done.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, delete, func, select, text, update

from config.database import db, forget_deleted_rows
from contacts.models import CopyRequest, LinkRequest, PrivateLink
from mail.models import DONE, OutgoingEmail, State
from staff.models import Invitation, KnownBrowser, SignInDelay, StaffMember, StaffSession
from vault.models import Holder, VaultPair
from vault.services import Opener, VaultMissing, vault

PATIENCE_MS = 5000  # that another transaction may keep us waiting


class NotStopped(Exception):
    """The vault still takes in: another key came into force each time."""


class NoVault(Exception):
    """There is no vault that could be told to take nothing in."""


@dataclass(frozen=True)
class Ended:
    """How many of each were ended."""

    sessions: int
    browsers: int
    invitations: int
    mails: int
    links: int
    copies: int


def drop_volatile_keys() -> str:
    """Forget the index key and the mail key; what went wrong, or nothing. Asks no database."""
    try:
        vault().keys.drop()
    except VaultMissing as fault:
        return str(fault)
    return ""


def stop_intake(now: datetime) -> bool:
    """Say in the vault's row that nothing is taken in; False where it says so already. Flushes."""
    _wait_not_long()
    statement = update(VaultPair).where(
        VaultPair.retired_at.is_(None), VaultPair.stopped_at.is_(None)
    )
    return _changed(statement.values(stopped_at=now)) > 0


def refuses_now() -> bool:
    """Whether the vault, asked anew, takes nothing in."""
    try:
        vault().check()
    except VaultMissing:
        return True
    return False


def end_what_is_short_lived() -> Ended:
    """Delete sessions, known browsers, links and invitations, empty the outbox. Flushes."""
    _wait_not_long()
    sessions = _changed(delete(StaffSession))
    browsers = _changed(delete(KnownBrowser))
    _changed(delete(SignInDelay))
    links = _changed(delete(LinkRequest)) + _changed(delete(PrivateLink))
    return Ended(sessions, browsers, _end_invitations(), _empty_outbox(), links, _lock_copies())


def wipe_deleted() -> None:
    """Take what was deleted off the disk, as far as the database lets us; no transaction is open.

    PostgreSQL's own log keeps it until its files are written anew.
    """
    forget_deleted_rows()
    if db.engine.dialect.name != "postgresql":
        return
    tables = (StaffSession, KnownBrowser, SignInDelay, LinkRequest, PrivateLink, OutgoingEmail)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        names = ", ".join(str(model.__tablename__) for model in tables)
        connection.execute(text(f"VACUUM {names}"))


def is_stopped() -> bool:
    """Whether the intake is stopped."""
    stopped = select(VaultPair.id).where(VaultPair.stopped_at.is_not(None)).limit(1)
    return db.session.scalar(stopped) is not None


def open_for_undoing(recovery_key: bytes) -> Opener:
    """The vault, stopped as it is. Raises CannotOpen and VaultMissing."""
    return vault().open_with(recovery_key, even_stopped=True)


def start_intake() -> None:
    """Take in again. Flushes; the caller has opened the vault with the recovery code."""
    stopped = update(VaultPair).where(VaultPair.stopped_at.is_not(None))
    db.session.execute(stopped.values(stopped_at=None))


def what_remains() -> dict[str, int]:
    """How much of each kind the database still holds, sealed or not."""
    counts = {}
    for name in ("contact", "signature", "volunteer_signup", "donation", "staff_member"):
        table = db.metadata.tables[name]
        counts[name] = db.session.scalar(select(func.count()).select_from(table)) or 0
    return counts


def _end_invitations() -> int:
    """Their links open the vault for who has the database besides."""
    n = _changed(delete(Invitation))
    in_use = select(StaffMember.holder_id).where(StaffMember.holder_id.is_not(None))
    _changed(delete(Holder).where(Holder.kind == "invitation", Holder.id.not_in(in_use)))
    return n


def _empty_outbox() -> int:
    """Mails that wait become unreadable; a key holder's sign-in writes confirmations anew."""
    waiting = update(OutgoingEmail).where(OutgoingEmail.state.not_in(DONE))
    n = _changed(waiting.values(state=State.UNREADABLE))
    with_key = update(OutgoingEmail).where(
        OutgoingEmail.blob.is_not(None) | OutgoingEmail.cap_key.is_not(None)
    )
    _changed(with_key.values(blob=None, cap_key=None, cap_slot=None, leased_until=None))
    return n


def _lock_copies() -> int:
    """Copies that lie ready under a mailed link go; who asked still waits for one."""
    ready = update(CopyRequest).where(CopyRequest.blob.is_not(None))
    return _changed(ready.values(blob=None, hash=None, released_at=None))


def _wait_not_long() -> None:
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text(f"SET LOCAL lock_timeout = {PATIENCE_MS}"))


def _changed(statement: Any) -> int:
    options = {"preserve_rowcount": True, "synchronize_session": False}
    result = db.session.execute(statement, execution_options=options)
    return result.rowcount if isinstance(result, CursorResult) else 0
