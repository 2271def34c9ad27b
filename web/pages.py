"""Pages that belong to no feature: privacy, accessibility, imprint, and what machines ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from mimetypes import guess_type

from flask import Blueprint, Response, abort, redirect
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from config.languages import preferred_language
from config.settings import ROOT, settings
from vault.services import vault
from web.filters import static_mark
from web.public import public_blueprint, public_page

STATIC = ROOT / "static"
# what follows is a token
PRIVATE = ("confirm", "not-me", "unsubscribe", "open", "my-data", "donate/manage")

machines = Blueprint("web", __name__)
pages = public_blueprint("pages", __name__)


@machines.get("/")
def root() -> AnyResponse:
    """To the visitor's language; nobody may keep the answer for others."""
    response = redirect(f"/{preferred_language()}/", 302)
    response.headers["Vary"] = "Accept-Language"
    response.headers["Cache-Control"] = "private, max-age=0"
    return response


@machines.get("/static/<mark>/<path:name>")
def static_file(mark: str, name: str) -> Response:
    """A file of ours; its address changes with its content, so that it is kept for a year.

    Under another mark (an older page's) it is not kept at all: anybody can make up marks.
    """
    response = _file(name)
    if mark == static_mark(name):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@machines.get("/favicon.ico")
def favicon() -> AnyResponse:
    """Browsers that read no `<link rel=icon>` ask here."""
    response = _file("favicon.svg")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@machines.get("/robots.txt")
def robots() -> Response:
    """What crawlers may read: everything public, no private link (RFC 9309)."""
    lines = ["User-agent: *", "Disallow: /staff/", "Disallow: /stripe/", "Disallow: /leave"]
    for code in settings().supported_languages:
        lines += [f"Disallow: /{code}/{path}/" for path in PRIVATE]
    return _plain([*lines, f"Sitemap: {settings().base_url}/sitemap.xml"])


@machines.get("/.well-known/security.txt")
def security_txt() -> Response:
    """Whom to tell of a hole in the security (RFC 9116)."""
    chosen = settings()
    contact = chosen.security_contact or f"mailto:{chosen.contact_email}"
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=180)
    languages = ", ".join(chosen.supported_languages)
    return _plain(
        [
            f"Contact: {contact}",
            f"Expires: {expires.isoformat().replace('+00:00', 'Z')}",
            f"Preferred-Languages: {languages}",
            f"Canonical: {chosen.base_url}/.well-known/security.txt",
        ]
    )


@machines.get("/healthz")
def healthz() -> Response:
    """This process answers."""
    return _plain(["ok"])


@machines.get("/readyz")
def readyz() -> AnyResponse:
    """The database answers and the vault can seal; else 503 with what is missing."""
    try:
        db.session.execute(text("SELECT 1"))
        if vault().is_ready():
            return _plain(["ok"])
        missing = "vault"
    except SQLAlchemyError:
        missing = "database"
    response = _plain([f"not ready: {missing}"])
    response.status_code = 503
    return response


@pages.get("/check-inbox")
def check_inbox() -> Response:
    """After signing or signing up: the same page, whatever we know of the address."""
    return public_page("pages/check_inbox.html")


@pages.get("/privacy")
def privacy() -> Response:
    """What is kept, how it is sealed, for how long."""
    return public_page("pages/privacy.html")


@pages.get("/accessibility")
def accessibility() -> Response:
    """The accessibility statement (the model of EU decision 2018/1523, in short)."""
    return public_page("pages/accessibility.html")


@pages.get("/imprint")
def imprint() -> Response:
    """Who runs this installation, from the settings."""
    return public_page("pages/imprint.html")


def _file(name: str) -> Response:
    """A file of ours, read whole: they are small, and the page cache keeps them compressed."""
    if name not in _files():
        abort(404)
    # of scripts Python before 3.12 knows the old type (RFC 9239)
    kind = "text/javascript" if name.endswith(".js") else guess_type(name)[0]
    response = Response((STATIC / name).read_bytes(), mimetype=kind)
    response.add_etag(weak=True)
    return response


@cache
def _files() -> frozenset[str]:
    """The only names there are: no way round about (`a/../b`) means one of them, too."""
    return frozenset(
        path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()
    )


def _plain(lines: list[str]) -> Response:
    return Response("\n".join([*lines, ""]), mimetype="text/plain")
