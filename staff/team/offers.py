"""A generated passphrase on its way: shown, written down, typed back, and only then taken.

Nothing is kept between showing and typing: the page carries the words under a signature of ours, so
that nobody gets words of their own choice taken for generated ones.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from hashlib import sha256

from flask import current_app
from flask_babel import gettext as _
from itsdangerous import BadSignature, Signer
from wtforms import Field

from vault.services import generate_passphrase, normalise_passphrase


@dataclass(frozen=True)
class Offer:
    """Words that were drawn here; `signed` is what the page brings back."""

    words: str = field(repr=False)
    signed: str = field(repr=False)


def make_offer(purpose: str) -> Offer:
    """Draw a passphrase for one purpose, such as one invitation."""
    words = generate_passphrase()
    return Offer(words, _signer(purpose).sign(words).decode())


def read_offer(signed: str, purpose: str) -> Offer | None:
    """The offer that a page brings back; None where the words are not ours."""
    try:
        words = _signer(purpose).unsign(signed.encode("utf-8", "surrogatepass"))
    except BadSignature:
        return None
    return Offer(words.decode(), signed)


def was_typed_back(offer: Offer, field: Field) -> bool:
    """Whether the words were typed as they were shown; else the field says so."""
    both = (normalise_passphrase(text) for text in (offer.words, field.data or ""))
    is_same = hmac.compare_digest(*(text.encode("utf-8", "surrogatepass") for text in both))
    if not is_same:
        field.errors = [_("These are not the words above. Look at your paper again.")]
    return is_same


def _signer(purpose: str) -> Signer:
    keys: list[str] = current_app.extensions["vigil_form_keys"]
    salt = f"vigil.passphrase-offer.{purpose}"
    return Signer(keys, salt=salt, key_derivation="hmac", digest_method=sha256)
