"""Giving: the form, the way to Stripe's page, and the pages for those who come back."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime

from flask import Response, g, make_response, redirect, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.wrappers import Response as AnyResponse

from config.database import begin_write, db
from config.settings import settings
from donate import queries, services
from donate.forms import DonationForm
from donate.funds import FUNDS, fund_name
from donate.gateway import (
    CheckoutOrder,
    GatewayOff,
    GatewayRefused,
    GatewayUnavailable,
    gateway,
)
from donate.models import State
from donate.money import format_amount
from vault.services import VaultMissing
from web import throttle
from web.errors import UNAVAILABLE, note_unavailable
from web.headers import PRIVATE
from web.public import form_page, public_blueprint, public_page

log = logging.getLogger("vigil.donate")

donate = public_blueprint("donate", __name__)

DATABASE_AWAY = (OperationalError, InterfaceError)
# What a session's id looks like: anything else is not even looked up.
SESSION_ID = re.compile(r"cs_\w{1,250}", re.ASCII)
# Stripe's codes for an amount that it will not take (docs.stripe.com/error-codes).
ABOUT_THE_AMOUNT = {
    "amount_too_large",
    "amount_too_small",
    "invalid_charge_amount",
    "invalid_charge_amount_no_decimal_compatible",
    "parameter_invalid_integer",
}


@donate.get("/donate")
def start() -> Response:
    """The form; `?fund=` chooses a fund beforehand."""
    fund = request.args.get("fund")
    chosen = {"fund": fund} if fund in FUNDS else {}
    form = DonationForm(formdata=None, data=chosen)
    return public_page("donate/donate.html", form=form, is_open=gateway().is_on)


@donate.post("/donate")
def give() -> AnyResponse:
    """Write the gift down, then on to Stripe's page."""
    form = DonationForm()
    if not gateway().is_on:
        return _form_again(form, 503)
    if not form.is_accepted(settings().checkout_limit):
        return _form_again(form, form.status)
    try:
        donation = services.start_checkout(form, g.language, datetime.now(UTC))
        order = services.order_checkout(donation)
        db.session.commit()  # before Stripe hears of it: no transaction waits for Stripe
    except UNAVAILABLE as error:
        note_unavailable(error)
        form.put_off()
        return _form_again(form, form.status)
    return _to_stripe(form, order)


@donate.get("/donate/thanks")
def thanks() -> Response:
    """Where Stripe sends those who are done: who has just paid must not read of an error."""
    try:
        context = _look_up(request.args.get("session_id", ""), datetime.now(UTC))
    except DATABASE_AWAY as error:
        db.session.rollback()
        log.error("a gift could not be looked up: %s", type(error).__name__)
        context = {"state": State.PENDING}
    response = make_response(render_template("donate/thanks.html", **context))
    response.headers["Cache-Control"] = PRIVATE
    return response


@donate.get("/donate/cancelled")
def cancelled() -> Response:
    """Where Stripe sends those who turn back: nothing was charged."""
    return public_page("donate/cancelled.html")


def _to_stripe(form: DonationForm, order: CheckoutOrder) -> AnyResponse:
    try:
        session = gateway().create_checkout(order)
    except GatewayUnavailable:
        form.form_errors.append(
            _(
                "The payment service does not answer at the moment. Nothing was charged. "
                "Wait a little and try again."
            )
        )
        return _form_again(form, 503)
    except GatewayRefused as refusal:
        services.mark_refused(order.donation_id)
        db.session.commit()
        return _refused(form, order, refusal)
    services.mark_open(order.donation_id, session)
    db.session.commit()
    return redirect(session.url, 303)


def _refused(form: DonationForm, order: CheckoutOrder, refusal: GatewayRefused) -> Response:
    log.warning("donation %s: Stripe refuses it: %s", order.donation_id, refusal.code)
    if refusal.code in ABOUT_THE_AMOUNT:
        form.refuse_amount(
            _("The payment service refuses this amount. Nothing was charged. Try another one.")
        )
        return _form_again(form, 422)
    form.form_errors.append(
        _("The payment service did not take this gift. Nothing was charged. Try again later.")
    )
    return _form_again(form, 503)


def _form_again(form: DonationForm, status: int) -> Response:
    return form_page("donate/donate.html", form, status, is_open=gateway().is_on)


def _look_up(session_id: str, now: datetime) -> dict[str, str]:
    """What to tell somebody who comes back; Stripe is asked for sessions of ours only."""
    seen = queries.find_checkout(session_id) if SESSION_ID.fullmatch(session_id) else None
    db.session.rollback()  # no transaction stays open while we ask Stripe
    if seen is None:
        return {"state": "unknown"}
    is_sure = seen.state == State.PAID or _catch_up(session_id, now)
    seen = queries.find_checkout(session_id) or seen
    state = seen.state
    if state in {State.CREATED, State.OPEN}:  # Stripe sends only those here who are done
        state = "unknown" if is_sure else State.PENDING
    return {
        "state": state,
        "amount": format_amount(seen.amount_minor, seen.currency, g.language),
        "fund": fund_name(seen.fund, g.language),
    }


def _catch_up(session_id: str, now: datetime) -> bool:
    """Ask Stripe and record the answer; where that fails the webhook does it in its own time."""
    try:
        if not throttle.spend(settings().form_limit, "thanks"):  # Stripe is not asked without end
            return False
        facts = gateway().get_session(session_id)
        begin_write()
        services.record_payment(facts, now)
        db.session.commit()
    except (GatewayOff, GatewayUnavailable, GatewayRefused):
        return False
    except (VaultMissing, *DATABASE_AWAY) as error:
        db.session.rollback()
        log.error("a payment could not be recorded yet: %s", type(error).__name__)
        return False
    return True
