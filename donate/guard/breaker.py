"""The guard's one row: closed by what comes in, lifted by staff, who hear of it once an hour."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import or_, update

from config.database import db, insert_or_update
from donate.guard import queries
from donate.guard.levels import CLOSED_FOR, Level
from donate.guard.models import GuardState

log = logging.getLogger("vigil.donate")

LIFTED_FOR = timedelta(hours=2)
ALERT_EVERY = timedelta(hours=1)


def close_if_extreme(now: datetime) -> bool:
    """Stop new gifts for a while where next to nothing but refused cards comes in. Flushes.

    What led to one closing does not lead to the next: only refusals after it count.
    """
    before = _state().closed_until
    if not queries.measure(now, since=before).is_extreme:
        return False
    is_first = before is None or before < now - ALERT_EVERY
    closed = db.session.execute(
        update(GuardState)
        .where(or_(GuardState.closed_until.is_(None), GuardState.closed_until <= now))
        .values(
            closed_until=now + CLOSED_FOR,
            # staff hear of it, though they may just have heard that something is odd
            alerted_at=None if is_first else GuardState.alerted_at,
        )
        .returning(GuardState.id)
    ).first()
    queries.forget_pulse()
    if closed:
        log.error("giving closes for %s: nearly all cards are refused", CLOSED_FOR)
    return closed is not None


def lift(now: datetime) -> datetime:
    """Staff say that it is no attack: giving is calm for two hours; until when. Flushes."""
    _state().lifted_until = until = now + LIFTED_FOR
    db.session.flush()
    queries.forget_pulse()
    return until


def unlift(now: datetime) -> None:
    """Staff take that back. Flushes."""
    _state().lifted_until = None
    db.session.flush()
    queries.forget_pulse()


def take_alert(now: datetime) -> tuple[str, int] | None:
    """What staff should hear now, and how many cards were refused; None where they know.

    Of several workers one gets it. Flushes.
    """
    pulse = queries.measure(now)
    if pulse.level is Level.CALM:  # also while staff have lifted it: they know
        return None
    _state()
    is_due = or_(GuardState.alerted_at.is_(None), GuardState.alerted_at <= now - ALERT_EVERY)
    taken = db.session.execute(
        update(GuardState).where(is_due).values(alerted_at=now).returning(GuardState.id)
    ).first()
    return (f"guard-{pulse.level}", pulse.declines) if taken else None


def _state() -> GuardState:
    """The row, made where it is not there yet."""
    statement = insert_or_update(GuardState).values(id=queries.ONE_ROW)
    db.session.execute(statement.on_conflict_do_nothing())
    return db.session.get_one(GuardState, queries.ONE_ROW, populate_existing=True)
