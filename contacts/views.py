"""The link in a confirmation mail: GET shows a button, POST confirms; scanners follow links."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, make_response, redirect, render_template
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from contacts import confirmations
from contacts.confirmations import Outcome
from web.public import public_blueprint

contacts = public_blueprint("contacts", __name__)

STATUS = {Outcome.OPEN: 200, Outcome.SPENT: 200, Outcome.EXPIRED: 410, Outcome.UNKNOWN: 404}


@contacts.get("/confirm/<token>")
def confirm(token: str) -> Response:
    """Ask for a click; changes nothing."""
    return _answer(confirmations.find(token, datetime.now(UTC).date()))


@contacts.post("/confirm/<token>")
def confirmed(token: str) -> AnyResponse:
    """Confirm, then on to the page that thanks."""
    found = confirmations.confirm(token, datetime.now(UTC))
    if found.outcome is not Outcome.CONFIRMED:
        return _answer(found)
    db.session.commit()
    return redirect(found.thanks, 303)


def _answer(found: confirmations.Found) -> Response:
    page = render_template("contacts/confirm.html", found=found)
    return make_response(page, STATUS[found.outcome])
