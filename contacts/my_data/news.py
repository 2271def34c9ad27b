"""A wish for news that came with a gift: it takes effect once the address is confirmed.

Anybody may pay with somebody else's address, so the owner is asked; who does nothing gets no news.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from config.database import db
from config.settings import settings
from contacts import consents, links
from contacts.models import Contact, PrivateLink
from contacts.services import hash_of, token_from_path, token_path
from contacts.wishes import mail_params
from mail import outbox

PURPOSE = "newsletter"
DAYS = 7
WORKS = timedelta(days=DAYS)


def ask_to_confirm(
    contact_id: uuid.UUID,
    wish_id: uuid.UUID,
    email: str,
    language: str,
    now: datetime,
    *,
    is_discreet: bool = False,
) -> bool:
    """Mail a link that confirms a wish for news, once for each wish. Flushes.

    False where news are on already, the wish was taken back, or the mail was queued before.
    """
    waits = select(Contact.id).where(Contact.id == contact_id, Contact.newsletter.is_(False))
    if db.session.scalar(waits) is None or not consents.stands(contact_id, consents.NEWSLETTER):
        return False
    token = secrets.token_bytes(32)
    is_queued = outbox.enqueue(
        kind="confirm-newsletter",
        idem_key=f"confirm-newsletter:{wish_id}",
        language=language,
        to=email,
        params={
            "path": f"/{language}/my-data/news/{token_path(token)}",
            **mail_params(contact_id, language, is_discreet=is_discreet),
        },
        now=now,
        cap=settings().mails_per_address,
    )
    if is_queued:
        links.keep_link(token, PURPOSE, contact_id, now + WORKS)
    return is_queued


def confirm(path: str, now: datetime) -> bool:
    """Switch the news on, once; False for a link that works no longer. Flushes.

    Whoever took the consent back in the meantime gets none.
    """
    used = delete(PrivateLink).where(
        PrivateLink.hash == hash_of(token_from_path(path)),
        PrivateLink.purpose == PURPOSE,
        PrivateLink.expires_at > now,
    )
    contact_id = db.session.scalar(used.returning(PrivateLink.contact_id))
    if contact_id is None or not consents.stands(contact_id, consents.NEWSLETTER):
        return False
    row = update(Contact).where(Contact.id == contact_id)
    db.session.execute(row.values(newsletter=True, state="confirmed"))
    return True
