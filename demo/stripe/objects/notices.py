"""Webhook endpoints, and the events they are sent."""

from demo.stripe.ledger import Json
from demo.stripe.objects.ids import new_id


def webhook_endpoint(endpoint_id: str, url: str, now: int, **given: object) -> Json:
    return {
        "id": endpoint_id,
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": now,
        "description": None,
        "enabled_events": ["*"],
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    } | given


def event(kind: str, subject: Json, version: str, now: int, request: Json, waiting: int) -> Json:
    return {
        "id": new_id("evt_"),
        "object": "event",
        "api_version": version,
        "created": now,
        "data": {"object": subject},
        "livemode": False,
        "pending_webhooks": waiting,
        "request": request,
        "type": kind,
    }
