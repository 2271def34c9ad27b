"""The check digits of an IBAN and of a creditor reference (ISO 7064, MOD 97-10)."""

from __future__ import annotations

import re

FORM = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}")


def is_checked(text: str) -> bool:
    """Whether two letters, two check digits and the rest belong together; no spaces, capitals."""
    return FORM.fullmatch(text) is not None and _remainder(text[4:] + text[:4]) == 1


def check_digits(letters: str, rest: str) -> str:
    """The two digits to stand between `letters` and `rest`."""
    return f"{98 - _remainder(f'{rest}{letters}00'):02}"


def in_fours(text: str) -> str:
    """As people write and compare such numbers: in groups of four."""
    return " ".join(re.findall(".{1,4}", text))


def _remainder(text: str) -> int:
    """Each letter counts as two digits, A as 10."""
    return int("".join(str(int(sign, 36)) for sign in text)) % 97
