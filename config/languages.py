"""The languages that visitors read, how each calls itself, and which one a visitor wants."""

from __future__ import annotations

from functools import cache

from babel import Locale
from flask import Flask, current_app, g, has_request_context, request
from flask_babel import Babel

from config.settings import ROOT

babel = Babel()


def init_languages(app: Flask, supported: tuple[str, ...]) -> None:
    """Set translations up; the language of a page is the one its address starts with."""
    app.config["BABEL_DEFAULT_LOCALE"] = supported[0]
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(ROOT / "translations")
    app.extensions["vigil_languages"] = supported
    babel.init_app(app, locale_selector=current_language, timezone_selector=lambda: "UTC")


def supported_languages() -> tuple[str, ...]:
    """The languages of this installation, the default first."""
    languages: tuple[str, ...] = current_app.extensions["vigil_languages"]
    return languages


def current_language() -> str:
    """The language of this page: from its address, else the visitor's wish, else the default."""
    if not has_request_context():
        return supported_languages()[0]
    language: str | None = g.get("language")
    return language or preferred_language()


def preferred_language() -> str:
    """What the browser asks for (Accept-Language, RFC 9110 12.5.4), as far as we have it."""
    languages = supported_languages()
    return request.accept_languages.best_match(languages) or languages[0]


@cache
def endonym(language: str) -> str:
    """A language's name for itself, as a choice for those who read it."""
    name = Locale.parse(language).get_display_name(language) or language
    return name[:1].upper() + name[1:]


@cache
def direction(language: str) -> str:
    """The value for `dir`: ltr or rtl."""
    return Locale.parse(language).text_direction
