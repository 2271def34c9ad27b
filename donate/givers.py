"""Who gave: sealed beside the gift, and the contact on whom it hangs."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import update

from config.database import db
from config.settings import settings
from contacts import consents
from contacts.models import Contact
from contacts.my_data import news
from contacts.services import add_contact
from donate.facts import Payer
from donate.models import Donation, RecurringDonation
from donate.recurring import is_erased
from vault.services import vault


def note_giver(
    donation: Donation,
    payer: Payer,
    day: date,
    mother: RecurringDonation | None = None,
    begun_as: uuid.UUID | None = None,
) -> None:
    """Seal who gave, and note their contact and their wish for news. Raises VaultMissing.

    A renewal hangs on the contact of its `mother`: Stripe keeps the first address, also where the
    giver has another one by now. Nobody is noted for a renewal of somebody who was erased, or
    where the gift that it was `begun_as` was paid before and its giver is erased.
    """
    if is_erased(mother) or _is_of_erased(donation, begun_as):
        return
    donation.sealed = _seal(donation, payer)
    donation.contact_id = mother.contact_id if mother else None
    if payer.email and donation.contact_id is None:
        donation.contact_id = _add_contact(donation, payer.email, day)
    if donation.contact_id:
        _note_wish(donation, donation.contact_id, day)


def ask_about_news(donation: Donation, to: str, now: datetime) -> None:
    """Have a wish for news confirmed by the owner of the address; one mail for each wish."""
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


def _is_of_erased(donation: Donation, begun_as: uuid.UUID | None) -> bool:
    """Whether it is the second payment of a gift that has lost its giver in the meantime."""
    if begun_as in {None, donation.id}:
        return False
    first = db.session.get(Donation, begun_as)
    refused = settings().refused_card_countries  # of whom nothing was kept in the first place
    return first is not None and first.sealed is None and first.card_country not in refused


def _seal(gift: Donation | RecurringDonation, payer: Payer) -> bytes:
    given = {"name": payer.name, "email": payer.email, "country": payer.country}
    return vault().seal(gift.__tablename__, gift.id, given)


def _note_wish(donation: Donation, contact_id: uuid.UUID, day: date) -> None:
    """Keep a wish for news as it was given; it switches nothing on.

    Stripe does not verify the address: anybody may pay with somebody else's. So a mail beside the
    thank-you asks its owner (`ask_about_news`), however well we know them.
    """
    if donation.newsletter_hash is not None:
        consents.give(contact_id, consents.NEWSLETTER, donation.newsletter_hash, donation.id, day)


def _add_contact(gift: Donation | RecurringDonation, email: str, day: date) -> uuid.UUID:
    """A contact that is kept for good, because a gift hangs on it, also one that was pending.

    The wish for discreet mails becomes a new contact's own; else it holds for the gift alone.
    """
    contact_id = add_contact(email, gift.language, "confirmed", day, bool(gift.is_discreet))
    db.session.execute(update(Contact).where(Contact.id == contact_id).values(state="confirmed"))
    return contact_id
