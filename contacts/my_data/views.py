"""My data: a link by e-mail, and behind it what is kept of somebody, with what they can do."""

from __future__ import annotations

from flask import Response, request

from contacts.my_data import views_address, views_changes, views_copy
from contacts.my_data.pages import draw, my_data, owner, pages
from contacts.my_data.words import DONE
from web.public import public_page

__all__ = ["my_data", "views_address", "views_changes", "views_copy"]

my_data.get("/my-data")(pages.ask)
my_data.post("/my-data")(pages.send)
my_data.get("/my-data/sent")(pages.sent)


@my_data.get("/my-data/erased")
def erased() -> Response:
    """After erasing: there is no page of one's own any more."""
    return public_page("my_data/erased.html")


@my_data.get("/my-data/<token>")
def overview(token: str) -> Response:
    """All that can be read without the key, and what can be done about it."""
    return draw(token, owner(token), done=DONE.get(request.args.get("done", ""), ""))
