"""Giving by bank transfer: the account, a reference of one's own, and a code for the app."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response, abort, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from config.settings import settings
from donate.funds import fund_name
from donate.money import format_amount
from donate.offline import queries, services
from donate.offline.account import Account, our_account
from donate.offline.forms import TransferForm
from donate.offline.qr import draw_code, transfer_code
from donate.offline.references import NoReference, parse_reference, print_reference
from donate.prefill import read_wish
from donate.wording import wording
from web.errors import UNAVAILABLE, note_unavailable
from web.public import drawn_page, public_blueprint, public_page

offline = public_blueprint("offline", __name__)


@offline.get("/donate/transfer")
def transfer() -> Response:
    """The account, and the form; `?fund=` and `?campaign=` choose beforehand."""
    account = _account()
    wish, _cause = read_wish(request.args, g.language)
    chosen = {name: wish[name] for name in ("fund", "campaign") if name in wish}
    form = TransferForm(account, formdata=None, data=chosen)
    return public_page("offline/transfer.html", form=form, **_context(account))


@offline.post("/donate/transfer")
def announce() -> AnyResponse:
    """Write the transfer down, then on to the page with its reference."""
    account = _account()
    form = TransferForm(account)
    if not form.is_accepted(settings().form_limit):
        return drawn_page("offline/transfer.html", form.status, form=form, **_context(account))
    try:
        donation = services.announce_transfer(form, g.language, datetime.now(UTC))
        reference = donation.reference
        db.session.commit()
    except UNAVAILABLE as error:
        note_unavailable(error)
        form.put_off()
        return drawn_page("offline/transfer.html", form.status, form=form, **_context(account))
    return redirect(url_for("offline.announced", reference=reference), 303)


@offline.get("/donate/transfer/<reference>")
def announced(reference: str) -> Response:
    """The details of one transfer, for whoever has its reference; the address can be kept."""
    account = _account()
    try:
        found = queries.find_transfer(parse_reference(reference))
    except NoReference:
        found = None
    if found is None:
        abort(404)
    return drawn_page(
        "offline/announced.html",
        account=account,
        reference=print_reference(found.reference),
        amount=format_amount(found.amount_minor, found.currency, g.language),
        fund=fund_name(found.fund, g.language),
        has_arrived=found.has_arrived,
        code=_code(account, found),
    )


def _account() -> Account:
    """Our account; without one there are no such pages."""
    account = our_account()
    if account is None:
        abort(404)
    return account


def _context(account: Account) -> dict[str, Any]:
    code = draw_code(transfer_code(account)) if account.is_in_sepa else ""
    words = {name: wording(name, g.language) for name in ("transfer", "risk")}
    return {"account": account, "code": code, "words": words}


def _code(account: Account, found: queries.AnnouncedTransfer) -> str:
    """The picture for one transfer; empty where there is none for such a transfer."""
    if found.has_arrived or not account.is_in_sepa or found.currency != "EUR":
        return ""
    return draw_code(transfer_code(account, found.amount_minor, found.reference))
