"""Starts the work that needs a key, whenever somebody with a key looks at a page."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import current_app, g, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from staff.access import NoKey, SignedIn, opener, staff
from staff.work import keyed_work
from staff.work.keyed_thread import background
from staff.work.keyed_work import Shift
from vault.services import VaultMissing


@staff.after_request
def begin_keyed_work(response: AnyResponse) -> AnyResponse:
    """Begin or go on, in the background; the page does not wait, and no fault reaches it.

    Only after a page that was read: a post would hold SQLite's write lock meanwhile.
    """
    me: SignedIn | None = g.get("staff")
    if request.method != "GET" or me is None or me.holder_key is None:
        return response
    now = datetime.now(UTC)
    try:
        if background().looks_again(me.session_id, now) and keyed_work.is_wanted(now):
            app = current_app._get_current_object()  # type: ignore[attr-defined]
            background().start(Shift(app, opener(), me.session_id, me.id))
    except (NoKey, VaultMissing, SQLAlchemyError):
        db.session.rollback()  # the page said so already, or the next one will
    return response
