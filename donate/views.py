"""Giving: the form, and the way to Stripe's page."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime

from flask import Response, abort, g, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from donate import repeats, services, views_return
from donate.blueprint import donate
from donate.drawing import draw_form, draw_form_again, draw_risk
from donate.forms import DonationForm
from donate.gateway import CheckoutOrder, GatewayRefused, GatewayUnavailable, gateway
from donate.guard import services as guard
from donate.guard.services import Verdict
from donate.models import Donation, RecurringDonation
from donate.prefill import read_wish
from web.errors import UNAVAILABLE, note_unavailable
from web.public import public_page

__all__ = ["donate", "views_return"]

log = logging.getLogger("vigil.donate")

# Stripe's codes for an amount that it will not take (docs.stripe.com/error-codes).
ABOUT_THE_AMOUNT = {
    "amount_too_large",
    "amount_too_small",
    "invalid_charge_amount",
    "invalid_charge_amount_no_decimal_compatible",
    "parameter_invalid_integer",
}


class NotAdmitted(Exception):
    """The guard asks for something first."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.ask)
        self.verdict = verdict


@donate.get("/donate")
def start() -> Response:
    """The form; a wish in the address fills it in beforehand."""
    wish, cause = read_wish(request.args, g.language)
    return draw_form(DonationForm(formdata=None, data=wish), cause, wish.get("fund"))


@donate.post("/donate")
def give() -> AnyResponse:
    """Write the gift down, then on to Stripe's page."""
    form = DonationForm()
    if "back" in request.form:  # from the page for those who should not pay
        return draw_form_again(form, 200)
    if form.is_at_risk:
        return draw_risk(form)
    if not gateway().is_on:
        return draw_form_again(form, 503)
    try:
        if not form.is_sound():
            return draw_form_again(form, form.status)
        order = _begin(form, datetime.now(UTC))
    except NotAdmitted as stopped:
        return draw_form_again(form, stopped.verdict.status, stopped.verdict)
    except UNAVAILABLE as error:
        note_unavailable(error)
        form.put_off()
        return draw_form_again(form, form.status)
    return _to_stripe(form, order)


@donate.get("/donate/cancelled")
def cancelled() -> Response:
    """Where Stripe sends those who turn back: nothing was charged."""
    return public_page("donate/cancelled.html")


def _begin(form: DonationForm, now: datetime) -> CheckoutOrder:
    """What to ask Stripe for: a new gift, or that of the click before.

    Committed before Stripe hears of it: no transaction waits for Stripe. Raises NotAdmitted and
    what is in UNAVAILABLE.
    """
    mark = repeats.mark_of(request, now)
    gift = repeats.find_gift(mark, now) or _write(form, mark, now) or repeats.find_gift(mark, now)
    if gift is None:
        abort(503)
    order = services.order_checkout(gift)
    db.session.commit()
    return order


def _write(form: DonationForm, mark: bytes, now: datetime) -> Donation | RecurringDonation | None:
    """A new gift; None where another click was quicker."""
    verdict = guard.admit(form, now)
    if not verdict.is_admitted:
        raise NotAdmitted(verdict)
    gift = services.start_checkout(form, g.language, now, uuid.uuid4())
    if repeats.note_gift(mark, gift.id, now):
        return gift
    db.session.rollback()
    return None


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
        return draw_form_again(form, 503)
    except GatewayRefused as refusal:
        services.mark_refused(order.gift_id)
        db.session.commit()
        return _refused(form, order, refusal)
    services.mark_open(order.gift_id, session)
    db.session.commit()
    return redirect(session.url, 303)


def _refused(form: DonationForm, order: CheckoutOrder, refusal: GatewayRefused) -> Response:
    log.warning("donation %s: Stripe refuses it: %s", order.gift_id, refusal.code)
    if refusal.code in ABOUT_THE_AMOUNT:
        form.refuse_amount(
            _("The payment service refuses this amount. Nothing was charged. Try another one.")
        )
        return draw_form_again(form, 422)
    form.form_errors.append(
        _("The payment service did not take this gift. Nothing was charged. Try again later.")
    )
    return draw_form_again(form, 503)
