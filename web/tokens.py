"""The signed, timed token of a public form: no session, no cookie, the same for every visitor."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from flask import current_app
from itsdangerous import BadSignature, TimestampSigner

LIFETIME = timedelta(hours=4)
TOO_QUICK = timedelta(seconds=3)  # nobody reads and fills a form faster


class ForgedToken(Exception):
    """The token was not made by us."""


class StaleToken(Exception):
    """The token was made by us, too long ago."""


def make_form_token() -> str:
    """A token that says when the form was drawn (UTC seconds)."""
    return _signer().sign("form").decode()


def age_of(token: str, now: datetime) -> timedelta:
    """How long ago the form was drawn. Raises ForgedToken or StaleToken."""
    try:
        _, drawn_at = _signer().unsign(token, return_timestamp=True)
    except BadSignature as error:
        raise ForgedToken from error
    age = now - drawn_at
    if not timedelta(seconds=-5) <= age <= LIFETIME:
        raise StaleToken
    return age


def _signer() -> TimestampSigner:
    keys: list[str] = current_app.extensions["vigil_form_keys"]
    return TimestampSigner(keys, salt="vigil.form", key_derivation="hmac", digest_method=sha256)
