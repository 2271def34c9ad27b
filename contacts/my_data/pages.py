"""The frame of the private pages: whose link it is, kept nowhere, with buttons that are forms."""

from __future__ import annotations

import uuid

from flask import Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from config.database import begin_read
from contacts.my_data import queries
from contacts.my_data.forms import ButtonForm
from contacts.my_data.services import PURPOSE
from contacts.my_data.words import KINDS, PURPOSES, state_of
from contacts.views_private import PrivatePages
from web.public import drawn_page, public_blueprint

my_data = public_blueprint("my_data", __name__)
pages = PrivatePages(PURPOSE, my_data.name)
owner, refuse = pages.owner, pages.refuse

WORDS = {"kinds": KINDS, "purposes": PURPOSES, "state_of": state_of}


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
    return private_page(
        "my_data/overview.html", status, token=token, mine=found, done=done, trouble=trouble
    )


def private_page(template: str, status: int = 200, **context: object) -> Response:
    """A page of this room, with the words for what is kept."""
    return drawn_page(template, status, **WORDS, **context)


def back(token: str, done: str) -> AnyResponse:
    """To the page again, which says what was done."""
    return redirect(url_for("my_data.overview", token=token, done=done), 303)
