"""The frame of a public page: its language in the address, the same bytes for everyone."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, g, make_response, render_template
from werkzeug.routing import BaseConverter

from config.languages import preferred_language
from web.errors import RETRY_AFTER
from web.headers import is_public


class SlugConverter(BaseConverter):
    """The name of a petition or campaign in an address; anything else is no address of ours.

    PostgreSQL would refuse to look up a NUL.
    """

    regex = r"[a-z0-9]+(?:-[a-z0-9]+)*"


def public_blueprint(name: str, import_name: str) -> Blueprint:
    """A blueprint for pages whose address starts with their language."""
    blueprint = Blueprint(name, import_name)

    @blueprint.url_value_preprocessor
    def _pull_language(endpoint: str | None, values: dict[str, str] | None) -> None:
        g.language = (values or {}).pop("language", None)

    return blueprint


def push_language(endpoint: str, values: dict[str, str]) -> None:
    """Give each address that needs a language the one of the page it stands on."""
    if "language" not in values and current_app.url_map.is_endpoint_expecting(endpoint, "language"):
        values["language"] = g.get("language") or preferred_language()


def drawn_page(template: str, status: int = 200, **context: object) -> Response:
    """Draw a page for one visitor alone: nobody stores what does not say that it is public."""
    response = make_response(render_template(template, **context), status)
    if status in {429, 503}:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


def public_page(template: str, **context: object) -> Response:
    """Draw a page that any cache may hold, because it is the same for everyone."""
    response = make_response(render_template(template, **context))
    is_public(response)
    return response
