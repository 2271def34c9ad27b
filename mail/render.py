"""A mail's subject, text and HTML, in the language of the one who gets it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from flask import Flask, current_app
from flask_babel import force_locale, gettext
from jinja2 import Environment, StrictUndefined, TemplateError, TemplateNotFound

from config.languages import direction
from config.settings import settings
from config.stripe_pages import is_stripe_page

LINKS = {"path": "link", "not_me_path": "not_me_link", "unsubscribe_path": "unsubscribe_link"}
DISCREET = "discreet"  # the parameter that asks for a mail which does not show what it is about


class RenderFault(Exception):
    """No such template, a parameter that was not given, or an unsafe link: a fault of ours."""


class Rendered(NamedTuple):
    """A mail as its reader sees it; the subject is one line, a discreet one has no HTML."""

    subject: str
    text: str
    html: str


def render(kind: str, language: str, params: Mapping[str, str], base_url: str) -> Rendered:
    """Write the mail `templates/mail/<kind>`; raises RenderFault.

    A parameter `path` becomes the absolute address `link`, `unsubscribe_path` the address
    `unsubscribe_link`: made of `base_url`, never of a request's Host header. Instead of a path,
    `link` may be given whole: a page of Stripe's.
    With a parameter `discreet` it is `discreet.txt`, text alone.
    """
    if "link" in params and ("path" in params or not is_stripe_page(params["link"], settings())):
        raise RenderFault("link")
    environment = _environment(current_app._get_current_object())  # type: ignore[attr-defined]
    context: dict[str, Any] = {
        **params,
        **absolute_links(params, base_url),
        "base_url": base_url,
        "language": language,
        "dir": direction(language),
        "settings": settings(),
    }

    def write(name: str) -> str:
        return environment.get_template(f"mail/{kind}/{name}").render(context)

    try:
        with force_locale(language):
            if params.get(DISCREET):
                context["subject"] = gettext("About your request")
                text, html = write("discreet.txt"), ""
            else:
                context["subject"] = " ".join(write("subject.txt").split())
                text, html = write("body.txt"), write("body.html")
    except (TemplateError, KeyError) as error:
        raise RenderFault(type(error).__name__) from error
    text = re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"
    return Rendered(context["subject"], text, html)


def has_discreet(kind: str) -> bool:
    """Whether a mail can be discreet: all can, but those to staff."""
    environment = _environment(current_app._get_current_object())  # type: ignore[attr-defined]
    try:
        return bool(environment.get_template(f"mail/{kind}/discreet.txt"))
    except TemplateNotFound:
        return False


def discreet(is_wanted: bool) -> dict[str, str]:
    """The parameter that asks for a discreet mail, where one is wanted."""
    return {DISCREET: "y"} if is_wanted else {}


def absolute_links(params: Mapping[str, str], base_url: str) -> dict[str, str]:
    """The addresses that the parameters' paths stand for."""
    return {LINKS[name]: base_url + params[name] for name in LINKS if name in params}


def _environment(app: Flask) -> Environment:
    """The application's templates, strict about what is missing.

    Without Flask's context processors: they expect a request, and a mail has none.
    """
    if "vigil_mail_templates" not in app.extensions:
        app.extensions["vigil_mail_templates"] = app.jinja_env.overlay(
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
    environment: Environment = app.extensions["vigil_mail_templates"]
    return environment
