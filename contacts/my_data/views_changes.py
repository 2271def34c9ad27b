"""What somebody changes on their own page: details, deeds, mails; and the end of it all."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask import Response, abort, g, redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from config.database import db, forget_deleted_rows
from config.settings import settings
from contacts import consents, erasure, links
from contacts.my_data import queries, services
from contacts.my_data.forms import DetailsForm
from contacts.my_data.pages import back, my_data, owner, pressed, private_page
from web.errors import UNAVAILABLE, note_unavailable


@my_data.get("/my-data/<token>/details")
def details(token: str) -> Response:
    """The form for corrected details; empty, for what is sealed cannot be shown."""
    owner(token)
    return private_page("my_data/details.html", form=DetailsForm(formdata=None), token=token)


@my_data.post("/my-data/<token>/details")
def correct(token: str) -> AnyResponse:
    """Keep them, sealed, as the newest."""
    contact_id, form = owner(token), DetailsForm()
    if not form.is_accepted(settings().form_limit):
        return private_page("my_data/details.html", form.status, form=form, token=token)
    try:
        services.correct(contact_id, links.find_address(token), form.details, datetime.now(UTC))
        db.session.commit()
    except UNAVAILABLE as error:
        note_unavailable(error)
        form.put_off()
        return private_page("my_data/details.html", form.status, form=form, token=token)
    return back(token, "details")


@my_data.get("/my-data/<token>/withdraw/<kind>/<uuid:entry_id>")
def consider(token: str, kind: str, entry_id: uuid.UUID) -> Response:
    """Say what is taken back, with one button."""
    entry = queries.find_entry(owner(token), kind, entry_id) or abort(404)
    return private_page("my_data/withdraw.html", entry=entry, token=token)


@my_data.post("/my-data/<token>/withdraw/<kind>/<uuid:entry_id>")
def withdraw(token: str, kind: str, entry_id: uuid.UUID) -> AnyResponse:
    """Take it back; a second press finds it gone and says the same."""
    services.take_back(pressed(token), kind, entry_id, datetime.now(UTC))
    db.session.commit()
    forget_deleted_rows()
    return back(token, "ended" if kind == "recurring" else "withdrawn")


@my_data.post("/my-data/<token>/news-off")
def stop_news(token: str) -> AnyResponse:
    """Unsubscribe from the news."""
    consents.stop_news(pressed(token), datetime.now(UTC).date())
    db.session.commit()
    return back(token, "news-off")


@my_data.post("/my-data/<token>/<any('discreet-on', 'discreet-off'):wish>")
def set_discreet(token: str, wish: str) -> AnyResponse:
    """Neutral mails from now on, or not."""
    services.set_discreet(pressed(token), is_discreet=wish == "discreet-on")
    db.session.commit()
    return back(token, wish)


@my_data.post("/my-data/<token>/gifts")
def to_gifts(token: str) -> AnyResponse:
    """On to the page of gifts, by a fresh link of its own: whoever came here has the mailbox."""
    contact_id = pressed(token)
    purpose = queries.giving_purpose()
    if not purpose.has_something(contact_id):
        abort(404)
    path = links.make_link(queries.GIVING, contact_id, datetime.now(UTC))
    db.session.commit()
    return redirect(purpose.path(g.language, path), 303)


@my_data.get("/my-data/<token>/erase")
def consider_erasing(token: str) -> Response:
    """Say what goes and what stays, with one button."""
    found = queries.my_data(owner(token))
    return private_page("my_data/erase.html", mine=found, token=token)


@my_data.post("/my-data/<token>/erase")
def erase(token: str) -> AnyResponse:
    """Erase everything; the link goes with it."""
    erasure.erase([pressed(token)], datetime.now(UTC))
    db.session.commit()
    forget_deleted_rows()
    return redirect(url_for("my_data.erased"), 303)
