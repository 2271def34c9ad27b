"""Where Stripe tells us that something happened; what did, we then ask for ourselves."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from flask import Blueprint, Response, request

from config.database import db
from donate import queries, recording
from donate.facts import Facts
from donate.gateway import (
    NOT_THERE,
    Event,
    ForgedEvent,
    GatewayOff,
    GatewayRefused,
    GatewayUnavailable,
    gateway,
)
from donate.guard.worker import end_session
from web.origin import from_other_programs

log = logging.getLogger("vigil.donate")

webhooks = Blueprint("webhooks", __name__)

LARGEST = 256 * 1024  # bytes; the largest of Stripe's events that we listen to is far below


@webhooks.post("/stripe/webhook")
@from_other_programs
def receive() -> Response:
    """Verify, look afresh, record once. Anything but a 2xx makes Stripe send the event again.

    An event of the other mode is refused like a forged one: Stripe's dashboard then shows that the
    endpoint and the key do not belong together.
    """
    request.max_content_length = LARGEST
    try:
        event = gateway().read_event(
            request.get_data(), request.headers.get("Stripe-Signature", "")
        )
        if queries.is_known_event(event.id):
            return _answer("known", 200)
        db.session.rollback()  # no transaction stays open while we ask Stripe
        looked = _look(event)
    except ForgedEvent:
        return _answer("not signed by Stripe, too old, or of the other mode", 400)
    except (GatewayOff, GatewayUnavailable):
        return _answer("try again later", 503)
    return _record(event, looked)


def _look(event: Event) -> tuple[Facts, ...]:
    """What the event is about, as it stands now; nothing where there is nothing for us to do.

    Raises GatewayUnavailable, also where Stripe refuses the question for any reason but one: what
    may be a payment is never noted as dealt with unseen.
    """
    try:
        return gateway().look(event)
    except GatewayRefused as refusal:
        log.error("Stripe event %s leads nowhere: %s", event.id, refusal.code)
        if refusal.code != NOT_THERE:
            raise GatewayUnavailable from refusal
        return ()


def _record(event: Event, looked: tuple[Facts, ...]) -> Response:
    to_end = recording.take_in(event, looked, datetime.now(UTC))
    if to_end is None:
        db.session.rollback()
        return _answer("known", 200)
    db.session.commit()
    for session_id in to_end:  # too many cards were refused there
        end_session(session_id)
    return _answer("recorded", 200)


def _answer(words: str, status: int) -> Response:
    return Response(f"{words}\n", status, mimetype="text/plain")
