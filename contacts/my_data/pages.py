"""The frame of the private pages: whose link it is, kept nowhere, with buttons that are forms."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import NoReturn

from flask import Response, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from config.database import begin_read
from contacts import links
from contacts.my_data import queries
from contacts.my_data.forms import ButtonForm
from contacts.my_data.services import PURPOSE
from contacts.my_data.words import KINDS, PURPOSES, state_of
from web.errors import RETRY_AFTER
from web.headers import PRIVATE
from web.public import public_blueprint

my_data = public_blueprint("my_data", __name__)

WORDS = {"kinds": KINDS, "purposes": PURPOSES, "state_of": state_of}


def owner(token: str) -> uuid.UUID:
    """Whose link it is; ends the request with a calm page for one that works no longer."""
    contact_id = links.find_contact(PURPOSE, token, datetime.now(UTC))
    return contact_id if contact_id is not None else refuse()


def pressed(token: str) -> uuid.UUID:
    """Whose button was pressed; draws the page anew where the form is not whole or too old."""
    contact_id, form = owner(token), ButtonForm()
    if not form.is_sound():
        abort(draw(token, contact_id, form.status, trouble=form.form_errors[0]))
    return contact_id


def draw(
    token: str, contact_id: uuid.UUID, status: int = 200, *, done: str = "", trouble: str = ""
) -> Response:
    """The page, with what was done or what went wrong."""
    if request.method == "POST":
        begin_read()
    found = queries.my_data(contact_id)
    if found is None:
        refuse()
    page = private_page(
        "my_data/overview.html", status, token=token, mine=found, done=done, trouble=trouble
    )
    if status in {429, 503}:
        page.headers["Retry-After"] = RETRY_AFTER
    return page


def private_page(template: str, status: int = 200, **context: object) -> Response:
    """A page for one person alone: nobody keeps it."""
    response = make_response(render_template(template, **WORDS, **context), status)
    response.headers["Cache-Control"] = PRIVATE
    return response


def back(token: str, done: str) -> AnyResponse:
    """To the page again, which says what was done."""
    return redirect(url_for("my_data.overview", token=token, done=done), 303)


def refuse() -> NoReturn:
    """End the request: the link works no longer, or never did."""
    abort(private_page("my_data/old_link.html", 410, minutes=links.MINUTES))
