"""Links that were mailed to confirm something: a new address, or a wish for news.

GET shows a button, POST confirms; scanners of mail follow links.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask import Response, g
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from config.settings import settings
from contacts import links
from contacts.my_data import addresses, news
from contacts.my_data.address_wishes import CannotCheck
from contacts.my_data.address_wishes import ask_to_change as ask_to_change_address
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
    """Mail a link there; the same answer whether or not either address is the right one."""
    contact_id, form = owner(token), AddressForm()
    if form.is_accepted(settings().form_limit) and _is_asked(contact_id, token, form):
        return back(token, "address")
    return private_page("my_data/address.html", form.status, form=form, token=token)


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


def _is_asked(contact_id: uuid.UUID, token: str, form: AddressForm) -> bool:
    """Whether it could be asked for; where not, the form says why."""
    present, new = form.present.data or "", form.email.data or ""
    now = datetime.now(UTC)
    try:
        stands = ask_to_change_address(contact_id, token, present, new, g.language, now)
        db.session.commit()
    except CannotCheck:
        db.session.rollback()
        form.cannot_check()
        return False
    except UNAVAILABLE as error:
        note_unavailable(error)
        form.put_off()
        return False
    return stands or refuse()


def _is_whole() -> bool:
    return ButtonForm().is_sound()


def _confirm_page(what: str, status: int = 200) -> Response:
    return private_page("my_data/confirm.html", status, what=what)
