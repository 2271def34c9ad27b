"""A secret under the token of a staff session: neither database nor cookie alone yields it."""

from __future__ import annotations

from nacl.exceptions import CryptoError
from nacl.secret import Aead

from vault.derive import derive

VERSION = b"\x01"


def wrap_for_session(token: bytes, secret: bytes, context: bytes) -> bytes:
    """Return `secret` under a key made of `token`, bound to `context`, such as a row's id."""
    return VERSION + Aead(_key(token)).encrypt(secret, context)


def unwrap_for_session(token: bytes, wrapped: bytes, context: bytes) -> bytes | None:
    """Return the secret, or None if the token or the context is another or the wrap was touched."""
    if wrapped[:1] != VERSION:
        return None
    try:
        return bytes(Aead(_key(token)).decrypt(wrapped[1:], context))
    except (CryptoError, ValueError):
        return None


def _key(token: bytes) -> bytes:
    return derive(token, "staff session")
