"""The lease of keyed work: one row, and whoever has the moment that stands in it may go on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from config.database import db, insert_or_update
from staff.models import KeyedWork

LEASE = timedelta(seconds=60)
ROW = "lease"  # its `left` counts the boxes that the last round could not open


class Stopped(Exception):
    """The work ends here: signed out, told to stop, another vault, or the lease is another's."""


def take(now: datetime) -> datetime:
    """Take the lease where it is free; until when. Flushes. Raises Stopped."""
    first = insert_or_update(KeyedWork).values(name=ROW, done=0, left=0, at=now)
    db.session.execute(first.on_conflict_do_nothing())
    return _take(KeyedWork.leased_until.is_(None) | (KeyedWork.leased_until <= now), now)


def renew(held: datetime | None, now: datetime) -> datetime:
    """Take it for longer, with the batch that is being written. Flushes. Raises Stopped."""
    return _take(KeyedWork.leased_until == held, now)


def give_back(held: datetime, skipped: int, now: datetime) -> None:
    """End it, if it is still ours; `skipped` boxes did not open. Flushes."""
    db.session.execute(
        update(KeyedWork)
        .where(KeyedWork.name == ROW, KeyedWork.leased_until == held)
        .values(leased_until=None, left=skipped, at=now)
    )


def is_taken(now: datetime) -> bool:
    """Whether somebody works at this moment."""
    until = db.session.scalar(select(KeyedWork.leased_until).where(KeyedWork.name == ROW))
    return until is not None and until > now


def _take(condition: Any, now: datetime) -> datetime:
    until = now + LEASE
    taken = db.session.execute(
        update(KeyedWork)
        .where(KeyedWork.name == ROW, condition)
        .values(leased_until=until)
        .returning(KeyedWork.name)
    ).first()
    if taken is None:
        raise Stopped
    return until
