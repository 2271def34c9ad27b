"""Who gave: sealed beside the gift, and the contact on whom it hangs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

from flask import current_app
from sqlalchemy import exists, insert, or_, select, update

from config.database import db
from contacts.confirmations import Confirmation
from contacts.models import Consent, Contact
from contacts.services import add_contact
from donate.facts import Payer
from donate.models import Donation, RecurringDonation
from vault.services import vault


def note_giver(donation: Donation, payer: Payer, day: date) -> None:
    """Seal who gave, and note their contact and their wish for news. Raises VaultMissing."""
    donation.sealed = _seal(donation, payer)
    if payer.email:
        donation.contact_id = _note_contact(donation, payer.email, day)


def note_recurring_giver(recurring: RecurringDonation, payer: Payer, day: date) -> None:
    """The same for a recurring donation, at its first payment. Raises VaultMissing."""
    if recurring.sealed is None:
        recurring.sealed = _seal(recurring, payer)
        if payer.email:
            recurring.contact_id = _add_contact(payer.email, recurring.language, day)


def _seal(gift: Donation | RecurringDonation, payer: Payer) -> bytes:
    given = {"name": payer.name, "email": payer.email, "country": payer.country}
    return vault().seal(gift.__tablename__, gift.id, given)


def _note_contact(donation: Donation, email: str, day: date) -> uuid.UUID:
    """The contact of whoever gave.

    Stripe does not verify the address: anybody may pay with somebody else's. So a wish for news is
    kept as it was given, and takes effect only where the owner has confirmed the address before.
    """
    contact_id = _add_contact(email, donation.language, day)
    if donation.newsletter:
        if _has_confirmed(contact_id):
            db.session.execute(
                update(Contact).where(Contact.id == contact_id).values(newsletter=True)
            )
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
    return contact_id


def _add_contact(email: str, language: str, day: date) -> uuid.UUID:
    """A contact that is kept for good, because a gift hangs on it, also one that was pending."""
    contact_id = add_contact(email, language, "confirmed", day)
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
