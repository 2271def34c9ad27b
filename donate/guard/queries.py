"""What the guard counts: sessions begun, cards refused, gifts paid."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from limits import parse
from sqlalchemy import and_, case, func, select, union_all

from config.database import db
from config.settings import settings
from donate.guard.levels import WINDOW, Level, Pulse
from donate.guard.models import Decline, GuardState
from donate.models import Donation, Method, RecurringDonation, RecurringState, State

KEPT = timedelta(seconds=2)  # a pulse that was just felt will do for the next gift
SESSION_LIFE = timedelta(hours=1)  # of a page at Stripe's
MOST_DECLINES = 5  # on one session
MOST_DECLINES_WHILE_ODD = 3
ONE_ROW = 1  # the id of the guard's state


@dataclass(frozen=True)
class GuardNow:
    """What staff see of the guard."""

    level: Level
    measured: Level  # what would hold if nobody had lifted it
    declines: int
    paid: int
    since: datetime  # of declines and paid gifts
    sessions: int
    most_sessions: int
    sessions_since: datetime
    closed_until: datetime | None  # None where it is past, like lifted_until
    lifted_until: datetime | None


def state_now(now: datetime) -> GuardNow:
    """The guard as it stands, counted afresh."""
    pulse = measure(now)
    return GuardNow(
        level=pulse.level,
        measured=pulse.measured,
        declines=pulse.declines,
        paid=pulse.paid,
        since=now - WINDOW,
        sessions=pulse.sessions,
        most_sessions=pulse.most_sessions,
        sessions_since=now - _overall()[1],
        closed_until=_if_ahead(pulse.closed_until, now),
        lifted_until=_if_ahead(pulse.lifted_until, now),
    )


def pulse_now(now: datetime) -> Pulse:
    """As `measure`, but kept in this process for two seconds: each gift asks."""
    kept: Pulse | None = current_app.extensions.get("vigil_guard_pulse")
    if kept is None or not timedelta(0) <= now - kept.at < KEPT:
        kept = current_app.extensions["vigil_guard_pulse"] = measure(now)
    return kept


def note_session() -> None:
    """One more gift begins: it counts at once, also while the figures are kept."""
    kept: Pulse | None = current_app.extensions.get("vigil_guard_pulse")
    if kept is not None:
        current_app.extensions["vigil_guard_pulse"] = replace(kept, sessions=kept.sessions + 1)


def forget_pulse() -> None:
    """Count afresh at the next gift."""
    current_app.extensions.pop("vigil_guard_pulse", None)


def measure(at: datetime, since: datetime | None = None) -> Pulse:
    """Count up to a moment; declines and paid gifts after `since`, or in the usual window."""
    most_sessions, span = _overall()
    start = max(at - WINDOW, since) if since else at - WINDOW
    row = db.session.execute(
        select(
            _single(Donation.created_at, at - span, at),
            _recurring(RecurringDonation.created_at, at - span, at),
            _count(Decline.at, start, at),
            _single(Donation.paid_at, start, at),
            _recurring(RecurringDonation.started_at, start, at),
            _decided(GuardState.closed_until),
            _decided(GuardState.lifted_until),
        )
    ).one()
    single, recurring, declines, paid, started, closed_until, lifted_until = row
    return Pulse(
        at=at,
        sessions=single + recurring,
        most_sessions=most_sessions,
        declines=declines,
        paid=paid + started,
        closed_until=closed_until,
        lifted_until=lifted_until,
    )


def most_declines(level: Level) -> int:
    """How many refused cards one session may see."""
    return MOST_DECLINES if level is Level.CALM else MOST_DECLINES_WHILE_ODD


def declines_of(gift_ids: Sequence[uuid.UUID], since: datetime, until: datetime) -> int:
    """How many cards were refused for a gift, or a recurring donation, between two moments."""
    return db.session.scalar(
        select(_count(Decline.at, since, until, Decline.gift_id.in_(gift_ids)))
    )  # type: ignore[return-value]


def sessions_to_end(most: int, now: datetime) -> Sequence[str]:
    """Open sessions with too many refused cards."""
    too_many = (
        select(Decline.gift_id)
        .where(Decline.at > now - SESSION_LIFE)
        .group_by(Decline.gift_id)
        .having(func.count() >= most)
    )
    single = select(Donation.stripe_session_id).where(
        Donation.id.in_(too_many), Donation.state.in_((State.CREATED, State.OPEN))
    )
    recurring = select(RecurringDonation.stripe_session_id).where(
        RecurringDonation.id.in_(too_many),
        RecurringDonation.state.in_((RecurringState.CREATED, RecurringState.OPEN)),
    )
    found = db.session.scalars(union_all(single, recurring)).all()
    return [session_id for session_id in found if session_id]


def _overall() -> tuple[int, timedelta]:
    """CHECKOUT_LIMIT_OVERALL: how many sessions, in which time."""
    limit = parse(settings().checkout_limit_overall)
    return limit.amount, timedelta(seconds=limit.get_expiry())


def _single(moment: Any, since: datetime, until: datetime) -> Any:
    """Single gifts that were given online; renewals and transfers say nothing of card testing.

    What they are is not asked in WHERE: SQLite would go by that index, through all gifts there are.
    """
    is_ours = and_(Donation.method == Method.ONLINE, Donation.recurring_id.is_(None))
    counted = select(func.count(case((is_ours, 1)))).where(moment > since, moment <= until)
    return counted.scalar_subquery()


def _recurring(moment: Any, since: datetime, until: datetime) -> Any:
    """Recurring donations: what starts was created just before, and by that there is an index."""
    return _count(moment, since, until, RecurringDonation.created_at > since - 2 * SESSION_LIFE)


def _count(moment: Any, since: datetime, until: datetime, *more: Any) -> Any:
    counted = select(func.count()).where(moment > since, moment <= until, *more)
    return counted.scalar_subquery()


def _decided(moment: Any) -> Any:
    return select(moment).where(GuardState.id == ONE_ROW).scalar_subquery()


def _if_ahead(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment is not None and moment > now else None
