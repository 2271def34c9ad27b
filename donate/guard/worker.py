"""The guard's job: ends sessions on which cards are tried out, and tells staff."""

from __future__ import annotations

from datetime import datetime

from config.database import begin_read, db
from donate import letters, recording
from donate.gateway import GatewayOff, GatewayRefused, GatewayUnavailable, gateway
from donate.guard import breaker, queries

STRIPE_AWAY = (GatewayOff, GatewayUnavailable)


def watch(now: datetime) -> None:
    """End what should be ended, then tell staff. Call it with no transaction open; it commits."""
    begin_read()
    most = queries.most_declines(queries.pulse_now(now).level)
    to_end = queries.sessions_to_end(most, now)
    db.session.rollback()
    for session_id in to_end:
        end_session(session_id)
        _record(session_id, now)
    breaker.close_if_extreme(now)
    alert = breaker.take_alert(now)
    if alert is not None:
        letters.alert(*alert, now)
    db.session.commit()


def end_session(session_id: str) -> None:
    """Close a page of Stripe's, as well as it can be done now: `watch` tries again.

    Call it with no transaction open. The donor may begin anew.
    """
    try:
        gateway().expire_session(session_id)
    except (*STRIPE_AWAY, GatewayRefused):  # refused: it is paid, or has ended by itself
        return


def _record(session_id: str, now: datetime) -> None:
    """Write down what became of it, so that it is not ended again."""
    try:
        facts = gateway().look_at_session(session_id)
    except (*STRIPE_AWAY, GatewayRefused):
        return
    recording.record_all(facts, now)
    db.session.commit()
