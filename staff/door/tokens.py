"""Random tokens in cookies of staff, of which the database keeps the hash alone."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta

from flask import request
from werkzeug.wrappers import Response as AnyResponse

from config.settings import settings

TOKEN_BYTES = 32


def draw_token() -> bytes:
    """A new one."""
    return secrets.token_bytes(TOKEN_BYTES)


def hash_token(token: bytes) -> bytes:
    """What the database keeps of a token: enough, for 256 random bits (ASVS 5.0, 7.2)."""
    return hashlib.sha256(token).digest()


def cookie_name(plain: str) -> str:
    """A cookie's name: bound to this very host, and to https if there is any (RFC 6265bis)."""
    return f"__Host-{plain}" if settings().is_secure else plain


def read_cookie(plain: str) -> bytes:
    """The token that the browser brought; empty where it brought none."""
    text = request.cookies.get(cookie_name(plain), "")
    try:
        token = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    return token if len(token) == TOKEN_BYTES else b""


def write_cookie(
    response: AnyResponse, plain: str, token: bytes, kept: timedelta | None = None
) -> None:
    """Give the browser a token, until it is closed or for as long as it is `kept`.

    Strict: no mail and no other site leads into these pages, and so none may open one of them
    with somebody's session.
    """
    response.set_cookie(
        cookie_name(plain),
        base64.urlsafe_b64encode(token).rstrip(b"=").decode(),
        max_age=kept,
        path="/",
        secure=settings().is_secure,
        httponly=True,
        samesite="Strict",
    )


def drop_cookie(response: AnyResponse, name: str) -> None:
    """Take a cookie, by its whole name, from the browser."""
    response.delete_cookie(
        name, path="/", secure=settings().is_secure, httponly=True, samesite="Strict"
    )
