"""Leaving the news: GET shows a button; POST, a reader's or a mail provider's, takes effect."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, make_response, render_template, request

from config.database import db
from contacts import consents
from contacts.blueprint import contacts
from contacts.unsubscribe import contact_in, is_there
from web.origin import from_other_programs

ONE_CLICK = "One-Click"
UNKNOWN, OLD = "unknown", "old"


@contacts.get("/unsubscribe/<token>")
def unsubscribe(token: str) -> Response:
    """Ask for a click; changes nothing."""
    contact_id = contact_in(token)
    if contact_id is None:
        return _page(UNKNOWN, 404)
    return _page("open" if is_there(contact_id) else OLD)


@contacts.post("/unsubscribe/<token>")
@from_other_programs
def unsubscribed(token: str) -> Response:
    """Take effect at once, without a redirect (RFC 8058 3.2); the token says that it is ours.

    Of somebody who is not there any more nothing is said to be done: another contact may have
    become theirs.
    """
    contact_id = contact_in(token)
    if contact_id is None:
        return _page(UNKNOWN, 404)
    if request.form.get("List-Unsubscribe") != ONE_CLICK:
        return _page("open", 400)
    consents.stop_news(contact_id, datetime.now(UTC).date())
    if not is_there(contact_id):  # asked afterwards: a merge at this moment is waited for
        return _page(OLD, 410)
    db.session.commit()
    return _page("done")


def _page(outcome: str, status: int = 200) -> Response:
    return make_response(render_template("contacts/unsubscribe.html", outcome=outcome), status)
