"""What becomes of a donation: started, open at Stripe's, and the one place where it is paid."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from flask import current_app, url_for
from flask_babel import force_locale
from sqlalchemy import exists, insert, or_, select, update

from config.database import db, insert_or_update
from config.settings import settings
from contacts import tally
from contacts.confirmations import Confirmation
from contacts.models import Consent, Contact
from contacts.services import Agreed, add_contact, consent_text
from donate.forms import NEWSLETTER, DonationForm
from donate.funds import fund_name
from donate.gateway import CheckoutOrder, CheckoutSession, Event, PaymentFacts
from donate.models import BEFORE, Donation, State, StripeEvent
from donate.money import format_amount
from mail import outbox
from vault.services import vault
from web.countries import COUNTRY_CODES

log = logging.getLogger("vigil.donate")

SESSION_LIFETIME = timedelta(hours=1)  # Stripe wants 30 minutes to 24 hours
THANKS_LIFETIME = timedelta(hours=72)


def start_checkout(form: DonationForm, language: str, now: datetime) -> Donation:
    """Write down what somebody is about to give. Flushes. Raises VaultMissing.

    Without the vault nothing is begun: the donor's details could not be kept when they come.
    """
    vault().active()
    wish = None
    if form.newsletter.data:
        wish = consent_text(Agreed("newsletter", str(NEWSLETTER)), language, now.date())
    donation = Donation(
        amount_minor=form.amount_minor,
        currency=form.currency.data,
        fund=form.fund.data,
        frequency=form.frequency.data,
        language=language,
        newsletter_hash=wish,
        state=State.CREATED,
        day=now.date(),
        created_at=now,
    )
    db.session.add(donation)
    db.session.flush()
    return donation


def order_checkout(donation: Donation, attempt: int = 1) -> CheckoutOrder:
    """What to ask Stripe for; made of the row alone, so that it is the same after a restart."""
    base = settings().base_url
    thanks = url_for("donate.thanks", language=donation.language)
    cancelled = url_for("donate.cancelled", language=donation.language)
    return CheckoutOrder(
        donation_id=donation.id,
        amount_minor=donation.amount_minor,
        currency=donation.currency,
        language=donation.language,
        expires_at=donation.created_at + SESSION_LIFETIME,
        success_url=f"{base}{thanks}?session_id={{CHECKOUT_SESSION_ID}}",
        cancel_url=f"{base}{cancelled}",
        attempt=attempt,
    )


def mark_open(donation_id: uuid.UUID, session: CheckoutSession) -> None:
    """Note the session; moves nothing back where its webhook was quicker."""
    db.session.execute(
        update(Donation)
        .where(Donation.id == donation_id, Donation.state == State.CREATED)
        .values(stripe_session_id=session.id, state=State.OPEN)
    )


def mark_refused(donation_id: uuid.UUID) -> None:
    """Stripe would not take it: there will be no session."""
    db.session.execute(
        update(Donation)
        .where(Donation.id == donation_id, Donation.state == State.CREATED)
        .values(state=State.FAILED)
    )


def record_event(event: Event, day: date) -> bool:
    """Note an event as dealt with; False where another copy of it was quicker."""
    statement = insert_or_update(StripeEvent).values(
        id=event.id,
        type=event.type[:80],
        object_id=event.object_id,
        day=day,
        livemode=event.livemode,
    )
    added = db.session.execute(statement.on_conflict_do_nothing().returning(StripeEvent.id))
    return added.first() is not None


def record_payment(facts: PaymentFacts, now: datetime) -> Donation | None:
    """Move a donation to where Stripe says it stands, forward only; the donation, None if not ours.

    The one way for webhook, thanks page and whatever comes later: of any number of calls in any
    order one makes the donation paid, counts it and queues the thank-you. Raises VaultMissing and
    VolatileKeysUnreachable; the caller rolls back or commits.
    """
    donation_id = _find(facts)
    if donation_id is None:
        log.warning("a Checkout Session that belongs to no donation of ours")
        return None
    donation = _move(donation_id, facts, now)
    if donation is not None and facts.state is State.PAID:
        _take_in(donation, facts, now)
        db.session.flush()
    return donation or db.session.get(Donation, donation_id, populate_existing=True)


def _find(facts: PaymentFacts) -> uuid.UUID | None:
    """By the session, or by our mark on it: the webhook may come before we noted the session."""
    by_session = select(Donation.id).where(Donation.stripe_session_id == facts.session_id)
    by_mark = select(Donation.id).where(Donation.id == facts.donation_id)
    return db.session.scalar(by_session) or db.session.scalar(by_mark)


def _move(donation_id: uuid.UUID, facts: PaymentFacts, now: datetime) -> Donation | None:
    """The guarded step: one statement, so that of two at once the second finds nothing to move."""
    before = BEFORE.get(facts.state, ())
    statement = update(Donation).where(Donation.id == donation_id, Donation.state.in_(before))
    values: dict[str, object] = {"state": facts.state, "stripe_session_id": facts.session_id}
    if facts.payment_intent_id:
        values["stripe_payment_intent_id"] = facts.payment_intent_id
    if facts.state is State.PAID:
        known = db.session.execute(
            select(Donation.amount_minor, Donation.currency).where(Donation.id == donation_id)
        ).one()
        if tuple(known) != (facts.amount_minor, facts.currency):
            log.warning("donation %s: Stripe took another amount or currency", donation_id)
        values |= {
            "paid_at": now,
            "amount_minor": facts.amount_minor,
            "currency": facts.currency,
        }
    else:  # another session of the same donation says nothing of this one
        is_this = or_(
            Donation.stripe_session_id.is_(None), Donation.stripe_session_id == facts.session_id
        )
        statement = statement.where(is_this)
    return db.session.execute(
        statement.values(values).returning(Donation).execution_options(populate_existing=True)
    ).scalar_one_or_none()


def _take_in(donation: Donation, facts: PaymentFacts, now: datetime) -> None:
    """All that follows from being paid, in the transaction that makes it so."""
    country = facts.country if facts.country in COUNTRY_CODES else ""
    given = {"name": facts.name, "email": facts.email, "country": facts.country}
    donation.sealed = vault().seal(Donation.__tablename__, donation.id, given)
    kind, fund, day = donation.currency, donation.fund, now.date()
    db.session.execute(tally.change(f"donation.count.{kind}", fund, 1, day, country or ""))
    db.session.execute(tally.change(f"donation.amount.{kind}", fund, donation.amount_minor, day))
    if facts.email:
        donation.contact_id = _note_giver(donation, facts.email, day)
        _thank(donation, facts.email, now)


def _note_giver(donation: Donation, email: str, day: date) -> uuid.UUID:
    """The contact of whoever gave, kept for good because a gift hangs on it.

    Stripe does not verify the address: anybody may pay with somebody else's. So a wish for news is
    kept as it was given, and takes effect only where the owner has confirmed the address before.
    """
    contact_id = add_contact(email, donation.language, "confirmed", day)
    values: dict[str, object] = {"state": "confirmed"}
    if donation.newsletter:
        if _has_confirmed(contact_id):
            values["newsletter"] = True
        db.session.execute(
            insert(Consent).values(
                id=uuid.uuid4(),
                contact_id=contact_id,
                deed_id=donation.id,
                purpose="newsletter",
                text_hash=donation.newsletter_hash,
                is_given=True,
                day=day,
            )
        )
    db.session.execute(update(Contact).where(Contact.id == contact_id).values(values))
    return contact_id


def _has_confirmed(contact_id: uuid.UUID) -> bool:
    """Whether the owner of this address has ever followed a link that we sent there."""
    confirmations: Sequence[Confirmation] = current_app.extensions["vigil_confirmations"]
    models = [confirmation.model for confirmation in confirmations]
    confirmed = [
        exists().where(deed.contact_id == contact_id, deed.state != "pending") for deed in models
    ]
    return bool(db.session.scalar(select(or_(False, *confirmed))))


def _thank(donation: Donation, email: str, now: datetime) -> None:
    language = donation.language
    with force_locale(language):
        params = {
            "amount": format_amount(donation.amount_minor, donation.currency, language),
            "fund": fund_name(donation.fund, language),
            "statement_name": settings().statement_name,
        }
    outbox.enqueue(
        kind="thank-you",
        idem_key=f"thank-you:{donation.id}",
        language=language,
        to=email,
        params=params,
        now=now,
        lifetime=THANKS_LIFETIME,
    )
