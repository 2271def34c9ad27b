"""Which donation a payment is: found by what Stripe calls it or by our mark, or begun here.

What is found is locked until the transaction ends (on SQLite the write lock does that).
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime

from config.database import db, insert_or_update
from donate.books.services import lock_where
from donate.facts import PaymentFacts
from donate.models import Donation, Method, RecurringDonation, Review, State

log = logging.getLogger("vigil.donate")

_WISH = (
    "fund", "campaign", "frequency", "language", "amount_minor", "currency", "is_discreet",
)  # fmt: skip


def find(facts: PaymentFacts, mother: RecurringDonation | None, now: datetime) -> Donation | None:
    """The donation of a payment; None where it is not ours, or there is nothing to write yet."""
    if facts.invoice_id is None:
        return _find_single(facts)
    if mother is None:
        log.warning("an invoice that belongs to no recurring donation of ours")
        return None
    return _find_renewal(facts, mother, now)


def _find_single(facts: PaymentFacts) -> Donation | None:
    """By the session, or by our mark on it: the webhook may come before we noted the session.

    Another session of the same donation says nothing of this one, unless it is paid. Where both
    are, the second becomes a donation of its own: no money is lost.
    """
    donation = _by("stripe_session_id", facts.session_id) or _by("id", facts.donation_id)
    if donation is None:
        log.warning("a Checkout Session that belongs to no donation of ours")
        return None
    if donation.stripe_session_id in {None, facts.session_id}:
        return donation
    if facts.state != State.PAID:
        return None
    return _add_twin(donation, facts) if donation.state == State.PAID else donation


def _find_renewal(facts: PaymentFacts, mother: RecurringDonation, now: datetime) -> Donation | None:
    """The donation of one invoice; begun when money is on its way, or went through the balance."""
    donation = _by("stripe_invoice_id", facts.invoice_id)
    is_on_its_way = facts.state in {State.PENDING, State.PAID}
    has_moved = facts.charge is not None and bool(facts.charge.movements)
    if donation is not None or not (is_on_its_way or has_moved):
        return donation
    at = facts.paid_at or now
    own = {
        "amount_minor": facts.amount_minor,
        "currency": facts.currency,
        "fee_cover_minor": 0,  # kept with the recurring donation, whose amount may change
        # the wish for news was told once, so it goes with the first gift alone
        "newsletter_hash": None if mother.sealed else mother.newsletter_hash,
        "recurring_id": mother.id,
        "day": at.date(),
        "created_at": at,
    }
    return _add("stripe_invoice_id", facts.invoice_id, _wish_of(mother) | own)


def _add_twin(first: Donation, facts: PaymentFacts) -> Donation | None:
    log.warning("donation %s: the donor has paid it twice", first.id)
    own = {
        "fee_cover_minor": first.fee_cover_minor,
        "day": first.day,
        "created_at": first.created_at,
    }
    return _add("stripe_session_id", facts.session_id, _wish_of(first) | own)


def _wish_of(gift: Donation | RecurringDonation) -> dict[str, object]:
    return {name: getattr(gift, name) for name in _WISH}


def _add(column: str, key: str | None, values: dict[str, object]) -> Donation | None:
    """A donation known by something of Stripe's, unless another was quicker to add it."""
    fixed = {
        "id": uuid.uuid4(),
        "state": State.CREATED,
        "method": Method.ONLINE,
        "review": Review.NONE,
        "card_country": "",
    }
    db.session.execute(
        insert_or_update(Donation)
        .values(fixed | values | {column: key})
        .on_conflict_do_nothing(index_elements=[column])
    )
    return _by(column, key)


def _by(column: str, value: object) -> Donation | None:
    return None if value is None else lock_where(getattr(Donation, column) == value)
