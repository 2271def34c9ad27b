"""What each mail to a contact heeds: is it to be discreet, and how does one leave the news."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from config.database import db
from contacts.models import Contact
from contacts.unsubscribe import unsubscribe_path
from mail.render import discreet
from vault.services import VaultMissing, vault


def mail_params(
    contact_id: uuid.UUID | None, language: str, *, is_discreet: bool = False
) -> dict[str, str]:
    """Parameters to add to a mail's own; `is_discreet` where that is wished for without a contact.

    Who gets no news has nothing to leave.
    """
    params = discreet(is_discreet)
    row = (
        contact_id
        and db.session.execute(
            select(Contact.is_discreet, Contact.newsletter).where(Contact.id == contact_id)
        ).one_or_none()
    )
    if row:
        params |= discreet(row.is_discreet)
        if row.newsletter and contact_id:
            params["unsubscribe_path"] = unsubscribe_path(language, contact_id)
    return params


def is_discreet(email: str) -> bool:
    """Whether the contact of an address, if there is one, wants discreet mails.

    False without the index key: who cannot be found is written to as their form said.
    """
    try:
        index = vault().email_index(email)
    except VaultMissing:
        return False
    wish = select(Contact.is_discreet).where(Contact.email_index == index)
    return bool(index and db.session.scalar(wish))
