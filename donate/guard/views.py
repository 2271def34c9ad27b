"""Where the widget asks for a challenge, and what the page that asks needs of headers."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, jsonify

from donate.guard import proof
from donate.guard.admission import Verdict
from web.headers import allow_workers
from web.public import public_blueprint

guard = public_blueprint("guard", __name__)


@guard.get("/donate/proof")
def challenge() -> Response:
    """A fresh challenge; nobody keeps it for another (no-store, as all that says nothing)."""
    return jsonify(proof.make_challenge(datetime.now(UTC)))


def show_proof(response: Response, verdict: Verdict) -> Response:
    """Dress a page that draws donate/proof.html: when to come back, and leave to calculate."""
    response.headers["Retry-After"] = str(verdict.retry_after)
    if verdict.asks_proof:
        allow_workers(response)
    return response
