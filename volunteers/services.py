"""Signing up as a volunteer, and the steps that staff take with a sign-up."""

from __future__ import annotations

import uuid
from datetime import datetime

from flask import url_for
from sqlalchemy import insert, update

from config.database import db
from contacts import tally
from contacts.confirmations import Confirmation
from contacts.services import Agreed, GivenDeed, record_deed
from vault.services import vault
from volunteers.forms import CONSENT, NEWSLETTER, VolunteerForm
from volunteers.models import VolunteerNote, VolunteerSignup

SUBJECT = "volunteer"
REVIEW_STATES = ("new", "contacted", "active", "declined")


class AlreadyMoved(Exception):
    """Somebody else changed the sign-up's state meanwhile."""


def sign_up(form: VolunteerForm, language: str, now: datetime) -> None:
    """Write a sign-up that waits for its confirmation. Raises VaultMissing."""
    agreed = [Agreed("volunteering", str(CONSENT))]
    if form.newsletter.data:
        agreed.append(Agreed("newsletter", str(NEWSLETTER)))
    kept = ("name", "email", "phone", "country", "languages", "skills", "availability", "message")
    given = GivenDeed(
        model=VolunteerSignup,
        kind="volunteer",
        mail="confirm-sign-up",
        subject=SUBJECT,
        email=form.email.data or "",
        language=language,
        details={name: form[name].data for name in kept},
        agreed=agreed,
        country=form.country.data or "",
        is_discreet=bool(form.discreet.data),
    )
    record_deed(given, now)


def review(signup_id: uuid.UUID, from_state: str, to_state: str, now: datetime) -> None:
    """Move a confirmed sign-up to another state of review. Raises AlreadyMoved.

    Guarded by the state that the member of staff saw, so that two calls cannot cross.
    """
    if from_state not in REVIEW_STATES or to_state not in REVIEW_STATES:
        raise ValueError(to_state)
    moved = db.session.execute(
        update(VolunteerSignup)
        .where(VolunteerSignup.id == signup_id, VolunteerSignup.state == from_state)
        .values(state=to_state, reviewed_on=now.date())
        .returning(VolunteerSignup.id)
    ).first()
    if moved is None:
        raise AlreadyMoved
    if from_state != to_state:
        for state, n in ((from_state, -1), (to_state, 1)):
            db.session.execute(tally.change(f"volunteer.{state}", SUBJECT, n, now.date()))


def add_note(
    signup_id: uuid.UUID, author_id: uuid.UUID, text: str, email: str, now: datetime
) -> None:
    """Keep a sealed note on a sign-up. Raises VaultMissing.

    `email` is the one in the sign-up's own box: with it in the note's box, nobody passes the note
    off as being about somebody else by hanging it on another sign-up.
    """
    note_id, details = uuid.uuid4(), {"text": text, "email": email, "at": now.isoformat()}
    sealed = vault().seal("volunteer_note", note_id, details)
    db.session.execute(
        insert(VolunteerNote).values(
            id=note_id, signup_id=signup_id, author_id=author_id, sealed=sealed, day=now.date()
        )
    )


confirmation = Confirmation(
    kind="volunteer",
    model=VolunteerSignup,
    mail="confirm-sign-up",
    state="new",
    subject=lambda deed: SUBJECT,
    thanks=lambda deed: url_for("volunteers.thanks"),
)
