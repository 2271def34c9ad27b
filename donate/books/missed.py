"""What we missed: events that no webhook brought, and sessions whose id we never stored
(docs.stripe.com/webhooks/process-undelivered-events).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

from sqlalchemy import exists, select

from config.database import begin_read, db
from donate import queries, recording
from donate.books.cursors import move_cursor, note_run, read_cursor
from donate.facts import Facts
from donate.gateway import NOT_THERE, Event, GatewayRefused, gateway
from donate.guard.worker import end_session
from donate.models import Donation, RecurringDonation

log = logging.getLogger("vigil.donate")

KEPT = timedelta(days=30)  # how long Stripe lists events (docs.stripe.com/api/events)
OVERLAP = timedelta(hours=1)  # for what is listed late, and clocks that differ


@dataclass
class Run:
    """One run: when it began, how long it may take, and what it did; ids and numbers only."""

    now: datetime
    patience: float | None = None  # seconds
    events: int = 0  # that nobody had told us of
    known: int = 0
    sessions: int = 0
    rows: int = 0
    expired: int = 0
    failed: list[str] = field(default_factory=list)  # what Stripe refuses to show
    gap: timedelta | None = None  # so much was missed before the oldest event that Stripe keeps
    is_whole: bool = True  # False: time was up, and the next run goes on

    def __post_init__(self) -> None:
        self._begun = monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        if self.patience is not None and monotonic() - self._begun > self.patience:
            self.is_whole = False
        return not self.is_whole


def catch_up(run: Run) -> None:
    """Act on each event that no webhook brought.

    The cursor, in Stripe's time, moves only over what is committed, and stops before an event that
    could not be dealt with. Raises GatewayOff, GatewayUnavailable, VaultMissing and
    VolatileKeysUnreachable.
    """
    since = _events_since(run)
    reached: datetime | None = None
    is_gapless = True
    try:
        for event in gateway().list_events(since):
            if run.is_over:
                break
            is_gapless = _handle(event, run) and is_gapless
            reached = event.created_at if is_gapless else reached
    finally:
        db.session.rollback()
        if reached:
            move_cursor("events", reached, run.now)
            db.session.commit()
    if is_gapless and run.is_whole:
        move_cursor("events", run.now - OVERLAP, run.now)  # a quiet time moves it, too
        db.session.commit()


def adopt_sessions(run: Run) -> None:
    """Find, by our mark, the sessions that were made when our process ended before noting them."""
    since = (read_cursor("sessions") or run.now - KEPT) - OVERLAP
    is_gapless = True
    for session_id, _mark, is_recurring in gateway().list_sessions(since):
        if run.is_over:
            return
        if _is_known(session_id, is_recurring):
            continue
        facts = look_and_record(partial(gateway().look_at_session, session_id))
        run.sessions += _is_known(session_id, is_recurring)
        if facts is None:
            run.failed.append(session_id)
            is_gapless = False
    if is_gapless:
        move_cursor("sessions", run.now, run.now)
        db.session.commit()


def keep_failures(run: Run) -> None:
    """Keep for staff what Stripe refused to show."""
    note_run("events", run.now, [{"what": "event", "id": failed} for failed in run.failed])
    db.session.commit()


def look_and_record(look: Callable[[], Sequence[Facts]]) -> Sequence[Facts] | None:
    """Ask Stripe, write down the answer and commit; None where Stripe refuses to say.

    Raises as `catch_up`.
    """
    db.session.rollback()
    try:
        facts = look()
    except GatewayRefused as refusal:
        log.error("Stripe refuses a question: %s", refusal.code)
        return () if refusal.code == NOT_THERE else None
    tried_too_often = recording.record_all(facts, datetime.now(UTC))
    db.session.commit()
    _end_sessions(tried_too_often)
    return facts


def _end_sessions(session_ids: Iterable[str]) -> None:
    for session_id in session_ids:
        end_session(session_id)


def _events_since(run: Run) -> datetime:
    """From when on Stripe is asked; notes where the gap is longer than Stripe's memory."""
    cursor, oldest = read_cursor("events"), run.now - KEPT
    if cursor is None:
        return oldest
    if cursor < oldest:
        run.gap = oldest - cursor
    return max(cursor - OVERLAP, oldest)


def _handle(event: Event, run: Run) -> bool:
    """One event, as a webhook would; False where it must be come back to."""
    begin_read()
    if queries.is_known_event(event.id):
        db.session.rollback()
        run.known += 1
        return True
    db.session.rollback()
    facts: Sequence[Facts] = ()
    try:
        facts = gateway().look(event)
    except GatewayRefused as refusal:
        log.error("Stripe event %s leads nowhere: %s", event.id, refusal.code)
        if refusal.code != NOT_THERE:
            run.failed.append(event.id)
            return False
    tried_too_often = recording.take_in(event, facts, datetime.now(UTC))
    if tried_too_often is None:  # a webhook was quicker
        db.session.rollback()
        run.known += 1
        return True
    db.session.commit()
    run.events += 1
    _end_sessions(tried_too_often)
    return True


def _is_known(session_id: str, is_recurring: bool) -> bool:
    model = RecurringDonation if is_recurring else Donation
    begin_read()
    found = db.session.scalar(select(exists().where(model.stripe_session_id == session_id)))
    db.session.rollback()
    return bool(found)
