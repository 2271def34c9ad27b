"""One form of a text for searching: as people would say it is the same, however it was typed.

Compatible characters are one (NFKC), case is folded, ё is е, all apostrophes are one. Accents on
Latin letters and stress marks go. The breves and dots of й, ў and ї stay: those are other letters.
"""

from __future__ import annotations

import re
import unicodedata

_ONE_FORM = str.maketrans(
    {
        **dict.fromkeys("’‘ʼʹ`´′‛＇", "'"),  # noqa: RUF001 - the look-alikes are the point
        **dict.fromkeys("‐‑‒–—−", "-"),  # noqa: RUF001
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ı": "i",
        "ё": "е",
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff"),  # seen by nobody
    }
)
_ACCENTS = re.compile(r"(?<=[a-z])[\u0300-\u036f]+|[\u0300\u0301]|(?<=е)\u0308")
_SPACES = re.compile(r"\s+")
_PHONE = re.compile(r"[+()\d][\d\s()./-]{4,}")
LEAST_DIGITS = 5


def fold(text: str) -> str:
    """The form that is compared."""
    if text.isascii() and "`" not in text:  # most of it, and ten times faster
        return _SPACES.sub(" ", text.lower())
    text = unicodedata.normalize("NFKC", text).casefold().translate(_ONE_FORM)
    text = _ACCENTS.sub("", unicodedata.normalize("NFD", text))
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text).translate(_ONE_FORM))


def phone_digits(text: str) -> str:
    """The digits of what is typed like a phone number or a part of one; else nothing."""
    text = text.strip()
    digits = re.sub(r"\D", "", text)
    return digits if _PHONE.fullmatch(text) and len(digits) >= LEAST_DIGITS else ""
