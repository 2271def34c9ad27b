"""The door's second question: passphrase and code given anew, with what was posted carried on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from flask import g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from staff import audit
from staff.access import SignedIn, signed_in, staff
from staff.door import sessions
from staff.door import sign_in as signing
from staff.door.step_up import PASSPHRASE, PREFIX, carried_on, is_fresh
from staff.door.views_sign_in import next_page, try_proof
from staff.forms import ProofForm
from staff.permissions import SIGNED_IN, needs


@staff.post("/step-up")
@needs(SIGNED_IN)
def step_up() -> AnyResponse:
    """On to the page that asked for it, once passphrase and code are right."""
    return ask_again(signed_in(), datetime.now(UTC), request.full_path) or redirect(
        next_page(), 303
    )


def stop(me: SignedIn, now: datetime) -> AnyResponse | None:
    """The page that asks, where passphrase and code were not given a moment ago; else None.

    A form is carried on to its own address; a page that is only read is come back to.
    """
    if is_fresh(me.stepped_up_at, now):
        return None
    if request.method == "POST":
        return ask_again(me, now, request.full_path.rstrip("?"))
    came_from = request.full_path.rstrip("?")
    return _page(ProofForm(formdata=None, prefix=PREFIX), url_for("staff.step_up", next=came_from))


def ask_again(me: SignedIn, now: datetime, action: str) -> AnyResponse | None:
    """Ask for passphrase and code, or take them where they were posted: None when right."""
    if PASSPHRASE not in request.form:
        return _page(ProofForm(formdata=None, prefix=PREFIX), action)
    form = ProofForm(prefix=PREFIX)
    if not form.validate():
        return _page(form, action, 422)
    typed = form.passphrase.data or "", form.code.data or ""
    try:
        try_proof(me.name, lambda: signing.find_account_of(me.id), typed, now)
    except signing.Refused as refusal:
        form.form_errors.append(_words(refusal))
        return _page(form, action, refusal.status)
    _renew(me, now)
    return None


def _renew(me: SignedIn, now: datetime) -> None:
    """Another token for the session, which counts as stepped up from now on."""
    signing.forget_attempts(me.name, now)
    g.renewed_token = sessions.renew_session(sessions.token_in_request(), now)
    audit.record("staff.stepped-up", now, actor=me.id, subject=("staff", me.id))
    db.session.commit()
    g.staff = replace(me, stepped_up_at=now)


def _words(refusal: signing.Refused) -> str:
    """Who is signed in needs no riddle about the name."""
    if refusal.status == 422:
        return str(_("That was not right. A code works only once: wait for the next one."))
    return str(refusal)


def _page(form: ProofForm, action: str, status: int = 422) -> AnyResponse:
    page = render_template("staff/step_up.html", form=form, action=action, carried=carried_on())
    return make_response(page, status)
