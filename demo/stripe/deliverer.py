"""Sends events to their endpoints: signed at the moment of each attempt, again and again until they
are taken.

Stripe's rules (docs.stripe.com/webhooks): anything but a 2xx is a failure, redirects too; retries
follow a table.
"""

import hashlib
import hmac
import http.client
import logging
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from demo.stripe.account import Account, encode
from demo.stripe.ledger import Json
from demo.stripe.timetable import run_due

logger = logging.getLogger(__name__)
RETRY_AFTER = (2, 5, 15, 60, 300, 900)  # seconds; hours and days at Stripe
TIMEOUT = 10.0
PULSE = 0.25  # how often to look for due work, in seconds


def sign(payload: bytes, secrets: Sequence[str], at: int) -> str:
    """The Stripe-Signature header: one v1 for each secret, as while a secret is being rolled."""
    signed = str(at).encode() + b"." + payload
    marks = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={mark}" for mark in marks)])


@dataclass(frozen=True)
class Release:
    """How held deliveries are let go: `drop` names types or places in the order of creation, which
    never arrive.
    """

    order: str = "in"
    copies: int = 1
    drop: tuple[str | int, ...] = ()
    delay: float = 0.0
    secret: str | None = None
    skew: int = 0
    seed: int | None = None


class Deliverer:
    """A thread of its own once started; without it, `tick` does what is due."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.held = False
        self._one_at_a_time = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="deliverer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self.account.news.set()
        if self._thread:
            self._thread.join(TIMEOUT + 1)
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.tick()
            except Exception:
                logger.exception("the stand-in could not do what is due")
                self._stopping.wait(1)
            self.account.news.wait(PULSE)
            self.account.news.clear()

    def tick(self) -> int:
        """Do the work that is due and attempt the deliveries that are due; returns how many were
        attempted.
        """
        run_due(self.account)
        attempted = 0
        with self._one_at_a_time:
            while not self.held and not self._stopping.is_set():
                due = self._waiting("and due_at <= ?", self.account.ledger.now())
                if not due:
                    break
                self._attempt(due[0])
                attempted += 1
        return attempted

    def release(self, how: Release) -> list[Json]:
        """Let go of everything not yet delivered, now, in the given manner; returns what became of
        each attempt.
        """
        time.sleep(how.delay)
        with self._one_at_a_time:
            kept = self._drop(self._waiting(), how.drop)
            queue = [row for row in kept for _ in range(how.copies)]
            if how.order == "reverse":
                queue.reverse()
            elif how.order == "shuffle":
                random.Random(how.seed).shuffle(queue)  # noqa: S311 - an order, not a secret
            return [self._attempt(row, secret=how.secret, skew=how.skew) for row in queue]

    def _waiting(self, more: str = "", *values: float) -> list[Json]:
        rows = self.account.ledger.rows(
            f"select * from deliveries where state = 'waiting' {more} order by id",  # noqa: S608
            *values,
        )
        return [dict(row) for row in rows]

    def _drop(self, waiting: list[Json], unwanted: tuple[str | int, ...]) -> list[Json]:
        kept = []
        for place, row in enumerate(waiting):
            kind = self.account.ledger.get("event", row["event"])["type"]
            if kind in unwanted or place in unwanted:
                self._set_state(row["id"], "dropped")
            else:
                kept.append(row)
        return kept

    def _attempt(self, row: Json, *, secret: str | None = None, skew: int = 0) -> Json:
        """One POST. The ledger is not held meanwhile: the endpoint will want to ask the API."""
        event = self.account.show_event(self.account.ledger.get("event", row["event"]))
        endpoint = self.account.ledger.get("webhook_endpoint", row["endpoint"])
        payload = encode(event)
        secrets = [secret] if secret else self.account.secrets_of(endpoint["id"])
        signature = sign(payload, secrets, int(time.time()) + skew)
        status, error = _post(endpoint["url"], payload, signature)
        self._record(row["id"], status, error)
        return {"event": event["id"], "type": event["type"], "status": status, "error": error}

    def _record(self, delivery: int, status: int | None, error: str | None) -> None:
        ledger = self.account.ledger
        with ledger.transaction():
            ledger.execute(
                "insert into attempts (delivery, at, status, error) values (?, ?, ?, ?)",
                delivery,
                time.time(),
                status,
                error,
            )
            ledger.execute("update deliveries set attempts = attempts + 1 where id = ?", delivery)
            if status is not None and 200 <= status < 300:
                self._set_state(delivery, "delivered")
            else:
                self._put_off(delivery)

    def _put_off(self, delivery: int) -> None:
        """A copy that failed takes nothing back from one that arrived."""
        ledger = self.account.ledger
        row = ledger.rows("select * from deliveries where id = ?", delivery)[0]
        if row["state"] != "waiting":
            return
        if row["attempts"] > len(RETRY_AFTER):
            self._set_state(delivery, "failed")
            return
        due_at = ledger.now() + RETRY_AFTER[row["attempts"] - 1]
        ledger.execute("update deliveries set due_at = ? where id = ?", due_at, delivery)

    def _set_state(self, delivery: int, state: str) -> None:
        self.account.ledger.execute("update deliveries set state = ? where id = ?", state, delivery)


def _post(url: str, payload: bytes, signature: str) -> tuple[int | None, str | None]:
    """The status, or why there was none. http.client follows no redirect and heeds no proxy."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature,
        "User-Agent": "Stripe/1.0 (stand-in)",
    }
    try:
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request("POST", path, payload, headers)
        return connection.getresponse().status, None
    except (OSError, http.client.HTTPException) as failure:
        return None, f"{type(failure).__name__}: {failure}"
    finally:
        connection.close()
