"""Buttons on the first page for what time, a bank or the dashboard brings about otherwise.

They need no moved clock: a site in front of it keeps its own, and its new payments would be refused
as long as the two disagree.
"""

from collections.abc import Callable

from flask import Blueprint, current_app, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from demo.stripe import afterwards, disputes, renewals
from demo.stripe.account import Account
from demo.stripe.errors import StripeError
from demo.stripe.hosted import keep_to_itself
from demo.stripe.ledger import Json
from demo.stripe.life_controls import OUTCOMES
from demo.stripe.orders import WrongOrder, change
from demo.stripe.refunds import refundable
from demo.stripe.subscription_states import OVER

buttons = Blueprint("buttons", __name__, url_prefix="/next")
buttons.after_request(keep_to_itself)


@buttons.before_request
def refuse_other_sites() -> tuple[str, int] | None:
    """A page elsewhere must not press them."""
    own = request.headers.get("Origin") == request.host_url.rstrip("/")
    if request.headers.get("Sec-Fetch-Site", "same-origin" if own else "") == "same-origin":
        return None
    return "Press the button on the stand-in's own page.\n", 403


@buttons.errorhandler(WrongOrder)
@buttons.errorhandler(StripeError)
def too_late(refusal: Exception) -> AnyResponse:
    """It has happened meanwhile, or cannot any more: the page shows how things stand."""
    return _home()


@buttons.post("/renew/<subscription>")
def renew(subscription: str) -> AnyResponse:
    """The period ends now."""
    outcome = request.form.get("outcome")

    def begin(account: Account, one: Json) -> Json:
        if one["status"] in OVER or outcome not in OUTCOMES:
            raise WrongOrder("subscription")
        return renewals.renew(account, one, outcome) or one

    return _do("subscription", subscription, begin)


@buttons.post("/retry/<invoice>")
def retry(invoice: str) -> AnyResponse:
    """The next attempt at an open invoice is made now."""
    outcome = request.form.get("outcome")

    def again(account: Account, one: Json) -> Json:
        if one["status"] != "open" or not one["next_payment_attempt"] or outcome not in OUTCOMES:
            raise WrongOrder("invoice")
        renewals.collect(account, one, outcome)
        return one

    return _do("invoice", invoice, again)


@buttons.post("/refund/<charge>")
def refund(charge: str) -> AnyResponse:
    """All that is left goes back, as from Stripe's dashboard."""
    return _do("charge", charge, lambda a, one: afterwards.refund(a, one, refundable(a, one, None)))


@buttons.post("/dispute/<charge>")
def dispute(charge: str) -> AnyResponse:
    """The payer wants the money back from the bank."""
    return _do("charge", charge, disputes.open_dispute)


@buttons.post("/close/<dispute>")
def close(dispute: str) -> AnyResponse:
    """The bank decides."""
    won = request.form.get("outcome") == "won"
    return _do("dispute", dispute, lambda a, one: disputes.close_dispute(a, one, won=won))


def _do(name: str, subject: str, deed: Callable[[Account, Json], Json]) -> AnyResponse:
    change(name, {name: subject}, deed)
    account: Account = current_app.extensions["account"]
    account.news.set()
    return _home()


def _home() -> AnyResponse:
    return redirect(url_for("hosted.index", _anchor="next"), 303)
