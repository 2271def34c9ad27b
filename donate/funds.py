"""What a gift can be for: a fixed list, with names in every language, and perhaps a campaign."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import current_app
from flask_babel import force_locale
from flask_babel import lazy_gettext as _

DEFAULT_FUND = "where-most-needed"

FUNDS: dict[str, Any] = {
    DEFAULT_FUND: _("Where it is needed most"),
    "families": _("Support for families"),
    "legal-help": _("Legal help"),
    "publicity": _("Making violations public"),
    "humanitarian-aid": _("Humanitarian aid"),
}
SLUG = re.compile(r"(?=.{1,80}$)[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Cause:
    """A campaign as the donate page needs it; `language` is that of its words."""

    slug: str
    title: str
    language: str
    fund: str
    thanks: str = ""


FindCause = Callable[[str, str], Cause | None]


def fund_name(slug: str, language: str) -> str:
    """A fund's name in a language; the slug itself for a fund that is no longer on the list."""
    with force_locale(language):
        return str(FUNDS.get(slug, slug))


def find_cause(slug: str, language: str) -> Cause | None:
    """A campaign by its name in addresses; None where there is none.

    The campaigns' room is above this one, so that the application says whom to ask.
    """
    ask: FindCause = current_app.extensions.get("vigil_causes", _any_cause)
    return ask(slug, language) if SLUG.fullmatch(slug) else None


def _any_cause(slug: str, language: str) -> Cause | None:
    """Where nobody knows campaigns: each is what it is called."""
    return Cause(slug, slug, language, DEFAULT_FUND)
