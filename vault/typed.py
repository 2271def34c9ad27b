"""Secrets that people type from paper: what a keyboard or a word processor adds is taken away."""

from __future__ import annotations

import unicodedata

# Separators, dashes, joining punctuation, invisible characters: no meaning in our secrets.
IGNORED_CATEGORIES = {"Zs", "Zl", "Zp", "Pd", "Pc", "Cc", "Cf"}
MINUS_SIGN = "\u2212"


def without_separators(text: str) -> str:
    """Return `text` in one form (Unicode NFKC), without spaces, dashes, invisible characters."""
    return "".join(
        character
        for character in unicodedata.normalize("NFKC", text)
        if character != MINUS_SIGN and unicodedata.category(character) not in IGNORED_CATEGORIES
    )
