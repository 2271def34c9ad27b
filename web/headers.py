"""The headers that every answer carries, errors included."""

from __future__ import annotations

from flask import Flask, Response, current_app, request

from config.settings import Settings
from config.stripe_pages import stripe_origins

PUBLIC = "public, max-age=10, stale-while-revalidate=60"
PRIVATE = "no-store"


def init_headers(app: Flask, settings: Settings) -> None:
    """Set the security headers on every answer; what says nothing of caching is not stored."""
    fixed = _security_headers(settings)
    app.extensions["vigil_policy"] = dict(fixed)["Content-Security-Policy"]

    @app.after_request
    def _set_headers(response: Response) -> Response:
        for name, value in fixed:
            response.headers.setdefault(name, value)
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = PRIVATE
        return response


def is_public(response: Response) -> None:
    """Say that this page is the same for everyone, so that any cache may hold it."""
    if request.method in {"GET", "HEAD"} and response.status_code == 200:
        response.headers["Cache-Control"] = PUBLIC
        response.add_etag(weak=True)  # the page cache sends the same page zipped, too


def allow_workers(response: Response) -> None:
    """Let this one page run workers, from files of ours: older browsers ask for leave by name."""
    policy = current_app.extensions["vigil_policy"]
    response.headers["Content-Security-Policy"] = f"{policy}; worker-src 'self'"


def _security_headers(settings: Settings) -> list[tuple[str, str]]:
    # Where our forms may lead: a browser holds form-action also against the redirect after a post.
    forms = " ".join(("'self'", *stripe_origins(settings)))
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'; form-action {forms}; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    headers = [
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),  # for browsers older than frame-ancestors
        # not "no-referrer": older browsers would then send "Origin: null" with our own forms
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        (
            "Permissions-Policy",
            "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
        ),
    ]
    if settings.is_secure:
        headers.append(("Strict-Transport-Security", "max-age=31536000; includeSubDomains"))
    return headers
