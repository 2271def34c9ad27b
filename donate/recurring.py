"""Recurring donations: where each stands is what Stripe said when it was asked last."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select, update

from config.database import db, insert_or_update
from config.settings import settings
from config.stripe_pages import is_stripe_page
from donate import letters
from donate.facts import PaymentFacts, RecurringFacts
from donate.models import RecurringDonation, RecurringState

log = logging.getLogger("vigil.donate")

MOST_REMINDERS = 3  # for one invoice
ERASED = "erased"  # the reason of an end: nothing of the donor is written down any more
_BEGUN = {RecurringState.ACTIVE, RecurringState.AT_RISK, RecurringState.PAUSED}
_NOT_BEGUN = {RecurringState.CREATED, RecurringState.OPEN, RecurringState.EXPIRED}
# What a donor chose, copied to what comes of it.
WISH = (
    "fee_cover_minor", "fund", "campaign", "frequency", "language", "is_discreet", "day",
    "created_at",
)  # fmt: skip


def record(facts: RecurringFacts, now: datetime) -> RecurringDonation | None:
    """Write down how a recurring donation stands; None where it is not ours. Flushes.

    The newest look counts, and the end is final. Mails go to the donor when it changes, and at
    most three about one renewal that failed.
    """
    recurring = find(facts)
    if recurring is None:
        log.warning("a subscription that belongs to no recurring donation of ours")
        return None
    if facts.subscription_id is None:
        _record_session(recurring, facts, now)
    elif not _is_old(recurring, facts):
        _record_subscription(recurring, facts, now)
    db.session.flush()
    return recurring


def find(facts: RecurringFacts | PaymentFacts) -> RecurringDonation | None:
    """The recurring donation, its row locked: by its subscription, its session, or our mark.

    A second subscription of one wish becomes a recurring donation of its own.
    """
    found = (
        (facts.subscription_id and _lock("stripe_subscription_id", facts.subscription_id))
        or (facts.session_id and _lock("stripe_session_id", facts.session_id))
        or (facts.recurring_id and _lock("id", facts.recurring_id))
        or None
    )
    if not found or not facts.subscription_id:
        return found
    if found.stripe_subscription_id is None:
        found.stripe_subscription_id = facts.subscription_id
    elif found.stripe_subscription_id != facts.subscription_id:
        return _add_twin(found, facts.subscription_id)
    return found


def end_by_donor(recurring: RecurringDonation, now: datetime) -> bool:
    """Note that the donor wants no more; False where it has ended or is about to. Flushes.

    Stripe is told by the caller, or else by the worker.
    """
    return _note_end(recurring, "donor")


def end_by_staff(recurring: RecurringDonation, now: datetime) -> bool:
    """The same, by a member of staff."""
    return _note_end(recurring, "staff")


def end_by_erasure(contact_ids: Sequence[uuid.UUID]) -> None:
    """Note that what these people give ends, whatever else was noted: they are erased. Flushes.

    Of what has ended, too: a debit may still be on its way.
    """
    db.session.execute(
        update(RecurringDonation)
        .where(RecurringDonation.contact_id.in_(contact_ids))
        .values(end_reason=ERASED),
        execution_options={"synchronize_session": "fetch"},
    )


def is_erased(recurring: RecurringDonation | None) -> bool:
    """Whether its donor was erased: what is still under way is counted, and nobody noted."""
    return recurring is not None and recurring.end_reason == ERASED


def _note_end(recurring: RecurringDonation, reason: str) -> bool:
    noted = db.session.execute(
        update(RecurringDonation)
        .where(
            RecurringDonation.id == recurring.id,
            RecurringDonation.state != RecurringState.ENDED,
            RecurringDonation.end_reason == "",
        )
        .values(end_reason=reason)
        .returning(RecurringDonation.id)
    )
    return noted.first() is not None


def _lock(column: str, value: Any) -> RecurringDonation | None:
    return db.session.scalar(
        select(RecurringDonation)
        .where(getattr(RecurringDonation, column) == value)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def _add_twin(first: RecurringDonation, subscription_id: str) -> RecurringDonation | None:
    log.warning("recurring donation %s: the donor has begun it twice", first.id)
    wish = {name: getattr(first, name) for name in (*WISH, "amount_minor", "currency")}
    reason = ERASED if is_erased(first) else ""  # of somebody erased it ends, and nobody is noted
    db.session.execute(
        insert_or_update(RecurringDonation)
        .values(
            id=uuid.uuid4(),
            state=RecurringState.OPEN,
            end_reason=reason,
            reminders=0,
            stripe_subscription_id=subscription_id,
            **wish,
        )
        .on_conflict_do_nothing(index_elements=["stripe_subscription_id"])
    )
    return _lock("stripe_subscription_id", subscription_id)


def _record_session(recurring: RecurringDonation, facts: RecurringFacts, now: datetime) -> None:
    """A page that has led to nothing yet, or will not any more."""
    is_this = recurring.stripe_session_id in {None, facts.session_id}
    if not is_this or recurring.stripe_subscription_id:
        return
    recurring.stripe_session_id = facts.session_id
    if facts.state == RecurringState.OPEN and recurring.state == RecurringState.CREATED:
        recurring.state = RecurringState.OPEN
    elif facts.state == RecurringState.EXPIRED and recurring.state in _NOT_BEGUN:
        is_news = recurring.state != RecurringState.EXPIRED
        recurring.state, recurring.dedication_note = RecurringState.EXPIRED, None
        if is_news:
            letters.say_expired(recurring, facts.payer.email, now)


def _is_old(recurring: RecurringDonation, facts: RecurringFacts) -> bool:
    if recurring.state == RecurringState.ENDED:
        return True
    is_older = recurring.asked_at is not None and facts.asked_at < recurring.asked_at
    return is_older and facts.state != RecurringState.ENDED


def _record_subscription(
    recurring: RecurringDonation, facts: RecurringFacts, now: datetime
) -> None:
    before, amount_before = recurring.state, (recurring.amount_minor, recurring.currency)
    recurring.asked_at, recurring.state = facts.asked_at, facts.state
    _note_session(recurring, facts)
    recurring.stripe_customer_id = facts.customer_id or recurring.stripe_customer_id
    recurring.next_on, recurring.ends_on = facts.next_on, facts.ends_on
    _note_amount(recurring, facts)
    if recurring.started_at is None and facts.state in _BEGUN | {RecurringState.ENDED}:
        recurring.started_at = facts.started_at or now
    _note_unpaid(recurring, facts)
    if facts.state == RecurringState.ENDED:
        _end(recurring, facts, now)
        return
    if before in _BEGUN:
        is_other = amount_before != (recurring.amount_minor, recurring.currency)
        _say_what_changed(recurring, facts, before, now, is_other_amount=is_other)
    _mind_trouble(recurring, facts, now)


def _note_amount(recurring: RecurringDonation, facts: RecurringFacts) -> None:
    told = (facts.amount_minor, facts.currency)
    if facts.amount_minor and told != (recurring.amount_minor, recurring.currency):
        recurring.amount_minor, recurring.currency = told
        recurring.fee_cover_minor = 0  # what of it was meant for the fee is not known any more


def _note_session(recurring: RecurringDonation, facts: RecurringFacts) -> None:
    """Unless it is known, or another row's: of a wish that was begun twice."""
    taken = exists().where(RecurringDonation.stripe_session_id == facts.session_id)
    if recurring.stripe_session_id is None and not db.session.scalar(select(taken)):
        recurring.stripe_session_id = facts.session_id


