"""The one place where a gift becomes paid: what Stripe says of it is written down, forward only.

Facts are the whole present state of one gift. So whatever event led to them, in whatever order and
number, the same is written in the end; a later look makes good what an event would have told.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from config.database import db, insert_or_update
from config.settings import settings
from donate import counts, finding, givers, letters, notes, recurring
from donate.books import services as books
from donate.books.models import Refund
from donate.books.services import RefundBlocked, RefundTooLarge
from donate.facts import DeclineFacts, Facts, PaymentFacts, RecurringFacts
from donate.gateway import Event
from donate.guard import services as guard
from donate.models import BEFORE, Donation, RecurringDonation, Review, State, StripeEvent

log = logging.getLogger("vigil.donate")

REFUSED_CARD = "refused-card"  # the reason of a refund, and of an end


def take_in(event: Event, looked: Iterable[Facts], now: datetime) -> set[str] | None:
    """Note an event as dealt with, and write down what looking at it gave; see `record_all`.

    None where another copy of the event was quicker: the caller rolls back.
    """
    statement = insert_or_update(StripeEvent).values(
        id=event.id,
        type=event.type[:80],
        object_id=event.object_id,
        day=now.date(),
        livemode=event.livemode,
    )
    added = db.session.execute(statement.on_conflict_do_nothing().returning(StripeEvent.id))
    return record_all(looked, now) if added.first() else None


def record_all(looked: Iterable[Facts], now: datetime) -> set[str]:
    """Write down all that one look at Stripe has given; see `record`.

    Gives back the open sessions in which too many cards were refused: end them after the commit.
    """
    in_order = sorted(looked, key=_place)  # rows are locked in one order everywhere
    for facts in in_order:
        record(facts, now)
    return {
        facts.session_id
        for facts in in_order
        if isinstance(facts, DeclineFacts) and facts.session_id and guard.record_decline(facts, now)
    }


def record(facts: Facts, now: datetime) -> Donation | RecurringDonation | None:
    """Write one fact down; the gift it is about, None where it is not ours.

    The one way for webhook, thanks page, reconciliation and the worker. Flushes. Raises
    VaultMissing and VolatileKeysUnreachable; the caller rolls back or commits.
    """
    if isinstance(facts, RecurringFacts):
        return recurring.record(facts, now)
    if isinstance(facts, PaymentFacts):
        return _record_payment(facts, now)
    return None


def _place(facts: Facts) -> tuple[int, str]:
    if isinstance(facts, RecurringFacts):
        return 0, facts.subscription_id or ""
    if isinstance(facts, PaymentFacts):
        return 1, facts.invoice_id or facts.session_id or ""
    return 2, facts.attempt_id


def thank(donation: Donation, to: str | None, now: datetime) -> None:
    """Queue the thank-you, with the dedication that it alone may read."""
    if not to:
        return
    dedication = notes.take_note(donation)
    if donation.recurring_id and not dedication:
        dedication = notes.take_note(db.session.get_one(RecurringDonation, donation.recurring_id))
    letters.thank(donation, to, dedication, now)
    givers.ask_about_news(donation, to, now)


def _record_payment(facts: PaymentFacts, now: datetime) -> Donation | None:
    mother = recurring.find(facts) if facts.invoice_id else None
    donation = finding.find(facts, mother, now)
    if donation is None:
        return None
    is_moved = _move(donation, facts, now)
    refunds = _record_charge(donation, facts)
    is_refused = _refuse_card(donation, mother, facts, now)
    if is_moved and donation.state == State.PAID:
        _take_in(donation, mother, facts, now, is_refused=is_refused)
    elif is_moved:
        _tell(donation, mother, facts, now)
    for refund in refunds:
        if refund.reason != REFUSED_CARD:
            letters.say_refunded(donation, refund, facts.payer.email, now)
    db.session.flush()
    return donation


def _move(donation: Donation, facts: PaymentFacts, now: datetime) -> bool:
    """Forward, where there is a way from where it stands; its row is locked."""
    state = facts.state
    if facts.invoice_id and state == State.EXPIRED:  # what was asked for is void: it will not come
        state = State.FAILED
    if donation.state not in BEFORE.get(state, ()):
        return False
    donation.state = state
    donation.stripe_session_id = facts.session_id or donation.stripe_session_id
    if state == State.PAID:
        if (donation.amount_minor, donation.currency) != (facts.amount_minor, facts.currency):
            log.warning("donation %s: Stripe took another amount or currency", donation.id)
        donation.amount_minor, donation.currency = facts.amount_minor, facts.currency
        donation.paid_at = facts.paid_at or now
    elif state in {State.FAILED, State.EXPIRED}:
        donation.dedication_note = None  # there will be no receipt
    return True


def _record_charge(donation: Donation, facts: PaymentFacts) -> list[Refund]:
    is_of_this_payment = facts.state == State.PAID or donation.state != State.PAID
    if is_of_this_payment and facts.payment_intent_id:
        donation.stripe_payment_intent_id = facts.payment_intent_id
    if facts.charge is None:
        return []
    if is_of_this_payment:
        donation.stripe_charge_id = facts.charge.id
    if donation.state == State.PAID and facts.charge.is_suspicious:
        donation.review = donation.review or Review.HELD  # what staff have released stays so
    return books.record_charge(donation, facts.charge, facts.asked_at)


def _refuse_card(
    donation: Donation, mother: RecurringDonation | None, facts: PaymentFacts, now: datetime
) -> bool:
    """Once the card's country is known: whether the gift goes back because of it.

    Where the bank or staff have taken or given it back already, nothing is left to refund. While
    the bank still decides the country stays open, so that a later look refunds what it gives back.
    """
    country = facts.charge.card_country if facts.charge else ""
    if donation.state != State.PAID or donation.card_country or not country:
        return False
    donation.card_country = country
    if country not in settings().refused_card_countries:
        return False
    if mother is not None:
        mother.end_reason = mother.end_reason or REFUSED_CARD  # the worker ends it
    try:
        books.request_refund(donation, books.left_minor(donation), REFUSED_CARD, None, now)
    except RefundBlocked:
        donation.card_country = ""
        return True
    except RefundTooLarge:
        return True
    letters.say_refused_card(donation, facts.payer.email, now)
    return True


def _take_in(
    donation: Donation,
    mother: RecurringDonation | None,
    facts: PaymentFacts,
    now: datetime,
    *,
    is_refused: bool,
) -> None:
    """All that follows from being paid, in the transaction that makes it so.

    Of somebody whose card is refused nothing is kept: it could only harm them.
    """
    day = (donation.paid_at or now).date()
    counts.count_paid(donation, day, facts.payer.country)
    if is_refused:
        donation.dedication = donation.dedication_note = None
        if mother is not None and mother.sealed is None:  # its first gift
            mother.dedication = mother.dedication_note = None
        return
    givers.note_giver(donation, facts.payer, day, mother, facts.donation_id)
    if mother is not None:
        givers.note_recurring_giver(mother, facts.payer, day)
    if not donation.review and guard.is_suspicious(donation.id, facts, now):
        donation.review = Review.HELD
    if donation.review != Review.HELD:
        thank(donation, facts.payer.email, now)


def _tell(
    donation: Donation, mother: RecurringDonation | None, facts: PaymentFacts, now: datetime
) -> None:
    """The mail for each outcome but the good one; a renewal's trouble is told by its own mails."""
    to = facts.payer.email
    if donation.state == State.PENDING and (mother is None or mother.sealed is None):
        letters.say_pending(donation, to, now)
    if donation.state == State.PENDING and mother is not None:
        givers.note_recurring_giver(mother, facts.payer, now.date())
    if donation.state == State.FAILED and mother is None:
        letters.say_failed(donation, to, now)
    if donation.state == State.EXPIRED:
        letters.say_expired(donation, to, now)
