"""What a gift can be for: a fixed list, with names in every language."""

from __future__ import annotations

from typing import Any

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


def fund_name(slug: str, language: str) -> str:
    """A fund's name in a language; the slug itself for a fund that is no longer on the list."""
    with force_locale(language):
        return str(FUNDS.get(slug, slug))
