"""My giving: a link by e-mail, and behind it the gifts and a statement for a year."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Response, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from config.database import begin_read, db
from config.settings import settings
from contacts.views_private import PrivatePages
from donate.funds import fund_name
from donate.giving import queries, services, statement
from donate.giving.forms import StatementForm
from donate.giving.statement import Receiver
from donate.giving.words import DONE, GIFT_STATES, METHODS, RECURRING_STATES
from donate.money import format_amount
from web.public import drawn_page, public_blueprint, public_page

giving = public_blueprint("giving", __name__)
pages = PrivatePages(services.PURPOSE, giving.name, section="donate")
owner = pages.owner

WORDS = {"gift_states": GIFT_STATES, "methods": METHODS, "recurring_states": RECURRING_STATES}

giving.get("/donate/manage")(pages.ask)
giving.post("/donate/manage")(pages.send)
giving.get("/donate/manage/sent")(pages.sent)


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
    return response


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
    return drawn_page(
        "giving/gifts.html",
        status,
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
