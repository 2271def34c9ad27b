"""Refuses posts that another site made a visitor's browser send; needs no cookie.

The browser says where a post comes from: `Sec-Fetch-Site` (Fetch Metadata), or `Origin` where it
is too old for that. A post that says neither is refused (OWASP, CSRF prevention, fetch metadata).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, request

View = TypeVar("View", bound=Callable[..., Any])

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def init_origin_check(app: Flask) -> None:
    """Check every unsafe request, except to views marked by `from_other_programs`."""
    app.before_request(refuse_cross_site_posts)


def from_other_programs(view: View) -> View:
    """Mark a view that other programs post to; it must verify the sender by itself."""
    view.is_for_programs = True  # type: ignore[attr-defined]
    return view


def refuse_cross_site_posts() -> None:
    """Raise 403 for an unsafe request that does not come from one of our own pages."""
    if request.method in SAFE_METHODS:
        return
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "is_for_programs", False):
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site in {"same-origin", "none"}:
        return
    if site is None and _is_ours(request.headers.get("Origin", "")):
        return
    abort(403)


def _is_ours(origin: str) -> bool:
    ours = current_app.extensions["vigil_settings"].base_url
    here = urlsplit(request.host_url)  # its host was checked against TRUSTED_HOSTS
    return origin in {ours, f"{here.scheme}://{here.netloc}"}
