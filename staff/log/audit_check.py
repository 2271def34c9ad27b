"""Whether the audit log is still what was written: link by link, or by the first key as well.

Without a key the hashes tell a careless hand; who can write to the database can also write them
anew. With the first key each event must bear the mark of its moment. What was cut off the end with
an older copy of the database shows only against a head that was mailed.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select

from config.database import db
from staff.log import audit_chain, audit_rows
from staff.log.audit_chain import CHAIN_ID, TABLE, Link, mac_of
from staff.models import AuditChain, AuditEvent
from vault.services import CannotOpen, Opener

_HEAD = re.compile(r"\s*(\d{1,18}):([0-9a-fA-F]{64})\s*")


class NoChain(Exception):
    """There is no chain yet: nothing was written since there can be one."""


class NotVouchedFor(Exception):
    """The first key was sealed without an open vault: anybody could have put it there."""


class Fault(StrEnum):
    """What is wrong with the number that is named."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    CUT = "cut"  # this one and whatever followed
    HEAD = "head"  # is not what was mailed
    START = "start"  # the chain does not begin where it began


@dataclass(frozen=True)
class Head:
    """The number and hash of an event, as they were mailed."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"


@dataclass(frozen=True)
class Verdict:
    """The first number that is wrong, and what is; none where the log holds until `head`."""

    head: Head
    has_key: bool
    seq: int | None = None
    fault: Fault | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault is None


@dataclass(frozen=True)
class _Ends:
    """Where the chain ends, and the last event there is: from one statement, so of one moment."""

    end: Link
    last: int


def parse_head(text: str) -> Head | None:
    """A head as a mail has it, 17:9f86d0…; None for what is none."""
    found = _HEAD.fullmatch(text)
    return Head(int(found[1]), bytes.fromhex(found[2])) if found else None


def head_now() -> Head:
    """The newest event's number and hash. Raises NoChain."""
    end = _read_ends().end
    return Head(end.seq, end.hash)


def has_begun() -> bool:
    """Whether there is a chain."""
    return db.session.scalar(select(AuditChain.seq).where(AuditChain.id == CHAIN_ID)) is not None


def first_key(opener: Opener) -> Link:
    """Where the chain began, and its first key. Raises NoChain, NotVouchedFor, CannotOpen."""
    sealed = db.session.scalar(select(AuditChain.sealed).where(AuditChain.id == CHAIN_ID))
    if sealed is None:
        raise NoChain
    if not isinstance(sealed, bytes):
        raise CannotOpen("a first key that is none")
    if not audit_chain.is_vouched_for(sealed, opener.active_id):
        raise NotVouchedFor
    found = opener.open(TABLE, CHAIN_ID, sealed)
    try:
        return Link(int(found["seq"]), bytes.fromhex(found["hash"]), bytes.fromhex(found["key"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CannotOpen("a first key that is none") from error


def check(opener: Opener | None, mailed: Head | None = None) -> Verdict:
    """Verify the log, with the first key where the vault is open.

    Raises NoChain, NotVouchedFor, CannotOpen.
    """
    gone = _end_is_gone()
    return gone or verify(first_key(opener) if opener else None, mailed)


def verify(first: Link | None = None, mailed: Head | None = None) -> Verdict:
    """Read the whole log; say what is wrong first. Raises NoChain."""
    ends = _read_ends()
    head, has_key = Head(ends.end.seq, ends.end.hash), first is not None
    found = _walk(ends, first, mailed)
    return Verdict(head, has_key, *found) if found else Verdict(head, has_key)


def _walk(ends: _Ends, first: Link | None, mailed: Head | None) -> tuple[int, Fault] | None:
    begun_at = first.seq if first else _begun_at(ends)
    seq, digest = audit_chain.older_events(until=begun_at)
    here = first or Link(seq, digest, b"")
    if (here.seq, here.hash) != (seq, digest):
        return here.seq, Fault.START
    if mailed and mailed.seq <= seq and mailed != Head(seq, digest):
        return mailed.seq, Fault.HEAD
    for row in audit_rows.read_between(seq, ends.last):
        after = _after(here, row)
        if after is None or not _is_ours(row, here, after, has_key=first is not None):
            return here.seq + 1, _fault(row, here, ends)
        if mailed and mailed.seq == after.seq and mailed.hash != after.hash:
            return after.seq, Fault.HEAD
        here = after
    return _at_the_end(here, ends, mailed, has_key=first is not None)


def _after(here: Link, row: Any) -> Link | None:
    """The link after one more event; None where nobody here can have written what is read."""
    try:
        return here.following(audit_chain.values_of(row))
    except audit_rows.NONSENSE:
        return None


def _is_ours(row: Any, here: Link, after: Link, *, has_key: bool) -> bool:
    """Whether this event leads from `here` to `after`, and bears the mark of its moment."""
    if (row.seq, row.hash) != (after.seq, after.hash):
        return False
    mac = row.mac if isinstance(row.mac, bytes) else b""
    return not has_key or hmac.compare_digest(mac, mac_of(here.key, after.hash))


def _fault(row: Any, here: Link, ends: _Ends) -> Fault:
    """What is wrong with the event that should follow `here` and does not."""
    if row.seq != here.seq + 1:
        return Fault.REMOVED
    if ends.last == ends.end.seq:
        return Fault.CHANGED
    # the others were given new numbers to hide it: there are more or fewer than were counted
    return Fault.INSERTED if ends.last > ends.end.seq else Fault.REMOVED


def _at_the_end(
    here: Link, ends: _Ends, mailed: Head | None, *, has_key: bool
) -> tuple[int, Fault] | None:
    if here.seq > ends.end.seq:
        return ends.end.seq + 1, Fault.INSERTED
    if mailed and mailed.seq > here.seq:
        return here.seq + 1, Fault.CUT
    # who cuts the tail and moves the end's row back has only the key of a later moment for it
    is_end = (here.seq, here.hash) == (ends.end.seq, ends.end.hash)
    is_key = not has_key or hmac.compare_digest(here.key, ends.end.key)
    return None if is_end and is_key else (here.seq + 1, Fault.CUT)


def _begun_at(ends: _Ends) -> int:
    """The last number before the chain, as far as the log itself says so."""
    chained = select(func.min(AuditEvent.seq)).where(AuditEvent.hash.is_not(None))
    found = db.session.scalar(chained)
    return ends.last if found is None else found - 1


def _end_is_gone() -> Verdict | None:
    """What is to be said where events hang on a chain that nobody finds. Raises NoChain."""
    try:
        _read_ends()
    except NoChain:
        chained = select(AuditEvent.seq, AuditEvent.hash).where(AuditEvent.hash.is_not(None))
        last = db.session.execute(chained.order_by(AuditEvent.seq.desc()).limit(1)).first()
        if last:
            return Verdict(Head(last.seq, last.hash or b""), False, last.seq + 1, Fault.CUT)
        raise
    return None


def _read_ends() -> _Ends:
    columns = (AuditChain.seq, AuditChain.hash, AuditChain.key)
    last = select(func.max(AuditEvent.seq)).scalar_subquery()
    row = db.session.execute(select(*columns, last).where(AuditChain.id == CHAIN_ID)).one_or_none()
    if row is None or list(map(type, row[:3])) != [int, bytes, bytes]:
        raise NoChain
    return _Ends(Link(row[0], row[1], row[2]), row[3] or 0)