def _note_unpaid(recurring: RecurringDonation, facts: RecurringFacts) -> None:
    """Where Stripe has given up but not ended it, the worker ends it, unless it is mended."""
    if facts.ended_unpaid and not recurring.end_reason:
        recurring.end_reason = "unpaid"
    elif recurring.end_reason == "unpaid" and facts.state == RecurringState.ACTIVE:
        recurring.end_reason = ""


def _end(recurring: RecurringDonation, facts: RecurringFacts, now: datetime) -> None:
    recurring.ended_at = facts.ended_at or now
    recurring.next_on = recurring.trouble_invoice_id = None
    recurring.end_reason = recurring.end_reason or "donor"
    letters.say_ended(recurring, facts.payer.email, now)


def _say_what_changed(
    recurring: RecurringDonation,
    facts: RecurringFacts,
    before: str,
    now: datetime,
    *,
    is_other_amount: bool,
) -> None:
    changes = []
    if is_other_amount:
        changes.append("amount")
    if (before == RecurringState.PAUSED) is not (recurring.state == RecurringState.PAUSED):
        changes.append("resumed" if before == RecurringState.PAUSED else "paused")
    for what in changes:
        letters.say_changed(recurring, what, facts.payer.email, facts.asked_at, now)


def _mind_trouble(recurring: RecurringDonation, facts: RecurringFacts, now: datetime) -> None:
    """One mail for each of Stripe's attempts, and never a fourth."""
    trouble = facts.trouble
    if trouble is None or trouble.invoice_id != recurring.trouble_invoice_id:
        recurring.trouble_invoice_id = trouble.invoice_id if trouble else None
        recurring.reminders = 0
    if trouble is None or not trouble.url:
        return
    if not is_stripe_page(trouble.url, settings()):
        log.error(
            "recurring donation %s: its invoice leads to a page that is not Stripe's", recurring.id
        )
        return
    due = min(max(trouble.attempts, 1), MOST_REMINDERS)
    if due > recurring.reminders:
        recurring.reminders = due
        letters.remind(recurring, trouble, due, facts.payer.email, now)
