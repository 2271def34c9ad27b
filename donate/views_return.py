"""Coming back from Stripe's page: what became of the gift."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any

from flask import Response, g, request, url_for

from config.database import begin_write, db
from config.settings import settings
from donate import queries, recording
from donate.blueprint import donate
from donate.funds import find_cause, fund_name
from donate.gateway import GatewayOff, GatewayRefused, GatewayUnavailable, gateway
from donate.guard import worker
from donate.models import State
from donate.money import format_amount
from donate.prefill import write_wish
from donate.queries import Checkout
from web import throttle
from web.errors import UNAVAILABLE
from web.public import drawn_page

log = logging.getLogger("vigil.donate")

# What a session's id looks like: anything else is not even looked up.
SESSION_ID = re.compile(r"cs_\w{1,250}", re.ASCII)
NOT_SURE = (GatewayOff, GatewayUnavailable, GatewayRefused)


@donate.get("/donate/thanks")
def thanks() -> Response:
    """Where Stripe sends those who are done: who has just paid must not read of an error."""
    try:
        context = _look_up(request.args.get("session_id", ""), datetime.now(UTC))
    except UNAVAILABLE as error:
        db.session.rollback()
        log.error("a gift could not be looked up: %s", type(error).__name__)
        context = {"state": State.PENDING}
    return drawn_page("donate/thanks.html", **context)


def _look_up(session_id: str, now: datetime) -> dict[str, Any]:
    """What to tell somebody who comes back; Stripe is asked for sessions of ours only."""
    seen = queries.find_checkout(session_id) if SESSION_ID.fullmatch(session_id) else None
    db.session.rollback()  # no transaction stays open while we ask Stripe
    if seen is None:
        return {"state": "unknown"}
    is_sure = seen.state == State.PAID or _catch_up(session_id, now)
    seen = queries.find_checkout(session_id) or seen
    context = _describe(seen)
    db.session.rollback()
    if seen.state in {State.CREATED, State.OPEN}:  # Stripe sends only those here who are done
        page = _page_of(session_id) if is_sure else None
        context |= {"state": "open", "page": page} if page else {"state": State.PENDING}
    return context


def _describe(seen: Checkout) -> dict[str, Any]:
    cause = find_cause(seen.campaign, g.language) if seen.campaign else None
    return {
        "state": "refused" if seen.is_refused_card else seen.state,
        "amount": format_amount(seen.amount_minor, seen.currency, g.language),
        "fund": fund_name(seen.fund, g.language),
        "frequency": seen.frequency,
        "next_on": seen.next_on,
        "cause": cause,
        "again": _address(seen, seen.frequency),
        "monthly": _address(seen, "month"),
    }


def _address(seen: Checkout, frequency: str) -> str:
    """The form with the same gift in it."""
    gift = seen.amount_minor - seen.fee_cover_minor
    wish = write_wish(gift, seen.currency, frequency, seen.fund, seen.campaign)
    return url_for("donate.start", **wish)


def _catch_up(session_id: str, now: datetime) -> bool:
    """Ask Stripe and record the answer; where that fails the webhook does it in its own time."""
    try:
        if not throttle.spend(settings().form_limit, "thanks"):  # Stripe is not asked without end
            return False
        looked = gateway().look_at_session(session_id)
        begin_write()
        declined = recording.record_all(looked, now)
        db.session.commit()
    except NOT_SURE:
        return False
    except UNAVAILABLE as error:
        db.session.rollback()
        log.error("a payment could not be recorded yet: %s", type(error).__name__)
        return False
    for declined_id in declined:
        worker.end_session(declined_id)
    return True


def _page_of(session_id: str) -> str | None:
    """Where it can still be paid."""
    try:
        return gateway().find_page(session_id)
    except NOT_SURE:
        return None
