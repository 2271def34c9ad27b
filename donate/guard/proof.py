"""The proof of work: a challenge that we sign, and what a browser makes of it (altcha).

Nothing is kept of a challenge until it is solved: its signature says that it is ours. The solution
is one of a known range, so that the work has an upper bound, and checking it costs nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import altcha
from flask import current_app

ALGORITHM = "PBKDF2/SHA-256"  # what each browser's WebCrypto has; static/altcha/pbkdf2.js does it
COST = 5_000  # rounds of one try: some milliseconds on an old phone
FEWEST_TRIES, MOST_TRIES = 200, 600
LIFETIME = timedelta(minutes=20)
LONGEST = 4_096  # characters of an answer; the widget's are below 1,000


class BadProof(Exception):
    """Not of our making, not solved, or run out."""


@dataclass(frozen=True)
class Spendable:
    """What admits once: its hash, and until when the hash must be remembered."""

    hash: bytes
    expires_at: datetime


def make_challenge(now: datetime) -> dict[str, Any]:
    """A challenge of its own for each who asks, as the widget reads it."""
    sign, sign_key = _secrets(_form_keys()[-1])
    tries = FEWEST_TRIES + secrets.randbelow(MOST_TRIES - FEWEST_TRIES)
    challenge = altcha.create_challenge(
        ALGORITHM,
        COST,
        counter=tries,
        expires_at=now + LIFETIME,
        hmac_secret=sign,
        hmac_key_secret=sign_key,
    )
    return dict(challenge.to_dict())


def check(answer: str, now: datetime) -> Spendable:
    """Whether this is one of our challenges, solved in time. Raises BadProof."""
    payload = _read(answer)
    expires_at = payload.challenge.parameters.expires_at
    if not any(_is_solved(payload, key) for key in _form_keys()):
        raise BadProof
    # The signature is ours and so is the time in it; the library looks at the wall's clock only.
    until = datetime.fromtimestamp(expires_at or 0, UTC)
    if until <= now:
        raise BadProof
    return Spendable(hashlib.sha256(str(payload.challenge.signature).encode()).digest(), until)


def _read(answer: str) -> altcha.Payload:
    if len(answer) > LONGEST:
        raise BadProof
    try:
        return altcha.Payload.from_base64(answer)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadProof from error


def _is_solved(payload: altcha.Payload, form_key: str) -> bool:
    sign, sign_key = _secrets(form_key)
    try:
        result = altcha.verify_solution(payload, sign, hmac_key_secret=sign_key)
    except (ValueError, TypeError, AttributeError, RecursionError):  # parts of odd types
        return False
    return result.verified


def _secrets(form_key: str) -> tuple[bytes, bytes]:
    """Two secrets of their own, so that nothing else that is signed passes for a proof."""
    key = form_key.encode()
    return (
        hmac.digest(key, b"vigil.proof.challenge", "sha256"),
        hmac.digest(key, b"vigil.proof.solution", "sha256"),
    )


def _form_keys() -> list[str]:
    keys: list[str] = current_app.extensions["vigil_form_keys"]
    return keys
