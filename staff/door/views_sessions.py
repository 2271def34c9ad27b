"""One's own account: where one is signed in, and what one signs in with."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask import abort, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from config.database import db, forget_deleted_rows
from staff import audit
from staff.access import signed_in, staff
from staff.door import sessions
from staff.door.step_up import stepped_up
from staff.permissions import SIGNED_IN, needs


@staff.get("/account")
@needs(SIGNED_IN)
def account() -> str:
    """Passphrase, second factor, and every browser that is signed in."""
    mine = sessions.sessions_of(signed_in().id, datetime.now(UTC))
    return render_template("staff/sessions.html", sessions=mine, this=signed_in().session_id)


@staff.post("/account/sessions/<uuid:session_id>/end")
@needs(SIGNED_IN)
@stepped_up
def end_session(session_id: uuid.UUID) -> AnyResponse:
    """Sign another browser of one's own out."""
    me = signed_in()
    if session_id == me.session_id or not sessions.end_session_of(me.id, session_id):
        abort(404)
    return _ended(1)


@staff.post("/account/sessions/end-others")
@needs(SIGNED_IN)
@stepped_up
def end_other_sessions() -> AnyResponse:
    """Sign out everywhere but here."""
    return _ended(sessions.end_other_sessions(signed_in().id, sessions.token_in_request()))


def _ended(count: int) -> AnyResponse:
    me, now = signed_in(), datetime.now(UTC)
    audit.record("staff.sessions-ended", now, actor=me.id, subject=("staff", me.id), count=count)
    db.session.commit()
    forget_deleted_rows()
    told = ngettext("%(num)s other session ended.", "%(num)s other sessions ended.", count)
    flash(told if count else _("You are signed in nowhere else."), "good")
    return redirect(url_for("staff.account"), 303)
