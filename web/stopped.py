"""The dignified page while the intake is stopped (`flask panic`).

Campaigns and what we say of ourselves stay readable. Whatever takes something in, or asks for a
key, answers 503: forms, private links, the staff's door, and Stripe, which sends its event again.
"""

from __future__ import annotations

from flask import Flask, Response, current_app, make_response, render_template, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as AnyResponse

from config.database import begin_read, db
from vault.services import IntakeStopped, vault
from web.origin import SAFE_METHODS

RETRY_AFTER = "3600"  # seconds
# Closed unless opened: the rooms whose pages take nothing in.
READABLE = {"campaigns", "pages", "quick_exit", "site", "web"}


def init_stopped(app: Flask) -> None:
    """Ask before every request; also answer where it was stopped in the midst of one."""
    app.before_request(refuse_while_stopped)
    app.register_error_handler(IntakeStopped, _stopped)


def refuse_while_stopped() -> AnyResponse | None:
    """The page, where the intake is stopped and this request is not only for reading."""
    if request.endpoint is None or (
        request.method in SAFE_METHODS and request.blueprint in READABLE
    ):
        return None
    return stopped_page() if _is_stopped() else None


def stopped_page() -> AnyResponse:
    """Say it to a person in their language, to a program in one line."""
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "is_for_programs", False):
        response = Response("stopped: try again later\n", mimetype="text/plain")
    else:
        response = make_response(render_template("pages/stopped.html"))
    response.status_code = 503
    response.headers["Retry-After"] = RETRY_AFTER
    return response


def _is_stopped() -> bool:
    """A look that holds no lock; where the database is away, its own page says so later."""
    here = vault()
    if here.is_checked():
        return here.is_stopped()
    try:
        begin_read()
        return here.is_stopped()
    except SQLAlchemyError:
        return False
    finally:
        db.session.rollback()


def _stopped(error: Exception) -> AnyResponse:
    db.session.rollback()
    return stopped_page()
