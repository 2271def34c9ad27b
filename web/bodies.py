"""Refuses a body beyond the limit that was sent in chunks, and so without its length."""

from __future__ import annotations

from flask import Flask, abort, request

from web.origin import SAFE_METHODS


def init_body_limit(app: Flask) -> None:
    """Check every request that may have a body."""
    app.before_request(refuse_endless_bodies)


def refuse_endless_bodies() -> None:
    """Raise 413; werkzeug would cut the body off at the limit and take the rest for a whole form.

    A body with its length is refused by werkzeug itself, before it is read.
    """
    limit = request.max_content_length
    if request.method in SAFE_METHODS or request.content_length is not None or limit is None:
        return
    if len(request.get_data()) >= limit:  # kept, so that the form is read from it
        abort(413)
