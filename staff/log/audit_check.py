"""Whether the audit log is still what was written: link by link, or by the first key as well.

Without a key the hashes tell a careless hand; who can write to the database can also write them
anew. With the first key each event must bear the mark of its moment. What was cut off the end with
an older copy of the database shows only against a head that was mailed.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select

from config.database import db
from staff.log import audit_chain
from staff.log.audit_chain import CHAIN_ID, TABLE, Link, mac_of
from staff.models import AuditChain, AuditEvent
from vault.services import CannotOpen, Opener

BATCH = 1000
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
    if not audit_chain.is_vouched_for(sealed, opener.active_id):
        raise NotVouchedFor
    found = opener.open(TABLE, CHAIN_ID, sealed)
    try:
        return Link(int(found["seq"]), bytes.fromhex(found["hash"]), bytes.fromhex(found["key"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CannotOpen("a first key that is none") from error


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
    for row in _events(seq, ends.last):
        after = here.following(audit_chain.values_of(row))
        if fault := _fault(row, here, after, ends, has_key=first is not None):
            return after.seq, fault
        if mailed and mailed.seq == after.seq and mailed.hash != after.hash:
            return after.seq, Fault.HEAD
        here = after
    return _at_the_end(here, ends, mailed, has_key=first is not None)


def _fault(row: Any, here: Link, after: Link, ends: _Ends, *, has_key: bool) -> Fault | None:
    """What is wrong with the event that should lead from `here` to `after`."""
    if row.seq != after.seq:
        return Fault.REMOVED
    is_ours = not has_key or hmac.compare_digest(row.mac or b"", mac_of(here.key, after.hash))
    if row.hash == after.hash and is_ours:
        return None
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


def _events(after: int, last: int) -> Iterator[Any]:
    """Their columns, batch by batch."""
    columns = (AuditEvent.seq, AuditEvent.hash, AuditEvent.mac, *audit_chain.columns())
    while True:
        rows = select(*columns).where(AuditEvent.seq > after, AuditEvent.seq <= last)
        batch = db.session.execute(rows.order_by(AuditEvent.seq).limit(BATCH)).all()
        yield from batch
        if len(batch) < BATCH:
            return
        after = batch[-1].seq


def _read_ends() -> _Ends:
    columns = (AuditChain.seq, AuditChain.hash, AuditChain.key)
    last = select(func.max(AuditEvent.seq)).scalar_subquery()
    row = db.session.execute(select(*columns, last).where(AuditChain.id == CHAIN_ID)).one_or_none()
    if row is None:
        raise NoChain
    return _Ends(Link(row[0], row[1], row[2]), row[3] or 0)
