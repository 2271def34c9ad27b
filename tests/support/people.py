"""What people have done, written by the services alone: quicker than over HTTP, and on any day."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import select

from config.database import db
from contacts import confirmations
from contacts.models import Contact
from contacts.services import Agreed, GivenDeed, add_contact, record_deed
from donate.models import Donation, RecurringDonation, RecurringState, State
from mail.models import OutgoingEmail
from mail.outbox import unseal
from petitions.models import Petition, Signature
from vault.services import vault
from volunteers.models import VolunteerSignup
from volunteers.services import SUBJECT

AGREED = Agreed("signature", "I agree.")
NEWS = Agreed("newsletter", "Write to me.")
CHILDREN, PARENTS = "bring-the-children-home", "home-to-their-children"


def contact_of(email: str) -> uuid.UUID:
    """Whose address it is."""
    index = vault().email_index(email)
    return db.session.scalars(select(Contact.id).where(Contact.email_index == index)).one()


def create_signature(email: str, now: datetime, slug: str = CHILDREN, *, news: bool = False) -> str:
    """A signature that waits; the token with which it is confirmed."""
    return _record(given_signature(email, slug, news=news), now)


def given_signature(email: str, slug: str = CHILDREN, *, news: bool = False) -> GivenDeed:
    """A form that was filled in."""
    petition_id = db.session.scalars(select(Petition.id).where(Petition.slug == slug)).one()
    return GivenDeed(
        model=Signature,
        kind="signature",
        mail="confirm-signature",
        subject=slug,
        email=email,
        language="en",
        details={"name": "Anna Kavalenka", "email": email, "country": "LT"},
        agreed=[AGREED, NEWS] if news else [AGREED],
        columns={"petition_id": petition_id},
        country="LT",
    )


def create_sign_up(email: str, now: datetime) -> str:
    """A volunteer who waits; the token with which the sign-up is confirmed."""
    given = GivenDeed(
        model=VolunteerSignup,
        kind="volunteer",
        mail="confirm-sign-up",
        subject=SUBJECT,
        email=email,
        language="en",
        details={"name": "Anna Kavalenka", "email": email},
        agreed=[Agreed("volunteering", "I agree.")],
    )
    return _record(given, now)


def confirm(token: str, now: datetime) -> confirmations.Outcome:
    """Follow the link in the mail."""
    outcome = confirmations.confirm(token, now).outcome
    db.session.commit()
    return outcome


def create_gift(email: str | None, now: datetime, **more: Any) -> Donation:
    """A paid gift of somebody, sealed, with a dedication."""
    return _gift(Donation, email, now, {"state": State.PAID, "paid_at": now, **more})


def create_recurring(email: str | None, now: datetime, **more: Any) -> RecurringDonation:
    """A monthly gift that goes on."""
    own = {"state": RecurringState.ACTIVE, "frequency": "month", **more}
    return _gift(RecurringDonation, email, now, own)


def _record(given: GivenDeed, now: datetime) -> str:
    before = _tokens()
    record_deed(given, now)
    db.session.commit()
    (token,) = _tokens() - before
    return token


def _tokens() -> set[str]:
    """Those in the mails that wait."""
    key = vault().mail_key()
    waiting = select(OutgoingEmail).where(OutgoingEmail.blob.is_not(None))
    params = [unseal(row.id, row.blob or b"", key)[1] for row in db.session.scalars(waiting).all()]
    db.session.rollback()
    return {one["path"].rpartition("/")[2] for one in params if "path" in one}


def _gift(model: type[Any], email: str | None, now: datetime, more: dict[str, Any]) -> Any:
    gift_id = uuid.uuid4()
    contact_id = add_contact(email, "en", "confirmed", now.date()) if email else None
    gift = model(
        id=gift_id,
        amount_minor=2_500,
        currency="EUR",
        fund="families",
        language="en",
        day=now.date(),
        created_at=now,
        contact_id=contact_id,
        sealed=vault().seal(model.__tablename__, gift_id, {"name": "Anna", "email": email}),
        dedication=vault().seal(f"{model.__tablename__}.dedication", gift_id, {"name": "Vera"}),
        dedication_note=b"a note",
        **more,
    )
    db.session.add(gift)
    db.session.commit()
    return gift
