"""The door of the staff pages: who comes in, and what those read who do not."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import abort, current_app, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response as AnyResponse

from config.database import begin_write, db
from config.languages import supported_languages
from staff.access import NoKey, SignedIn, staff, who_has
from staff.door import sessions, views_step_up
from staff.door.second_factor import is_open_before_factor, may_wait
from staff.door.step_up import wants_step_up
from staff.permissions import NOBODY_SIGNED_IN, SIGNED_IN, is_allowed, needs, permission_of
from staff.words import FILTERS, FOR_TEMPLATES
from web.origin import SAFE_METHODS


@staff.before_request
def let_in() -> AnyResponse | None:
    """Refuse where no permission is named, nobody is signed in, or the role may not.

    A post needs the token of one of our own forms besides (Flask-WTF).
    """
    view = current_app.view_functions.get(request.endpoint or "")
    permission = permission_of(view)
    if permission is None:
        abort(403)
    is_post = request.method not in SAFE_METHODS
    if permission == NOBODY_SIGNED_IN:
        return current_app.extensions["csrf"].protect() if is_post else None
    now = datetime.now(UTC)
    g.staff = me = _who(now)
    if me is None:
        return _to_sign_in()
    if me.language in supported_languages():
        g.language = me.language
    if not (me.has_factor or may_wait() or is_open_before_factor(view)):
        return redirect(url_for("staff.second_factor", next=_came_from()), 303)
    if not is_allowed(me.role, permission):
        abort(403)
    if is_post:
        current_app.extensions["csrf"].protect()
    return views_step_up.stop(me, now) if wants_step_up(view) else None


@staff.get("/<path:unknown>")
@needs(SIGNED_IN)
def nothing_here(unknown: str) -> AnyResponse:
    """An address that is not to be read: refused within the staff pages, after the sign-in."""
    routes = current_app.create_url_adapter(request)
    if routes and "POST" in routes.allowed_methods():
        raise MethodNotAllowed(["POST"])
    abort(404)


@staff.after_request
def keep_nothing(response: AnyResponse) -> AnyResponse:
    """No cache may hold a page of staff, whatever a view says; a new token goes to its browser."""
    response.headers["Cache-Control"] = "no-store"
    if token := g.get("renewed_token"):
        sessions.set_cookie(response, token)
    return response


@staff.context_processor
def words_for_templates() -> dict[str, object]:
    """`me`, and what the names in the database are called."""
    return {"me": g.get("staff"), **FOR_TEMPLATES}


for name, function in FILTERS.items():
    staff.add_app_template_filter(function, name)


@staff.errorhandler(HTTPException)
def refused(error: HTTPException) -> AnyResponse:
    """A quiet page within the staff pages, with what to do."""
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    response = make_response(render_template("staff/error.html", words=_words(status)), status)
    if isinstance(error, MethodNotAllowed):
        response.allow.update(error.valid_methods or [])
    return response


@staff.errorhandler(NoKey)
def without_key(error: NoKey) -> AnyResponse:
    """Signed in, and no contact opens: signing in again tells whether the key is gone."""
    words = _("Your sign-in opens no contacts. Sign out and in again; then ask an administrator.")
    return make_response(render_template("staff/error.html", words=words), 403)


def _who(now: datetime) -> SignedIn | None:
    token = sessions.token_in_request()
    session = sessions.find_session(token)
    if session is None:
        return None
    if not sessions.is_live(session, now):
        begin_write()
        sessions.end_session(token)
        db.session.commit()
        return None
    found = who_has(session, token)
    if now - session.seen_at >= sessions.SEEN_EVERY:
        begin_write()
        sessions.mark_seen(token, now)
        db.session.commit()
    return found


def _to_sign_in() -> AnyResponse:
    """To the sign-in page, and back here afterwards where this is a page to come back to."""
    return redirect(url_for("staff.sign_in", next=_came_from()), 303)


def _came_from() -> str | None:
    return request.full_path.rstrip("?") if request.method == "GET" else None


def _words(status: int) -> str:
    known = {
        400: _("This page was open for too long. Go back, load it anew, and do it once more."),
        403: _("Your role does not include this. An administrator can change it."),
        404: _("There is nothing at this address. It may have been removed."),
        413: _("This is too long. Shorten it and send it again."),
    }
    return str(known.get(status) or _("This did not work. Go back and try it once more."))
