"""One Stripe account as the stand-in keeps it: its keys, endpoints, books, and the events that tell
of each change.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from demo.stripe import objects
from demo.stripe.gate import Gate
from demo.stripe.keys import Keyring
from demo.stripe.ledger import Json, Ledger
from demo.stripe.loopback import is_loopback
from demo.stripe.versions import as_of

NEWEST_VERSION = "2026-10-28.endive"
CONFIGURED_ENDPOINT = "we_configured"


class NotLoopback(ValueError):
    """Webhooks go to this computer only."""


@dataclass(frozen=True)
class Cause:
    """The API request that caused an event; both are None for what a payer or the dashboard did."""

    request_id: str | None = None
    idempotency_key: str | None = None

    def body(self) -> Json:
        return {"id": self.request_id, "idempotency_key": self.idempotency_key}


@dataclass
class Account:
    ledger: Ledger
    gate: Gate
    keys: Keyring
    base_url: str
    news: threading.Event = field(default_factory=threading.Event)  # there is something to deliver

    def now(self) -> int:
        return int(self.ledger.now())

    # Events

    def emit(self, kind: str, subject: Json, cause: Cause | None = None) -> Json:
        """Write down an event and queue it for every endpoint that asked for its kind."""
        listening = [
            endpoint["id"]
            for endpoint in self.endpoints()
            if {"*", kind} & set(endpoint["enabled_events"])
        ]
        version = self.ledger.recall("api_version", NEWEST_VERSION)
        request = (cause or Cause()).body()
        made = objects.event(kind, subject, version, self.now(), request, len(listening))
        self.gate.check_event(made)
        made["data"] = {"object": as_of(version, subject)}
        self.ledger.add(made)
        for endpoint in reversed(listening):
            self.ledger.execute(
                "insert into deliveries (event, endpoint, state, due_at)"
                " values (?, ?, 'waiting', ?)",
                made["id"],
                endpoint,
                self.ledger.now(),
            )
        self.news.set()
        return made

    def show_event(self, stored: Json) -> Json:
        """The event as it stands: how many endpoints have not yet taken it."""
        return stored | {"pending_webhooks": self.undelivered(stored["id"])}

    def undelivered(self, event_id: str) -> int:
        found = self.ledger.rows(
            "select count(*) as n from deliveries where event = ? and state != 'delivered'",
            event_id,
        )
        return int(found[0]["n"])

    # Endpoints

    def endpoints(self) -> list[Json]:
        """The enabled endpoints, newest first."""
        known = self.ledger.all("webhook_endpoint")
        return [endpoint for endpoint in known if endpoint["status"] == "enabled"]

    def secrets_of(self, endpoint_id: str) -> list[str]:
        found: list[str] = self.ledger.private(endpoint_id).get("secrets", [])
        return found

    def configure_endpoint(self, url: str, secrets: Sequence[str]) -> None:
        """The endpoint named at the start; it replaces the one of an earlier start. An empty URL
        means none.
        """
        if url and not is_loopback(url):
            raise NotLoopback(f"The stand-in sends webhooks to this computer only, not to {url}")
        with self.ledger.transaction():
            known = self.ledger.find("webhook_endpoint", CONFIGURED_ENDPOINT)
            if known is None and url:
                known = objects.webhook_endpoint(CONFIGURED_ENDPOINT, url, self.now())
                self.ledger.add(known)
            if known is not None:
                status = "enabled" if url else "disabled"
                self.ledger.save(known | {"url": url or known["url"], "status": status})
                self.ledger.save_private(CONFIGURED_ENDPOINT, {"secrets": list(secrets)})

    # Books

    def enter(
        self,
        source: Json,
        kind: str,
        amount: int,
        fee: int,
        days: int,
        *,
        category: str | None = None,
    ) -> Json:
        """A line in the books, available after so many days."""
        now = self.now()
        line = objects.balance_transaction(
            source["id"],
            kind,
            amount,
            fee,
            source["currency"],
            now,
            now + days * 86_400,
            category,
        )
        self.ledger.add(line)
        return line

    def show_line(self, line: Json) -> Json:
        return line | {"status": "available" if line["available_on"] <= self.now() else "pending"}


def encode(body: Json) -> bytes:
    """JSON as Stripe sends it; webhooks are signed over exactly these bytes."""
    return json.dumps(body, indent=2).encode()
