"""Idempotency keys (docs.stripe.com/api/idempotent_requests): the same key gives the same answer
for a day.

What a request did is remembered with its answer, also a failure of Stripe's own. A request refused
before it began (wrong parameters, no key, too many at once) is not remembered, and may be mended
under the same key.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from demo.stripe.errors import invalid, key_reused
from demo.stripe.ledger import Ledger

KEPT_FOR = 24 * 3600
LONGEST_KEY = 255
NOT_REMEMBERED = frozenset({400, 401, 429})


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    first_request: str | None = None  # set when this is a replay


def fingerprint(method: str, path: str, body: str) -> str:
    """The same for the same parameters in whatever order."""
    pairs = sorted(parse_qsl(body, keep_blank_values=True))
    return hashlib.sha256(json.dumps([method, path, pairs]).encode()).hexdigest()


def recall(ledger: Ledger, key: str, print_: str) -> Answer | None:
    """The first answer under this key; raises StripeError if the key belongs to another request."""
    if len(key) > LONGEST_KEY:
        raise invalid(f"Idempotency keys may have at most {LONGEST_KEY} characters.")
    ledger.execute("delete from idempotency where created < ?", ledger.now() - KEPT_FOR)
    found = ledger.rows("select * from idempotency where key = ?", key)
    if not found:
        return None
    if found[0]["fingerprint"] != print_:
        raise key_reused()
    return Answer(found[0]["status"], json.loads(found[0]["body"]), found[0]["request"])


def remember(ledger: Ledger, key: str, print_: str, request_id: str, answer: Answer) -> None:
    if answer.status in NOT_REMEMBERED:
        return
    ledger.execute(
        "insert into idempotency (key, fingerprint, request, status, body, created)"
        " values (?, ?, ?, ?, ?, ?)",
        key,
        print_,
        request_id,
        answer.status,
        json.dumps(answer.body),
        ledger.now(),
    )
