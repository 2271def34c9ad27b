"""Gifts that have not come to rest: each is looked at again, in slices; what Stripe never heard of
expires.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, exists, or_, select, update

from config.database import begin_read, db
from donate.books.cursors import place_cursor, read_cursor
from donate.books.missed import Run, look_and_record
from donate.books.models import Dispute, Kind, LedgerLine, Refund, RefundState
from donate.facts import Facts
from donate.gateway import gateway
from donate.models import Donation, Method, RecurringDonation, RecurringState, State

RESTED = timedelta(hours=1)  # until then a gift's own webhooks are waited for
FORGOTTEN = timedelta(days=1)  # no session stays open longer
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

Statement = Select[Any, Any, Any, Any]

WAITING = (State.CREATED, State.OPEN, State.PENDING)
ALIVE = (
    RecurringState.CREATED,
    RecurringState.OPEN,
    RecurringState.ACTIVE,
    RecurringState.AT_RISK,
    RecurringState.PAUSED,
)


class Gift(NamedTuple):
    """What is asked for; the second id is that of the invoice, or of the subscription."""

    id: uuid.UUID
    created_at: datetime
    session_id: str | None
    second_id: str | None


def look_again(run: Run, size: int) -> None:
    """Look at the next so many single and so many recurring gifts. Call it after `adopt_sessions`.

    Raises as `missed.catch_up`.
    """
    _look_at_each(run, "rows", _restless_gifts(run.now), size, _look_at_gift)
    _look_at_each(run, "recurring", _restless_recurring(run.now), size, _look_at_recurring)
    run.expired += _expire_forgotten(run.now)
    db.session.commit()


def _look_at_each(
    run: Run,
    name: str,
    statement: Statement,
    size: int,
    look: Callable[[Gift], Sequence[Facts]],
) -> None:
    """Go on after the last run's slice, and round again at the end."""
    after = read_cursor(name) or BEGINNING
    begin_read()
    found = [Gift(*row) for row in db.session.execute(_slice(statement, after, size))]
    db.session.rollback()
    reached = after
    for gift in found:
        if run.is_over:
            break
        facts = look_and_record(partial(look, gift))
        run.rows += bool(facts)
        if facts is None:
            run.failed.append(str(gift.id))
        reached = gift.created_at
    is_round = run.is_whole and len(found) < size
    place_cursor(name, BEGINNING if is_round else reached, run.now)
    db.session.commit()


def _restless_gifts(now: datetime) -> Statement:
    """Online gifts that wait: for the payment, for its line, for a refund, for a bank's word."""
    rested = now - RESTED
    has_line = exists().where(LedgerLine.donation_id == Donation.id, LedgerLine.kind == Kind.GIFT)
    has_refund = exists().where(
        Refund.donation_id == Donation.id,
        Refund.state.in_([RefundState.REQUESTED, RefundState.PENDING]),
        Refund.created_at < rested,
    )
    is_disputed = exists().where(Dispute.donation_id == Donation.id, Dispute.is_open)
    return select(
        Donation.id, Donation.created_at, Donation.stripe_session_id, Donation.stripe_invoice_id
    ).where(
        Donation.method == Method.ONLINE,
        or_(Donation.stripe_session_id.is_not(None), Donation.stripe_invoice_id.is_not(None)),
        or_(
            and_(Donation.state.in_(WAITING), Donation.created_at < rested),
            and_(Donation.state == State.PAID, Donation.paid_at < rested, ~has_line),
            has_refund,
            is_disputed,
        ),
    )


def _restless_recurring(now: datetime) -> Statement:
    """Recurring gifts that have not ended, each in its turn."""
    model = RecurringDonation
    return select(
        model.id, model.created_at, model.stripe_session_id, model.stripe_subscription_id
    ).where(
        model.state.in_(ALIVE),
        model.stripe_session_id.is_not(None),
        model.created_at < now - RESTED,
    )


def _slice(statement: Statement, after: datetime, size: int) -> Statement:
    created_at = statement.selected_columns.created_at
    return statement.where(created_at > after).order_by(created_at).limit(size)


def _look_at_gift(gift: Gift) -> Sequence[Facts]:
    if gift.second_id:
        return gateway().look_at_invoice(gift.second_id)
    return gateway().look_at_session(gift.session_id or "")


def _look_at_recurring(gift: Gift) -> Sequence[Facts]:
    if gift.second_id:
        return gateway().look_at_subscription(gift.second_id)
    return gateway().look_at_session(gift.session_id or "")


def _expire_forgotten(now: datetime) -> int:
    """End what no session of Stripe's bears the mark of; should it yet be paid, it still counts."""
    expired = 0
    for model in (Donation, RecurringDonation):
        is_forgotten = [
            model.state == "created",
            model.stripe_session_id.is_(None),
            model.created_at < now - FORGOTTEN,
        ]
        if model is Donation:
            is_forgotten += [Donation.method == Method.ONLINE]
        result = db.session.execute(
            update(model).where(*is_forgotten).values(state="expired").returning(model.id)
        )
        expired += len(result.all())
    return expired
