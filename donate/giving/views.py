"""My giving, without an account: a link by e-mail, and behind it the gifts and a yearly statement.

The token in the address is the secret: no cache, no index, no other site sees the address.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn

from flask import Response, abort, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from config.database import begin_read, db
from config.settings import settings
from contacts import links
from donate.funds import fund_name
from donate.giving import queries, services, statement
from donate.giving.forms import LinkForm, StatementForm
from donate.giving.statement import Receiver
from donate.giving.words import DONE, GIFT_STATES, METHODS, RECURRING_STATES
from donate.money import format_amount
from web.errors import RETRY_AFTER, UNAVAILABLE, note_unavailable
from web.headers import PRIVATE
from web.public import form_page, public_blueprint, public_page

giving = public_blueprint("giving", __name__)

WORDS = {"gift_states": GIFT_STATES, "methods": METHODS, "recurring_states": RECURRING_STATES}


@giving.get("/donate/manage")
def ask() -> Response:
    """The form for a private link."""
    return public_page("giving/ask.html", form=LinkForm(formdata=None))


@giving.post("/donate/manage")
def send() -> AnyResponse:
    """Take the wish for a link; the same answer and the same work for every address."""
    form = LinkForm()
    if not form.is_accepted(settings().form_limit):
        return form_page("giving/ask.html", form, form.status)
    try:
        services.ask_for_link(form.email.data or "", g.language, datetime.now(UTC))
        db.session.commit()
    except UNAVAILABLE as error:
        note_unavailable(error)
        form.put_off()
        return form_page("giving/ask.html", form, form.status)
    return redirect(url_for("giving.sent"), 303)


@giving.get("/donate/manage/sent")
def sent() -> Response:
    """After asking: the same page for everybody."""
    return public_page("giving/sent.html", minutes=links.MINUTES)


@giving.get("/donate/manage/back")
def back() -> Response:
    """Where Stripe's pages lead back to: Stripe is not told the private address."""
    return public_page("giving/back.html")


@giving.get("/donate/manage/<token>")
def gifts(token: str) -> Response:
    """The gifts and recurring gifts of the one who has the link."""
    return draw(token, owner(token), done=request.args.get("done", ""))


@giving.get("/donate/manage/<token>/statement")
def no_statement(token: str) -> AnyResponse:
    """Somebody loads the answer to the form again: there is none to keep."""
    return redirect(url_for("giving.gifts", token=token), 303)


@giving.post("/donate/manage/<token>/statement")
def make_statement(token: str) -> Response:
    """The statement of a year as a PDF, for the name that was typed; nothing is kept."""
    contact_id = owner(token)
    found = queries.gifts_of(contact_id)
    form = StatementForm(statement.years(found))
    db.session.rollback()  # setting the type takes a while
    if not form.is_accepted(settings().form_limit):
        return draw(token, contact_id, form.status, form=form)
    receiver = Receiver(form.name.data or "", form.address_lines)
    year, today = int(form.year.data), datetime.now(UTC).date()
    pdf = statement.write_statement(found, year, receiver, g.language, today)
    response = Response(pdf, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="gifts-{year}.pdf"'
    response.headers["Cache-Control"] = PRIVATE
    return response


def owner(token: str) -> uuid.UUID:
    """Whose link it is; ends the request with a calm page for one that works no longer."""
    contact_id = links.find_contact(services.PURPOSE, token, datetime.now(UTC))
    return contact_id if contact_id is not None else _refuse_link()


def draw(
    token: str,
    contact_id: uuid.UUID,
    status: int = 200,
    *,
    form: StatementForm | None = None,
    done: str = "",
    trouble: str = "",
    wrong: Mapping[uuid.UUID, str] | None = None,
) -> Response:
    """The page, with what was done, what went wrong, or which new amount was not taken."""
    if request.method == "POST":
        begin_read()
    found = queries.gifts_of(contact_id)
    page = render_template(
        "giving/gifts.html",
        token=token,
        recurring=queries.recurring_of(contact_id),
        years=queries.by_year(found),
        form=form or StatementForm(statement.years(found), formdata=None),
        done=DONE.get(done, ""),
        trouble=trouble,
        wrong=wrong or {},
        money=lambda minor, currency: format_amount(minor, currency, g.language),
        fund=lambda slug: fund_name(slug, g.language),
        **WORDS,
    )
    response = make_response(page, status)
    response.headers["Cache-Control"] = PRIVATE
    if status in {429, 503}:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


def _refuse_link() -> NoReturn:
    page = make_response(render_template("giving/old_link.html", minutes=links.MINUTES), 410)
    page.headers["Cache-Control"] = PRIVATE
    abort(page)
