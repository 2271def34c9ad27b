"""A full copy: the wish for one, and the two files when a key holder has released it."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, abort, g
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from contacts.my_data import copies
from contacts.my_data.pages import back, my_data, pressed, private_page, refuse

TYPES = {"my-data.json": "application/json", "my-data.html": "text/html"}


@my_data.post("/my-data/<token>/copy")
def ask_for_copy(token: str) -> AnyResponse:
    """Note that a copy is wanted."""
    is_new = copies.ask_for_copy(pressed(token), g.language, datetime.now(UTC))
    db.session.commit()
    return back(token, "copy" if is_new else "copy-waits")


@my_data.get("/my-data/copy/<token>")
def copy(token: str) -> Response:
    """The page with both files; it opens as long as the link works, whatever keys are at hand."""
    if copies.open_copy(token, datetime.now(UTC)) is None:
        refuse()
    return private_page("my_data/copy.html", token=token, days=copies.DAYS)


@my_data.get("/my-data/copy/<token>/<name>")
def copy_file(token: str, name: str) -> Response:
    """One file, to be kept and not shown: it runs nothing here."""
    files = copies.open_copy(token, datetime.now(UTC))
    if files is None:
        refuse()
    if name not in TYPES or name not in files:
        abort(404)
    response = Response(files[name], mimetype=TYPES[name])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
