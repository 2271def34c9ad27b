"""Leaving at once: another page in the place of ours, for whoever must not be seen reading it.

It cannot take our pages out of the browser's history; the page beside the button says so.
"""

from __future__ import annotations

from flask import Blueprint, redirect
from werkzeug.wrappers import Response as AnyResponse

from config.settings import settings

quick_exit = Blueprint("quick_exit", __name__)


@quick_exit.get("/leave")
def leave() -> AnyResponse:
    """To QUICK_EXIT_URL, which does not learn whence; what the browser kept of ours is dropped."""
    response = redirect(settings().quick_exit_url, 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
