"""Leaving the news: GET shows a button; POST, a reader's or a mail provider's, takes effect."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, make_response, render_template, request

from config.database import db
from contacts import consents
from contacts.blueprint import contacts
from contacts.unsubscribe import contact_in
from web.origin import from_other_programs

ONE_CLICK = "One-Click"


@contacts.get("/unsubscribe/<token>")
def unsubscribe(token: str) -> Response:
    """Ask for a click; changes nothing."""
    return _page("open" if contact_in(token) else "unknown")


@contacts.post("/unsubscribe/<token>")
@from_other_programs
def unsubscribed(token: str) -> Response:
    """Take effect at once, without a redirect (RFC 8058 3.2); the token says that it is ours."""
    contact_id = contact_in(token)
    if contact_id is None:
        return _page("unknown")
    if request.form.get("List-Unsubscribe") != ONE_CLICK:
        return _page("open", 400)
    consents.stop_news(contact_id, datetime.now(UTC).date())
    db.session.commit()
    return _page("done")


def _page(outcome: str, status: int = 200) -> Response:
    page = render_template("contacts/unsubscribe.html", outcome=outcome)
    return make_response(page, 404 if outcome == "unknown" else status)
