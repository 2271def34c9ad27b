"""How texts, figures, days and money are written in the visitor's language."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cache

import nh3
from babel.dates import format_date
from babel.numbers import format_decimal
from flask import Flask, request, url_for
from markdown_it import MarkdownIt
from markupsafe import Markup

from config.languages import current_language, direction, endonym, supported_languages
from config.settings import ROOT, Settings
from web.tokens import make_form_token

_markdown = MarkdownIt("commonmark", {"html": False, "typographer": False})
_ALLOWED = {
    "a", "p", "h2", "h3", "ul", "ol", "li", "strong", "em", "blockquote", "code", "hr", "br",
}  # fmt: skip


def init_filters(app: Flask, settings: Settings) -> None:
    """Give the templates their words: filters and a few globals."""
    app.jinja_env.filters.update(markdown=render_markdown, day=day, number=number)
    app.jinja_env.globals.update(
        settings=settings,
        static_url=static_url,
        make_form_token=make_form_token,
        supported_languages=supported_languages,
        current_language=current_language,
        direction=direction,
        endonym=endonym,
        same_page_in=same_page_in,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def render_markdown(text: str) -> Markup:
    """Markdown (CommonMark) as clean HTML: no raw HTML, no pictures, links of the web only."""
    html = _markdown.render(text)
    clean = nh3.clean(
        html, tags=_ALLOWED, attributes={"a": {"href"}}, url_schemes={"https", "http", "mailto"}
    )
    return Markup(clean)  # noqa: S704 - nh3 has just cleaned it


def number(value: int) -> str:
    """A whole number with the language's own separators."""
    return format_decimal(value, locale=current_language())


def day(value: date) -> str:
    """A day in words, as the language has it."""
    return format_date(value, format="long", locale=current_language())


def same_page_in(language: str) -> str:
    """This page's address in another language; the home page where this one has no address."""
    endpoint = request.endpoint
    if endpoint and request.url_rule and "language" in request.url_rule.arguments:
        return url_for(endpoint, **{**(request.view_args or {}), "language": language})
    return url_for("campaigns.home", language=language)


@cache
def static_mark(name: str) -> str:
    """What stands in the address of a file of ours; raises FileNotFoundError."""
    return hashlib.sha256((ROOT / "static" / name).read_bytes()).hexdigest()[:10]


def static_url(name: str) -> str:
    """The address of a file of ours; it changes with the content, so that it is kept for ever."""
    return url_for("web.static_file", mark=static_mark(name), name=name)
