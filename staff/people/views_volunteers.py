"""Volunteers: who waits, the steps of review, notes."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from staff import queries, services
from staff.access import opener, signed_in, staff
from staff.forms import NoteForm, ReviewForm
from staff.log.views_sightings import note_listed
from staff.people import deeds
from staff.people.current import open_current
from staff.people.deeds import PAGE
from staff.people.persons import address_in_signup
from staff.people.views_contacts import person_page
from staff.permissions import needs
from staff.words import STATES, called
from volunteers.services import REVIEW_STATES, AlreadyMoved


@staff.get("/volunteers")
@needs("review-volunteers")
def volunteers() -> str:
    """Volunteers in one state, who has waited longest first."""
    state = request.args.get("state", "new")
    if state not in (*REVIEW_STATES, "pending"):
        abort(404)
    rows = deeds.volunteers_in(state, request.args.get("after", ""))
    page = render_template(
        "staff/volunteers.html",
        state=state,
        counts=queries.read_figures(datetime.now(UTC).date()).volunteers(),
        deeds=open_current(rows[:PAGE], opener()),
        next_place=rows[PAGE - 1].place if len(rows) > PAGE else None,
    )
    note_listed([row.contact_id for row in rows[:PAGE]], kind="volunteer", state=state)
    return page


@staff.post("/volunteers/<uuid:signup_id>/review")
@needs("review-volunteers")
def review_volunteer(signup_id: uuid.UUID) -> AnyResponse:
    """Move a volunteer on, unless somebody else did meanwhile."""
    form, contact_id = ReviewForm(), _contact_of(signup_id)
    if not form.validate() or form.seen.data not in REVIEW_STATES:
        flash(_first_error(form), "bad")
        return _again(contact_id, signup_id, form, 422)
    to, now = form.state.data, datetime.now(UTC)
    try:
        services.review_volunteer(signup_id, form.seen.data, to, signed_in().id, now)
    except AlreadyMoved:
        db.session.rollback()
        flash(
            _("Somebody else has moved this volunteer meanwhile. Your change was not saved."), "bad"
        )
        return _again(contact_id, signup_id, form, 409)
    if form.note.data:
        _keep_note(signup_id, form.note.data, now)
    db.session.commit()
    flash(_("The volunteer's state is now: %(state)s.", state=called(STATES, to)), "good")
    return _back(contact_id)


@staff.post("/volunteers/<uuid:signup_id>/notes")
@needs("review-volunteers")
def note_on_volunteer(signup_id: uuid.UUID) -> AnyResponse:
    """Keep a note."""
    form, contact_id = NoteForm(), _contact_of(signup_id)
    if not form.validate():
        flash(_first_error(form), "bad")
        return _again(contact_id, signup_id, form, 422)
    _keep_note(signup_id, form.note.data or "", datetime.now(UTC))
    db.session.commit()
    flash(_("The note is kept, sealed."), "good")
    return _back(contact_id)


def _keep_note(signup_id: uuid.UUID, text: str, now: datetime) -> None:
    email = address_in_signup(signup_id, opener())
    services.note_on_volunteer(signup_id, text, email, signed_in().id, now)


def _contact_of(signup_id: uuid.UUID) -> uuid.UUID:
    return deeds.contact_of(signup_id) or abort(404)


def _back(contact_id: uuid.UUID) -> AnyResponse:
    """To the top of the person's page, where the answer stands."""
    return redirect(url_for("staff.person", contact_id=contact_id), 303)


def _again(
    contact_id: uuid.UUID, signup_id: uuid.UUID, form: ReviewForm | NoteForm, status: int
) -> AnyResponse:
    """The person's page anew, with the note as it was typed."""
    page = person_page(contact_id, {signup_id: form.note.data or ""})
    return make_response(page, status)


def _first_error(form: ReviewForm | NoteForm) -> str:
    errors = [error for field in form for error in field.errors]
    return str(errors[0]) if errors else _("Choose the new state.")
