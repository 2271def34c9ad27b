"""The slower path: who has no JavaScript waits a minute instead of letting the browser work.

The token says when the waiting began. It admits once, and only some are admitted in a while: time
costs those who try out cards nothing, so that the quota is what holds them.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from flask import current_app
from itsdangerous import BadSignature, Signer

from donate.guard.proof import BadProof, Spendable
from web import throttle

WAIT = timedelta(seconds=60)
LIFETIME = timedelta(hours=1)
LIMIT = "6 per 10 minutes"  # for one network
LIMIT_OVERALL = "30 per 10 minutes"


class TooSoon(Exception):
    """Not waited long enough, or too many others have: the same token is good later."""

    def __init__(self, left: timedelta, *, is_queue: bool = False) -> None:
        super().__init__()
        self.left = left
        self.is_queue = is_queue


def make_token(now: datetime) -> str:
    """A token that says when the waiting began; each is another."""
    return _signer().sign(f"{int(now.timestamp())}~{secrets.token_urlsafe(12)}").decode()


def check(token: str, now: datetime) -> Spendable:
    """Whether somebody has waited long enough. Raises BadProof, TooSoon."""
    try:
        signed = _signer().unsign(token)
    except BadSignature as error:
        raise BadProof from error
    began_at = datetime.fromtimestamp(int(signed.partition(b"~")[0]), UTC)
    age = now - began_at
    if age > LIFETIME:
        raise BadProof
    if age < WAIT:
        raise TooSoon(WAIT - age)
    # not of the token as it came: base64 has several ways to write one signature
    return Spendable(hashlib.sha256(signed).digest(), began_at + LIFETIME)


def take_turn() -> None:
    """Take one of the places of this while. Raises TooSoon where none is left, VaultMissing."""
    if not (throttle.spend(LIMIT, "wait") and throttle.spend_overall(LIMIT_OVERALL, "wait")):
        raise TooSoon(WAIT, is_queue=True)


def _signer() -> Signer:
    keys: list[str] = current_app.extensions["vigil_form_keys"]
    return Signer(keys, salt="vigil.wait", key_derivation="hmac", digest_method=hashlib.sha256)
