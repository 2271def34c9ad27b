"""My data: a link by e-mail, and behind it what is kept of somebody, with what they can do.

The token in the address is the secret: no cache, no index, no other site sees the address.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from config.settings import settings
from contacts import links
from contacts.my_data import services, views_address, views_changes, views_copy
from contacts.my_data.forms import AskForm
from contacts.my_data.pages import draw, my_data, owner
from contacts.my_data.words import DONE
from web.errors import UNAVAILABLE, note_unavailable
from web.public import form_page, public_page

__all__ = ["my_data", "views_address", "views_changes", "views_copy"]


@my_data.get("/my-data")
def ask() -> Response:
    """The form for a private link."""
    return public_page("my_data/ask.html", form=AskForm(formdata=None))


@my_data.post("/my-data")
def send() -> AnyResponse:
    """Take the wish for a link; the same answer and the same work for every address."""
    form = AskForm()
    if not form.is_accepted(settings().form_limit):
        return form_page("my_data/ask.html", form, form.status)
    try:
        services.ask_for_link(form.email.data or "", g.language, datetime.now(UTC))
        db.session.commit()
    except UNAVAILABLE as error:
        note_unavailable(error)
        form.put_off()
        return form_page("my_data/ask.html", form, form.status)
    return redirect(url_for("my_data.sent"), 303)


@my_data.get("/my-data/sent")
def sent() -> Response:
    """After asking: the same page for everybody."""
    return public_page("my_data/sent.html", minutes=links.MINUTES)


@my_data.get("/my-data/erased")
def erased() -> Response:
    """After erasing: there is no page of one's own any more."""
    return public_page("my_data/erased.html")


@my_data.get("/my-data/<token>")
def overview(token: str) -> Response:
    """All that can be read without the key, and what can be done about it."""
    return draw(token, owner(token), done=DONE.get(request.args.get("done", ""), ""))
