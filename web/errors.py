"""The pages for what goes wrong: in the visitor's language, with what to do, never a traceback."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, make_response, render_template, request
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from werkzeug.exceptions import HTTPException, SecurityError

from config.database import db
from config.languages import supported_languages
from vault.services import VaultMissing

log = logging.getLogger("vigil.web")

WITH_PAGE = {400, 403, 404, 405, 410, 413, 429, 500, 503}
RETRY_AFTER = "30"  # seconds
# No vault, no database, a locked one, or no connection to be had: all of it may pass.
UNAVAILABLE = (VaultMissing, OperationalError, InterfaceError, TimeoutError)


def init_errors(app: Flask) -> None:
    """Answer every error with a page of ours."""
    app.register_error_handler(HTTPException, _http)
    for fault in UNAVAILABLE:
        app.register_error_handler(fault, _unavailable)
    app.register_error_handler(Exception, _unexpected)


def error_page(status: int) -> Response:
    """The page for a status. Needs no database, so that it comes where the database is gone."""
    _language_of_the_address()
    shown = status if status in WITH_PAGE else (500 if status >= 500 else 400)
    response = make_response(render_template("errors/error.html", status=shown), status)
    if status in {429, 503}:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


def _http(error: HTTPException) -> Response | HTTPException:
    if isinstance(error, SecurityError):  # a host that is not ours: no address can be built
        return Response("Unknown host.\n", 400, mimetype="text/plain")
    if error.code is None or error.code < 400:
        return error
    page = error_page(error.code)
    if error.code == 405:
        page.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or ["GET"])
    return page


def note_unavailable(error: Exception) -> None:
    """Undo what was begun, and say in the log what is missing."""
    db.session.rollback()
    log.error("unavailable: %s at %s", type(error).__name__, request.endpoint)


def _unavailable(error: Exception) -> Response:
    note_unavailable(error)
    return error_page(503)


def _unexpected(error: Exception) -> Response:
    log.exception("unexpected error at %s", request.endpoint)
    try:
        db.session.rollback()
    except Exception:
        log.exception("and no rollback")
    return error_page(500)


def _language_of_the_address() -> None:
    """An address that nobody knows still starts with its language."""
    first = request.path.split("/", 2)[1]
    if "language" not in g and first in supported_languages():
        g.language = first
