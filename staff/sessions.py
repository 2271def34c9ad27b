"""Sessions of staff: the token in the cookie alone, the key under it in the row alone."""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
import uuid
from datetime import datetime, timedelta

from flask import Response, request
from sqlalchemy import delete, insert, or_, update
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from config.settings import settings
from staff.models import StaffSession
from vault.services import unwrap_for_session, wrap_for_session

log = logging.getLogger("vigil.staff")

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)  # a write for every page would be too many
TOKEN_BYTES = 32


def cookie_name() -> str:
    """The cookie's name: bound to this very host, and to https if there is any (RFC 6265bis)."""
    return "__Host-vigil_staff" if settings().is_secure else "vigil_staff"


def token_in_request() -> bytes:
    """The token that the browser brought; empty where it brought none."""
    text = request.cookies.get(cookie_name(), "")
    try:
        token = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    return token if len(token) == TOKEN_BYTES else b""


def set_cookie(response: AnyResponse, token: bytes) -> None:
    """Give the browser its token, until it is closed.

    Strict: no mail and no other site leads into these pages, and so none may open one of them
    with somebody's session.
    """
    response.set_cookie(
        cookie_name(),
        base64.urlsafe_b64encode(token).rstrip(b"=").decode(),
        path="/",
        secure=settings().is_secure,
        httponly=True,
        samesite="Strict",
    )


def forget_cookie(response: Response | AnyResponse) -> None:
    """Take the token from the browser, with whatever it kept of our pages."""
    response.delete_cookie(
        cookie_name(), path="/", secure=settings().is_secure, httponly=True, samesite="Strict"
    )
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'


def start_session(staff_id: uuid.UUID, holder_key: bytes | None, now: datetime) -> bytes:
    """Write a new session, clear out those that have ended; return the token. Flushes."""
    token = secrets.token_bytes(TOKEN_BYTES)
    token_hash = hash_token(token)
    clear_out(now)
    db.session.execute(
        insert(StaffSession).values(
            token_hash=token_hash,
            staff_id=staff_id,
            wrapped_key=holder_key and wrap_for_session(token, holder_key, token_hash),
            created_at=now,
            seen_at=now,
            ends_at=now + LONGEST,
        )
    )
    return token


def find_session(token: bytes) -> StaffSession | None:
    """The session of a token, live or not."""
    return db.session.get(StaffSession, hash_token(token)) if token else None


def is_live(session: StaffSession, now: datetime) -> bool:
    """Whether a session has neither ended nor been idle for too long."""
    return now < session.ends_at and now - session.seen_at < IDLE


def mark_seen(token: bytes, now: datetime) -> None:
    """Note that the session is in use. An ended one stays ended."""
    db.session.execute(
        update(StaffSession)
        .where(StaffSession.token_hash == hash_token(token), StaffSession.ends_at > now)
        .values(seen_at=now)
    )


def holder_key(session: StaffSession, token: bytes) -> bytes | None:
    """The holder's private key; None where the session has none or it does not open."""
    if session.wrapped_key is None:
        return None
    return unwrap_for_session(token, session.wrapped_key, session.token_hash)


def end_session(token: bytes) -> uuid.UUID | None:
    """Delete the session of a token; return whose it was. Flushes."""
    return db.session.scalar(
        delete(StaffSession)
        .where(StaffSession.token_hash == hash_token(token))
        .returning(StaffSession.staff_id)
    )


def hash_token(token: bytes) -> bytes:
    """What the database keeps of a token: enough, for 256 random bits (ASVS 5.0, 7.2)."""
    return hashlib.sha256(token).digest()


def clear_out(now: datetime) -> None:
    """Delete the sessions that have ended or were idle for too long. Flushes."""
    db.session.execute(
        delete(StaffSession).where(
            or_(StaffSession.ends_at <= now, StaffSession.seen_at <= now - IDLE)
        )
    )
