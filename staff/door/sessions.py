"""Sessions of staff: the token in the cookie alone, the key under it in the row alone.

Each row carries a mark: what somebody else wrote into the database opens nothing (marks).
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta

from flask import current_app, g
from sqlalchemy import delete, insert, or_, select, update
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from staff.door import browsers, tokens
from staff.door.marks import bound_in, is_ours, with_mark
from staff.door.tokens import draw_token, hash_token
from staff.models import KnownBrowser, StaffSession
from vault.services import unwrap_for_session, wrap_for_session

log = logging.getLogger("vigil.staff")
COOKIE = "vigil_staff"
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)  # a write for every page would be too many


def cookie_name() -> str:
    """The cookie's whole name here."""
    return tokens.cookie_name(COOKIE)


def token_in_request() -> bytes:
    """The token that the browser brought, or gets with this answer; empty where it has none."""
    renewed: bytes = g.get("renewed_token", b"")
    return renewed or tokens.read_cookie(COOKIE)


def set_cookie(response: AnyResponse, token: bytes) -> None:
    """Give the browser its token, until it is closed."""
    tokens.write_cookie(response, COOKIE, token)


def forget_cookie(response: AnyResponse) -> None:
    """Take the tokens from the browser, with whatever it kept of our pages.

    Cookies are named one by one: `Clear-Site-Data: "cookies"` would also take the one by which the
    browser is known, and with it the protection from being locked out.
    """
    for name in (cookie_name(), current_app.config["SESSION_COOKIE_NAME"]):
        tokens.drop_cookie(response, name)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


def start_session(
    staff_id: uuid.UUID, secret: bytes | None, now: datetime, browser: str = ""
) -> bytes:
    """Write a new session, clear out those that have ended; return the token. Flushes.

    `secret` is the holder's key, with the second factor's behind it until that is set up. Raises
    VaultMissing.
    """
    token = draw_token()
    token_hash = hash_token(token)
    clear_out(now)
    row = {
        "token_hash": token_hash,
        "id": uuid.uuid4(),
        "staff_id": staff_id,
        "wrapped_key": secret and wrap_for_session(token, secret, token_hash),
        "created_at": now,
        "seen_at": now,
        "ends_at": now + LONGEST,
        "stepped_up_at": now,
        "browser": browser,
    }
    db.session.execute(insert(StaffSession).values(**with_mark(row)))
    return token


def renew_session(token: bytes, now: datetime, secret: bytes | None = None) -> bytes | None:
    """Give a session another token, after passphrase and code; None where it has ended. Flushes.

    The old token opens nothing any more. `secret` is what it keeps from now on.
    """
    session = find_session(token)
    if session is None or not is_ours(session):  # read anew: it was checked a passphrase ago
        return None
    secret, renewed = secret or secret_of(session, token), draw_token()
    new_hash, before = hash_token(renewed), bound_in(session)
    times = {"stepped_up_at": now, "seen_at": now}
    db.session.expunge(session)
    moved = db.session.execute(
        update(StaffSession)
        .where(StaffSession.token_hash == hash_token(token))
        .values(
            **with_mark({**before, **times, "token_hash": new_hash}),
            wrapped_key=secret and wrap_for_session(renewed, secret, new_hash),
        )
        .execution_options(synchronize_session=False)
    )
    return renewed if moved.rowcount else None  # type: ignore[attr-defined]


def find_session(token: bytes) -> StaffSession | None:
    """The session of a token, live or not."""
    return db.session.get(StaffSession, hash_token(token)) if token else None


def is_live(session: StaffSession, now: datetime) -> bool:
    """Whether a session was begun here and has neither ended nor been idle for too long.

    Raises VaultMissing.
    """
    if not is_ours(session):
        log.error("a session's row was not written here and opens nothing: %s", session.id)
        return False
    return now < session.ends_at and now - session.seen_at < IDLE


def mark_seen(token: bytes, now: datetime) -> None:
    """Note that the session is in use. An ended one stays ended."""
    session = find_session(token)
    if session is None or not is_live(session, now):
        return
    seen = with_mark({**bound_in(session), "seen_at": now})
    row = update(StaffSession).where(StaffSession.token_hash == session.token_hash)
    db.session.execute(row.values(seen_at=now, mark=seen["mark"]))


def secret_of(session: StaffSession, token: bytes) -> bytes | None:
    """What a session keeps under its token; None where that is nothing or does not open."""
    if session.wrapped_key is None:
        return None
    return unwrap_for_session(token, session.wrapped_key, session.token_hash)


def sessions_of(staff_id: uuid.UUID, now: datetime) -> list[StaffSession]:
    """The live sessions of a member, the one in use last first."""
    rows = select(StaffSession).where(StaffSession.staff_id == staff_id)
    found = db.session.scalars(rows.order_by(StaffSession.seen_at.desc()))
    return [session for session in found if is_live(session, now)]


def end_session(token: bytes) -> uuid.UUID | None:
    """Delete the session of a token; return whose it was. Flushes."""
    return db.session.scalar(
        delete(StaffSession)
        .where(StaffSession.token_hash == hash_token(token))
        .returning(StaffSession.staff_id)
    )


def end_session_of(staff_id: uuid.UUID, session_id: uuid.UUID) -> bool:
    """Delete one session of a member; False where there is none such. Flushes."""
    ended = delete(StaffSession).where(
        StaffSession.staff_id == staff_id, StaffSession.id == session_id
    )
    return bool(db.session.execute(ended).rowcount)  # type: ignore[attr-defined]


def end_other_sessions(staff_id: uuid.UUID, keep: bytes) -> int:
    """Delete all sessions of a member but the one of a token; how many. Flushes."""
    ended = delete(StaffSession).where(
        StaffSession.staff_id == staff_id, StaffSession.token_hash != hash_token(keep)
    )
    return int(db.session.execute(ended).rowcount)  # type: ignore[attr-defined]


def end_all_sessions(staff_id: uuid.UUID, now: datetime) -> int:
    """Delete every session of a member; how many of them were live. Flushes. Raises VaultMissing.

    Their browsers are strangers from now on, too: one that is in other hands has no tries of its
    own.
    """
    live = len(sessions_of(staff_id, now))
    for model in (StaffSession, KnownBrowser):
        db.session.execute(delete(model).where(model.staff_id == staff_id))
    return live


def clear_out(now: datetime) -> None:
    """Delete the sessions that have ended or were idle, and forget unused browsers. Flushes."""
    db.session.execute(
        delete(StaffSession).where(
            or_(StaffSession.ends_at <= now, StaffSession.seen_at <= now - IDLE)
        )
    )
    browsers.drop_unused(now.date())
