"""Countries and territories: their codes (ISO 3166-1, through CLDR) and names in each language."""

from __future__ import annotations

import re
from functools import cache

from babel import Locale

# CLDR lists regions that are no country: groups (EU, UN, EZ) and private or outlying codes.
_NO_COUNTRY = {"EU", "EZ", "UN", "QO", "ZZ", "XA", "XB", "AC", "CP", "DG", "EA", "IC", "TA", "CQ"}


def _names(language: str) -> dict[str, str]:
    return {str(code): str(name) for code, name in Locale.parse(language).territories.items()}


COUNTRY_CODES = frozenset(
    code for code in _names("en") if re.fullmatch(r"[A-Z]{2}", code) and code not in _NO_COUNTRY
)


@cache
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """Code and name of every country, sorted as the language sorts its letters."""
    names = _names(language)
    pairs = [(code, names.get(code, code)) for code in COUNTRY_CODES]
    return tuple(sorted(pairs, key=lambda pair: _sort_key(pair[1])))


def country_name(code: str, language: str) -> str:
    """A country's name; the code itself where the language has none."""
    return _names(language).get(code, code)


# Letters that stand elsewhere in the alphabet than in Unicode (Ukrainian and Belarusian).
_PLACE = {"ґ": "г~", "є": "е~", "і": "и~", "ї": "и~~", "ё": "е~", "ў": "у~"}


def _sort_key(name: str) -> str:
    lower = name.casefold()
    return "".join(_PLACE.get(letter, letter) for letter in lower)
