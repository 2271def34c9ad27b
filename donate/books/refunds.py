"""What the worker asks of Stripe, and then looks at: refunds to make, recurring gifts to end.

Both jobs are called with no transaction open and commit by themselves. Killed at any point they
begin again: Stripe knows each refund by our row's id.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from flask import current_app
from sqlalchemy import select, update

from config.database import begin_read, db
from donate.books.models import Refund, RefundState
from donate.facts import Facts
from donate.gateway import GatewayOff, GatewayRefused, GatewayUnavailable, gateway
from donate.models import Donation, RecurringDonation, RecurringState
from donate.recording import record_all

log = logging.getLogger("vigil.donate")

T = TypeVar("T")

# What staff may choose; beside these there are `refused-card` (a rule) and `stripe` (its dashboard)
REASONS = ("donor-asked", "duplicate", "fraudulent", "entered-by-mistake", "other")
BATCH = 20
PAUSE = timedelta(minutes=1)  # while Stripe does not answer: the mail goes on meanwhile


class _Order(NamedTuple):
    refund_id: uuid.UUID
    amount_minor: int
    reason: str
    charge_id: str | None
    intent_id: str | None


def send_refunds(now: datetime) -> None:
    """Make the refunds that were asked for, and write down what came of each."""
    due = (
        select(
            Refund.id,
            Refund.amount_minor,
            Refund.reason,
            Donation.stripe_charge_id,
            Donation.stripe_payment_intent_id,
        )
        .join(Donation, Donation.id == Refund.donation_id)
        .where(Refund.state == RefundState.REQUESTED)
        .order_by(Refund.created_at)
        .limit(BATCH)
    )
    _work("refunds", lambda: [_Order(*row) for row in db.session.execute(due)], _send, now)


def end_refused(now: datetime) -> None:
    """End the recurring donations that are to end and have not: whatever the reason."""
    due = (
        select(RecurringDonation.stripe_subscription_id)
        .where(
            RecurringDonation.end_reason != "",
            RecurringDonation.state != RecurringState.ENDED,
            RecurringDonation.stripe_subscription_id.is_not(None),
        )
        .limit(BATCH)
    )
    _work("ends", lambda: [one for one in db.session.scalars(due) if one], _end, now)


def _work(
    name: str, read: Callable[[], list[T]], act: Callable[[T, datetime], bool], now: datetime
) -> None:
    """Do what is due, one by one; what cannot be done now is left alone for a while."""
    pauses: dict[str, datetime] = current_app.extensions.setdefault("vigil_stripe_pauses", {})
    if now < pauses.get(name, now):
        return
    begin_read()
    due = read()
    db.session.rollback()  # no transaction stays open while we ask Stripe
    for one in due:
        try:
            is_done = act(one, now)
        except (GatewayOff, GatewayUnavailable) as error:
            log.warning("%s wait: %s", name, type(error).__name__)
            pauses[name] = now + PAUSE
            return
        if not is_done:  # the others are not to wait for it
            pauses[name] = now + PAUSE


def _send(order: _Order, now: datetime) -> bool:
    paid_by = order.charge_id or order.intent_id
    if paid_by is None:
        log.error("refund %s: nothing is known of its charge", order.refund_id)
        return False
    code = ""
    try:
        gateway().create_refund(order.refund_id, paid_by, order.amount_minor, order.reason)
    except GatewayRefused as refusal:
        log.warning("refund %s: Stripe refuses it: %s", order.refund_id, refusal.code)
        code = refusal.code or "refused"
    look = gateway().look_at_intent if paid_by.startswith("pi_") else gateway().look_at_charge
    is_done = _look_and_record(look, paid_by, now)
    if code:
        _mark_refused(order.refund_id, code)
    db.session.commit()
    return is_done


def _end(subscription_id: str, now: datetime) -> bool:
    try:
        gateway().cancel(subscription_id)
    except GatewayRefused as refusal:
        log.error("%s cannot be ended: %s", subscription_id, refusal.code)
        return False
    is_done = _look_and_record(gateway().look_at_subscription, subscription_id, now)
    db.session.commit()
    return is_done


def _look_and_record(
    look: Callable[[str], tuple[Facts, ...]], object_id: str, now: datetime
) -> bool:
    try:
        looked = look(object_id)
    except GatewayRefused as refusal:
        log.error("%s cannot be looked at: %s", object_id, refusal.code)
        return False
    record_all(looked, now)
    return True


def _mark_refused(refund_id: uuid.UUID, code: str) -> None:
    """Unless the look has found that it was made after all."""
    db.session.execute(
        update(Refund)
        .where(Refund.id == refund_id, Refund.state == RefundState.REQUESTED)
        .values(state=RefundState.REFUSED, code=code[:80])
    )
