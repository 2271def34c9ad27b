"""Where the time of a signing post goes: one process, no network, shares by part."""

from __future__ import annotations

import cProfile
import io
import pstats
import re
import secrets
from collections import defaultdict
from typing import Any
from urllib.parse import urlencode

from config.database import db
from tests.support.instances import Instance
from web.tokens import make_form_token

POSTS = 400
PATH = "/uk/petitions/bring-the-children-home"
# The first that matches a file's path or a built-in's name.
PARTS = [
    ("commit to disk", r"method 'commit' of 'sqlite3|wait_c|_psycopg|psycopg"),
    ("statements in SQLite", r"sqlite3"),
    ("SQLAlchemy", r"sqlalchemy"),
    ("sealing and hashing", r"nacl|_sodium|_hashlib|hashlib|hmac|argon2"),
    ("form: WTForms", r"wtforms|flask_wtf"),
    ("form: e-mail address", r"email_validator|idna|dns"),
    ("form: sentences", r"babel|gettext|speaklater"),
    ("limits", r"limits|flask_limiter"),
    ("Flask and Werkzeug", r"werkzeug|flask|blinker|markupsafe|itsdangerous"),
    ("Vigil", r"/(web|contacts|petitions|mail|vault|config)/\w+\.py"),
]


def shares(instance: Instance) -> list[tuple[str, float]]:
    """Part and share of the time, the largest first."""
    app = instance.app(form_limit="1000000000 per hour")
    with app.app_context():
        token = make_form_token()
        for _ in range(20):
            _post(app, token)
        profile = cProfile.Profile()
        profile.enable()
        for _ in range(POSTS):
            _post(app, token)
        profile.disable()
        db.engine.dispose()
    spent: dict[str, float] = defaultdict(float)
    statistics: Any = pstats.Stats(profile)
    for (file, _line, name), (_cc, _nc, own, _cumulative, _callers) in statistics.stats.items():
        spent[_part(f"{file} {name}")] += own
    whole = sum(spent.values())
    return sorted(((part, t / whole) for part, t in spent.items()), key=lambda row: -row[1])


def _part(place: str) -> str:
    return next((part for part, pattern in PARTS if re.search(pattern, place)), "Python itself")


def _post(app: Any, token: str) -> None:
    fields = {
        "name": "Anna K.",
        "email": f"{secrets.token_hex(8)}@example.org",
        "country": "LT",
        "consent": "y",
        "website": "",
        "form_token": token,
    }
    body = urlencode(fields).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": PATH,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_SEC_FETCH_SITE": "same-origin",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
    }
    statuses: list[str] = []
    list(app.wsgi_app(environ, lambda status, headers, exc=None: statuses.append(status)))
    if not statuses[0].startswith("303"):
        raise RuntimeError(statuses[0])
