"""What an attacker with the whole database can do to the audit log."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select, update

from config.database import db
from staff.log import audit_chain
from staff.log.audit_chain import CHAIN_ID, COLUMNS, Link, mac_of
from staff.models import AuditChain, AuditEvent

FAR = 1_000_000


def rows() -> list[dict[str, Any]]:
    """All events, the oldest first, as values."""
    names = ("seq", "hash", "mac", *COLUMNS)
    found = db.session.execute(
        select(*(getattr(AuditEvent, name) for name in names)).order_by(AuditEvent.seq)
    )
    return [dict(row._mapping) for row in found]


def end() -> Link:
    """The end of the chain as it stands, with the key of the next event."""
    columns = (AuditChain.seq, AuditChain.hash, AuditChain.key)
    return Link(*db.session.execute(select(*columns).where(AuditChain.id == CHAIN_ID)).one())


def put_end(link: Link) -> None:
    """Move the end of the chain."""
    values = {"seq": link.seq, "hash": link.hash, "key": link.key}
    db.session.execute(update(AuditChain).values(values))


def change(seq: int, **values: Any) -> None:
    """Change an event where it stands."""
    db.session.execute(update(AuditEvent).where(AuditEvent.seq == seq).values(values))


def remove(*seqs: int) -> None:
    """Take events out."""
    db.session.execute(delete(AuditEvent).where(AuditEvent.seq.in_(seqs)))


def move(first: int, by: int) -> None:
    """Give all events from `first` on other numbers; in two steps, for numbers are unique."""
    for step in (FAR, by - FAR):
        where = AuditEvent.seq >= (first if step == FAR else FAR)
        db.session.execute(update(AuditEvent).where(where).values(seq=AuditEvent.seq + step))


def put_in(seq: int, like: dict[str, Any], **values: Any) -> None:
    """Add an event that nobody has recorded."""
    db.session.execute(insert(AuditEvent).values({**like, **values, "seq": seq}))


def write_anew(first: int, key: bytes) -> None:
    """Write hashes and marks anew from one event on, all links right, with the best key there is.

    Moves the end of the chain too.
    """
    before = rows()
    here = Link(first - 1, before[first - 2]["hash"], key)
    for row in before[first - 1 :]:
        values = {name: row[name] for name in COLUMNS}
        after = here.following(values)
        change(row["seq"], hash=after.hash, mac=mac_of(here.key, after.hash))
        here = after
    put_end(here)


def first_keys(first: Link) -> list[bytes]:
    """Every key that there was, from the first on; the last is that of the next event."""
    keys = [first.key]
    while len(keys) <= end().seq - first.seq:
        keys.append(audit_chain.ratchet(keys[-1]))
    return keys
