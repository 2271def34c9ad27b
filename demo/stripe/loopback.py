"""Keeps the demo services on this computer: which hosts count as loopback, and a guard for
requests.
"""

from urllib.parse import urlsplit

from flask import Flask, Response, request

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


def is_loopback(url: str) -> bool:
    """Whether an http(s) address points at this computer."""
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK_HOSTS


def guard_host(app: Flask) -> None:
    """Refuse requests under a foreign host name: a page elsewhere could rebind its name to
    127.0.0.1.
    """

    @app.before_request
    def refuse_foreign_host() -> Response | None:
        if is_loopback(f"http://{request.host}"):
            return None
        return Response("This service answers on loopback only.\n", 403, mimetype="text/plain")
