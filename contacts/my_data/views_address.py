"""Links that were mailed to confirm something: a new address, or a wish for news.

GET shows a button, POST confirms; scanners of mail follow links.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, g
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from config.settings import settings
from contacts import links
from contacts.my_data import addresses, news
from contacts.my_data.forms import AddressForm, ButtonForm
from contacts.my_data.pages import back, my_data, owner, private_page, refuse
from web.errors import UNAVAILABLE, note_unavailable


@my_data.get("/my-data/<token>/address")
def address(token: str) -> Response:
    """The form for a new address."""
    owner(token)
    return private_page("my_data/address.html", form=AddressForm(formdata=None), token=token)


@my_data.post("/my-data/<token>/address")
def ask_to_change(token: str) -> AnyResponse:
    """Mail a link there; the same answer whether or not the address is known."""
    contact_id, form = owner(token), AddressForm()
    if not form.is_accepted(settings().form_limit):
        return private_page("my_data/address.html", form.status, form=form, token=token)
    try:
        email = form.email.data or ""
        addresses.ask_to_change(contact_id, email, g.language, datetime.now(UTC))
        db.session.commit()
    except UNAVAILABLE as error:
        note_unavailable(error)
        form.put_off()
        return private_page("my_data/address.html", form.status, form=form, token=token)
    return back(token, "address")


@my_data.get("/my-data/address/<token>")
def new_address(token: str) -> Response:
    """Ask for a click; changes nothing."""
    if addresses.find_change(token, datetime.now(UTC)) is None:
        refuse()
    return _confirm_page("address")


@my_data.post("/my-data/address/<token>")
def confirm_address(token: str) -> Response:
    """Put the new address in force."""
    if not _is_whole():
        return _confirm_page("address", 422)
    if not addresses.confirm_change(token, datetime.now(UTC)):
        refuse()
    db.session.commit()
    return private_page("my_data/confirmed.html", what="address")


@my_data.get("/my-data/news/<token>")
def news_wish(token: str) -> Response:
    """Ask for a click; changes nothing."""
    if links.find_contact(news.PURPOSE, token, datetime.now(UTC)) is None:
        refuse()
    return _confirm_page("news")


@my_data.post("/my-data/news/<token>")
def confirm_news(token: str) -> Response:
    """Switch the news on."""
    if not _is_whole():
        return _confirm_page("news", 422)
    if not news.confirm(token, datetime.now(UTC)):
        refuse()
    db.session.commit()
    return private_page("my_data/confirmed.html", what="news")


def _is_whole() -> bool:
    return ButtonForm().is_sound()


def _confirm_page(what: str, status: int = 200) -> Response:
    return private_page("my_data/confirm.html", status, what=what)
