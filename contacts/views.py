"""The links in confirmation mails: GET shows a button, POST acts; scanners follow links."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, abort, g, make_response, redirect, render_template
from werkzeug.wrappers import Response as AnyResponse

from config.database import db, forget_deleted_rows
from contacts import confirmations, links, not_me, views_unsubscribe
from contacts.blueprint import contacts
from contacts.confirmations import Outcome

__all__ = ["contacts", "views_unsubscribe"]

STATUS = {
    Outcome.OPEN: 200,
    Outcome.SPENT: 200,
    Outcome.DISOWNED: 200,
    Outcome.EXPIRED: 410,
    Outcome.UNKNOWN: 404,
}


@contacts.get("/confirm/<token>")
def confirm(token: str) -> Response:
    """Ask for a click; changes nothing."""
    return _answer("confirm", confirmations.find(token, datetime.now(UTC).date()))


@contacts.post("/confirm/<token>")
def confirmed(token: str) -> AnyResponse:
    """Confirm, then on to the page that thanks."""
    found = confirmations.confirm(token, datetime.now(UTC))
    if found.outcome is not Outcome.CONFIRMED:
        return _answer("confirm", found)
    db.session.commit()
    return redirect(found.thanks, 303)


@contacts.get("/not-me/<token>")
def disown(token: str) -> Response:
    """Ask for a click; changes nothing."""
    return _answer("not_me", confirmations.find(token, datetime.now(UTC).date()))


@contacts.post("/not-me/<token>")
def disowned(token: str) -> Response:
    """Erase what somebody else entered, and say what was done."""
    found = not_me.disown(token, datetime.now(UTC))
    db.session.commit()
    if found.outcome is Outcome.DISOWNED:
        forget_deleted_rows()
    return _answer("not_me", found)


@contacts.get("/open/<token>")
def open_link(token: str) -> AnyResponse:
    """From a discreet mail, whose address does not say what it opens, to the page itself."""
    page = links.find_page(token, g.language, datetime.now(UTC))
    return redirect(page, 303) if page else abort(410)


def _answer(page: str, found: confirmations.Found) -> Response:
    drawn = render_template(f"contacts/{page}.html", found=found)
    return make_response(drawn, STATUS[found.outcome])
