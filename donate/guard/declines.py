"""Refused cards: counted once each, and what they say of a session and of a gift."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from config.database import db, insert_or_update
from donate.currencies import limits
from donate.facts import DeclineFacts, PaymentFacts
from donate.guard import queries
from donate.guard.breaker import close_if_extreme
from donate.guard.models import Decline, SpentProof
from donate.models import Donation, RecurringDonation, RecurringState

KEPT = timedelta(days=30)  # for so long Stripe can be made to send an event again
RECENT = timedelta(hours=2)  # longer than the page at Stripe's stands
SUSPICIOUS = 3  # refused cards before the one that was taken
SMALL = 2  # times the smallest gift
NOT_BEGUN = (RecurringState.CREATED, RecurringState.OPEN, RecurringState.EXPIRED)


def record_decline(facts: DeclineFacts, now: datetime) -> bool:
    """Count a refused card once; True where its session has had too many and must be ended.

    Flushes. The caller ends the session when that is committed. Renewals do not count. One that
    leads to no gift of ours does, for all we know: on pages of recurring donations Stripe does not
    always tell.
    """
    if facts.gift_id is not None and _stands(facts.gift_id):
        return False
    statement = insert_or_update(Decline).values(
        id=facts.attempt_id, gift_id=facts.gift_id, at=facts.at
    )
    db.session.execute(statement.on_conflict_do_nothing())
    close_if_extreme(now)
    queries.forget_pulse()
    if facts.gift_id is None or facts.session_id is None:
        return False
    declines = queries.declines_of([facts.gift_id], facts.at - RECENT, max(now, facts.at))
    return declines >= queries.most_declines(queries.pulse_now(now).level)


def is_suspicious(gift_id: uuid.UUID, facts: PaymentFacts, now: datetime) -> bool:
    """Whether a person should look at a gift before it is thanked for. Only reads.

    After several refused cards, among the smallest gifts of an odd time, or in Stripe's eyes.
    """
    if facts.charge is not None and facts.charge.is_suspicious:
        return True
    ids = [gift_id] if facts.recurring_id is None else [gift_id, facts.recurring_id]
    if queries.declines_of(ids, now - RECENT, now) >= SUSPICIOUS:
        return True
    is_small = facts.amount_minor <= SMALL * limits(facts.currency).minimum
    return is_small and _began_in_odd_time(gift_id, facts.recurring_id, now)


def drop_old(now: datetime) -> None:
    """Forget proofs that have run out anyway, and who was refused long ago."""
    db.session.execute(delete(SpentProof).where(SpentProof.expires_at <= now))
    db.session.execute(delete(Decline).where(Decline.at < now - KEPT))


def _stands(gift_id: uuid.UUID) -> bool:
    """Whether this is a recurring donation that has begun: of its renewals some always fail."""
    begun = select(RecurringDonation.id).where(
        RecurringDonation.id == gift_id, RecurringDonation.state.not_in(NOT_BEGUN)
    )
    return db.session.scalar(begun) is not None


def _began_in_odd_time(gift_id: uuid.UUID, recurring_id: uuid.UUID | None, now: datetime) -> bool:
    """Whether cards were being tried out just then; that many give makes nobody suspicious."""
    began = select(Donation.created_at).where(Donation.id == gift_id)
    if recurring_id is not None:
        began = select(RecurringDonation.created_at).where(RecurringDonation.id == recurring_id)
    began_at = db.session.scalar(began)
    if began_at is None or began_at < now - RECENT:
        return False
    return queries.measure(began_at).has_odd_declines
