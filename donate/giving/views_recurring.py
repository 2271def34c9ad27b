"""What the holder of a private link may do with a recurring donation, each by one post.

Stripe does it first, then we ask how it stands and record that: where Stripe does not answer,
nothing has changed here. Only the end is noted before, and the worker sees to it.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from flask import Response, abort, g, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from config.settings import settings
from config.stripe_pages import is_stripe_page
from donate import recording
from donate.facts import Facts, RecurringFacts
from donate.funds import fund_name
from donate.gateway import GatewayOff, GatewayRefused, GatewayUnavailable, gateway
from donate.giving import queries, services
from donate.giving.queries import Recurring
from donate.giving.views import draw, giving, owner
from donate.money import AmountError, format_amount, parse_amount
from donate.views import ABOUT_THE_AMOUNT
from web import throttle
from web.errors import UNAVAILABLE, note_unavailable
from web.public import drawn_page

log = logging.getLogger("vigil.donate")

AWAY = (GatewayOff, GatewayUnavailable)
ONE = "/donate/manage/<token>/<uuid:recurring_id>"


@giving.get(f"{ONE}/<any(card, mend, amount, pause, resume):deed>")
def nothing_to_see(token: str, recurring_id: uuid.UUID, deed: str) -> AnyResponse:
    """Somebody loads the answer to a post again."""
    return _to_page(token)


@giving.post(f"{ONE}/<any(card, mend, amount, pause, resume):deed>")
def change(token: str, recurring_id: uuid.UUID, deed: str) -> AnyResponse:
    """Do one thing at Stripe and record how it stands then."""
    contact_id = owner(token)
    one = _own(contact_id, recurring_id)
    db.session.rollback()  # no transaction stays open while we ask Stripe
    if deed not in one.deeds:  # an old page: the new one shows how it stands
        return _to_page(token)
    if not throttle.spend(settings().form_limit, "manage"):
        return draw(token, contact_id, 429, trouble=_too_many())
    try:
        return redirect(DEEDS[deed](token, one), 303)
    except AmountError as error:
        return draw(token, contact_id, 422, wrong={one.id: error.message})
    except GatewayRefused as refusal:
        return _refused(token, contact_id, one, refusal)
    except AWAY:
        return draw(token, contact_id, 503, trouble=_away())


@giving.get(f"{ONE}/cancel")
def consider(token: str, recurring_id: uuid.UUID) -> AnyResponse:
    """The first of two clicks: one button, and no question why."""
    one = _own(owner(token), recurring_id)
    if "cancel" not in one.deeds:
        return _to_page(token)
    return drawn_page(
        "giving/cancel.html",
        token=token,
        one=one,
        amount=format_amount(one.amount_minor, one.currency, g.language),
        fund=fund_name(one.fund, g.language),
    )


@giving.post(f"{ONE}/cancel")
def cancel(token: str, recurring_id: uuid.UUID) -> AnyResponse:
    """The second click ends it, also where Stripe does not answer: the worker then goes on."""
    one = _own(owner(token), recurring_id)
    if "cancel" not in one.deeds:
        return _to_page(token)
    services.note_end(one.id, datetime.now(UTC))
    db.session.commit()
    try:
        gateway().cancel(one.subscription_id)
        _record(gateway().look_at_subscription(one.subscription_id))
    except (*AWAY, GatewayRefused) as error:
        log.warning("recurring donation %s: not ended yet: %s", one.id, type(error).__name__)
        return _to_page(token, "ending")
    return _to_page(token, "cancel")


def _card(token: str, one: Recurring) -> str:
    """To Stripe's pages, for the customer that is stored with it and nobody else."""
    back = settings().base_url + url_for("giving.back")
    return gateway().open_portal(one.customer_id, back, g.language)


def _mend(token: str, one: Recurring) -> str:
    """To Stripe's page for the payment that failed or waits."""
    looked = gateway().look_at_subscription(one.subscription_id)
    _record(looked)
    troubles = (facts.trouble for facts in looked if isinstance(facts, RecurringFacts))
    pages = (trouble.url for trouble in troubles if trouble)
    leads = (page for page in pages if is_stripe_page(page, settings()))
    return next(leads, _page(token, "mend"))


def _amount(token: str, one: Recurring) -> str:
    minor = parse_amount(request.form.get("amount", ""), one.currency, g.language)
    gateway().change_amount(one.subscription_id, minor, one.currency, one.frequency)
    return _look_again(token, one, "amount")


def _pause(token: str, one: Recurring) -> str:
    gateway().pause(one.subscription_id)
    return _look_again(token, one, "pause")


def _resume(token: str, one: Recurring) -> str:
    gateway().resume(one.subscription_id)
    return _look_again(token, one, "resume")


# Each does its part at Stripe and gives the address to go on to.
DEEDS: Mapping[str, Callable[[str, Recurring], str]] = {
    "card": _card,
    "mend": _mend,
    "amount": _amount,
    "pause": _pause,
    "resume": _resume,
}


def _look_again(token: str, one: Recurring, done: str) -> str:
    _record(gateway().look_at_subscription(one.subscription_id))
    return _page(token, done)


def _record(looked: Iterable[Facts]) -> None:
    """What Stripe has done is done: where it cannot be written now, its event does it."""
    try:
        recording.record_all(looked, datetime.now(UTC))
        db.session.commit()
    except UNAVAILABLE as error:
        note_unavailable(error)


def _refused(
    token: str, contact_id: uuid.UUID, one: Recurring, refusal: GatewayRefused
) -> Response:
    """Stripe said no: perhaps because it stands otherwise than we know."""
    log.warning("recurring donation %s: Stripe refuses it: %s", one.id, refusal.code)
    if refusal.code in ABOUT_THE_AMOUNT:
        words = _("The payment service refuses this amount. Nothing was changed. Try another one.")
        return draw(token, contact_id, 422, wrong={one.id: words})
    try:
        _record(gateway().look_at_subscription(one.subscription_id))
    except (*AWAY, GatewayRefused):
        return draw(token, contact_id, 503, trouble=_away())
    words = _("The payment service did not do this. Here you see how it stands now.")
    return draw(token, contact_id, 409, trouble=words)


def _own(contact_id: uuid.UUID, recurring_id: uuid.UUID) -> Recurring:
    """A recurring donation of this contact; somebody else's is not there."""
    return queries.one_recurring(contact_id, recurring_id) or abort(404)


def _page(token: str, done: str | None = None) -> str:
    return url_for("giving.gifts", token=token, done=done)


def _to_page(token: str, done: str | None = None) -> AnyResponse:
    return redirect(_page(token, done), 303)


def _away() -> str:
    return str(
        _(
            "The payment service does not answer at the moment. Look again in a few minutes: this "
            "page shows how it stands."
        )
    )


def _too_many() -> str:
    return str(_("That was a lot at once. Nothing was changed. Wait a little and try it again."))
