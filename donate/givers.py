"""Who gave: sealed beside the gift, and the contact on whom it hangs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime

from flask import current_app
from sqlalchemy import exists, or_, select, update

from config.database import db
from contacts import consents
from contacts.confirmations import Confirmation
from contacts.models import Contact
from contacts.my_data import news
from contacts.services import add_contact
from donate.facts import Payer
from donate.models import Donation, RecurringDonation
from donate.recurring import is_erased
from vault.services import vault


def note_giver(
    donation: Donation, payer: Payer, day: date, mother: RecurringDonation | None = None
) -> None:
    """Seal who gave, and note their contact and their wish for news. Raises VaultMissing.

    A renewal hangs on the contact of its `mother`: Stripe keeps the first address, also where the
    giver has another one by now. Nobody is noted for a renewal of somebody who was erased.
    """
    if is_erased(mother):
        return
    donation.sealed = _seal(donation, payer)
    donation.contact_id = mother.contact_id if mother else None
    if payer.email and donation.contact_id is None:
        donation.contact_id = _add_contact(donation, payer.email, day)
    if donation.contact_id:
        _note_wish(donation, donation.contact_id, day)


def ask_about_news(donation: Donation, to: str, now: datetime) -> None:
    """Have a wish for news confirmed that nobody could confirm yet; one mail for each wish."""
    if donation.newsletter and donation.contact_id:
        db.session.flush()
        news.ask_to_confirm(
            donation.contact_id,
            donation.id,
            to,
            donation.language,
            now,
            is_discreet=bool(donation.is_discreet),
        )


def note_recurring_giver(recurring: RecurringDonation, payer: Payer, day: date) -> None:
    """The same for a recurring donation, at its first payment. Raises VaultMissing."""
    if recurring.sealed is None and not is_erased(recurring):
        recurring.sealed = _seal(recurring, payer)
        if payer.email:
            recurring.contact_id = _add_contact(recurring, payer.email, day)


def _seal(gift: Donation | RecurringDonation, payer: Payer) -> bytes:
    given = {"name": payer.name, "email": payer.email, "country": payer.country}
    return vault().seal(gift.__tablename__, gift.id, given)


def _note_wish(donation: Donation, contact_id: uuid.UUID, day: date) -> None:
    """Keep a wish for news as it was given.

    Stripe does not verify the address: anybody may pay with somebody else's. So the wish takes
    effect at once only where the owner has confirmed the address before; else a mail beside the
    thank-you asks (`ask_about_news`).
    """
    if donation.newsletter_hash is None:
        return
    if _has_confirmed(contact_id):
        db.session.execute(update(Contact).where(Contact.id == contact_id).values(newsletter=True))
    consents.give(contact_id, consents.NEWSLETTER, donation.newsletter_hash, donation.id, day)


def _add_contact(gift: Donation | RecurringDonation, email: str, day: date) -> uuid.UUID:
    """A contact that is kept for good, because a gift hangs on it, also one that was pending.

    The wish for discreet mails becomes a new contact's own; else it holds for the gift alone.
    """
    contact_id = add_contact(email, gift.language, "confirmed", day, bool(gift.is_discreet))
    db.session.execute(update(Contact).where(Contact.id == contact_id).values(state="confirmed"))
    return contact_id


def _has_confirmed(contact_id: uuid.UUID) -> bool:
    """Whether the owner of this address has ever followed a link that we sent there."""
    confirmations: Sequence[Confirmation] = current_app.extensions["vigil_confirmations"]
    models = [confirmation.model for confirmation in confirmations]
    confirmed = [
        exists().where(deed.contact_id == contact_id, deed.state != "pending") for deed in models
    ]
    return bool(db.session.scalar(select(or_(False, *confirmed))))
