"""What donors and staff begin: a gift on its way to Stripe, one that came offline, a release.

What Stripe says of a gift afterwards is written by donate.recording.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from flask import url_for
from sqlalchemy import update

from config.database import db, insert_or_update
from config.settings import settings
from contacts.services import Agreed, consent_text
from donate import counts, givers, notes
from donate.at_stripe.orders import CheckoutOrder
from donate.books.models import Kind
from donate.books.services import add_offline_line, left_minor, lock, lock_where
from donate.facts import Payer
from donate.forms import NEWSLETTER, DonationForm
from donate.gateway import CheckoutSession
from donate.models import (
    BEFORE,
    Donation,
    Method,
    RecurringDonation,
    RecurringState,
    Review,
    State,
)
from donate.recording import thank
from vault.services import vault

SESSION_LIFETIME = timedelta(hours=1)  # Stripe wants 30 minutes to 24 hours
NOON = time(12, tzinfo=UTC)
Gift = Donation | RecurringDonation


class AlreadyRecorded(Exception):
    """This offline gift is in the books: the form was sent twice, or the reference is spent."""

    def __init__(self, donation_id: uuid.UUID) -> None:
        super().__init__(str(donation_id))
        self.donation_id = donation_id


class NotHeld(Exception):
    """The gift waits for nobody: somebody was quicker."""


@dataclass(frozen=True)
class OfflineGift:
    """A transfer or cash that has arrived, as staff enter it."""

    method: Method
    amount_minor: int
    currency: str
    fund: str
    day: date  # of arrival
    campaign: str = ""
    reference: str = ""  # of an announced transfer, or whatever stands on the statement
    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    language: str = "en"
    gift_id: uuid.UUID | None = None  # made with the form, so that a second click is none


def start_checkout(
    form: DonationForm, language: str, now: datetime, gift_id: uuid.UUID | None = None
) -> Gift:
    """Write down what somebody is about to give. Flushes. Raises VaultMissing.

    Without the vault nothing is begun: the donor's details could not be kept when they come.
    """
    vault().active()
    wish = None
    if form.newsletter.data:
        wish = consent_text(Agreed("newsletter", str(NEWSLETTER)), language, now.date())
    kind = RecurringDonation if form.is_recurring else Donation
    gift = kind(
        id=gift_id or uuid.uuid4(),
        amount_minor=form.amount_minor,
        fee_cover_minor=form.fee_cover_minor,
        currency=form.currency.data,
        fund=form.fund.data,
        campaign=form.campaign.data,
        frequency=form.frequency.data,
        language=language,
        newsletter_hash=wish,
        is_discreet=bool(form.discreet.data),
        day=now.date(),
        created_at=now,
    )
    if form.dedication_given:
        notes.add_dedication(gift, form.dedication_given)
    db.session.add(gift)
    db.session.flush()
    return gift


def order_checkout(gift: Gift, attempt: int = 1) -> CheckoutOrder:
    """What to ask Stripe for; made of the row alone, so that it is the same after a restart."""
    base = settings().base_url
    thanks = url_for("donate.thanks", language=gift.language)
    cancelled = url_for("donate.cancelled", language=gift.language)
    return CheckoutOrder(
        gift_id=gift.id,
        amount_minor=gift.amount_minor,
        currency=gift.currency,
        language=gift.language,
        expires_at=gift.created_at + SESSION_LIFETIME,
        success_url=f"{base}{thanks}?session_id={{CHECKOUT_SESSION_ID}}",
        cancel_url=f"{base}{cancelled}",
        attempt=attempt,
        frequency=gift.frequency,
    )


def mark_open(gift_id: uuid.UUID, session: CheckoutSession) -> None:
    """Note the session; moves nothing back where its webhook was quicker."""
    _move_created(gift_id, State.OPEN, RecurringState.OPEN, stripe_session_id=session.id)


def mark_refused(gift_id: uuid.UUID) -> None:
    """Stripe would not take it: there will be no session."""
    _move_created(gift_id, State.FAILED, RecurringState.EXPIRED, dedication_note=None)


def _move_created(
    gift_id: uuid.UUID, state: State, recurring_state: RecurringState, **values: object
) -> None:
    for model, to in ((Donation, state), (RecurringDonation, recurring_state)):
        db.session.execute(
            update(model)
            .where(model.id == gift_id, model.state == State.CREATED)
            .values(state=to, **values)
        )


def release(donation: Donation, email: str | None, now: datetime) -> None:
    """A person has looked at a held gift: it is thanked for, unless it went back. Flushes.

    `email` is what staff have opened; empty where the donor is unknown. Raises NotHeld.
    """
    released = db.session.execute(
        update(Donation)
        .where(Donation.id == donation.id, Donation.review == Review.HELD)
        .values(review=Review.RELEASED)
        .returning(Donation.id)
    )
    if released.first() is None:
        raise NotHeld
    if left_minor(donation):
        thank(donation, email, now)
    db.session.flush()


def record_offline(gift: OfflineGift, now: datetime) -> Donation:
    """Book a transfer or cash that has arrived, and thank for it. Flushes.

    A transfer that was announced under this reference becomes paid with what really came; fund,
    campaign, language and dedication stay as announced. Raises AlreadyRecorded, VaultMissing.
    """
    donation = _find_announced(gift) or _add_offline(gift, now)
    if donation.state not in BEFORE[State.PAID]:
        raise AlreadyRecorded(donation.id)
    donation.state, donation.method = State.PAID, gift.method
    donation.amount_minor, donation.currency = gift.amount_minor, gift.currency
    donation.day = gift.day
    donation.paid_at = now if gift.day == now.date() else datetime.combine(gift.day, NOON)
    counts.count_paid(donation, gift.day)
    add_offline_line(donation, Kind.GIFT, gift.amount_minor, gift.day)
    if gift.name or gift.email:
        payer = Payer(name=gift.name or None, email=gift.email or None)
        givers.note_giver(donation, payer, gift.day)
    thank(donation, gift.email, now)
    db.session.flush()
    return donation


def _find_announced(gift: OfflineGift) -> Donation | None:
    return lock_where(Donation.reference == gift.reference) if gift.reference else None


def _add_offline(gift: OfflineGift, now: datetime) -> Donation:
    """A row of its own; of two clicks on one form the first one's. Raises AlreadyRecorded."""
    gift_id = gift.gift_id or uuid.uuid4()
    added = db.session.execute(
        insert_or_update(Donation)
        .values(
            id=gift_id,
            method=gift.method,
            state=State.CREATED,
            review=Review.NONE,
            card_country="",
            amount_minor=gift.amount_minor,
            fee_cover_minor=0,
            currency=gift.currency,
            fund=gift.fund,
            campaign=gift.campaign,
            frequency="once",
            language=gift.language,
            is_discreet=False,
            reference=gift.reference or None,
            day=gift.day,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(Donation.id)
    ).first()
    found = lock(gift_id) or _find_announced(gift)
    if found is None or not added:
        raise AlreadyRecorded(found.id if found else gift_id)
    return found
