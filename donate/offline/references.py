"""What a transfer carries so that we know it again: a creditor reference (ISO 11649).

RF, two check digits and a part of our own, which is random: it says nothing of the donor, and
nobody finds another one by guessing.
"""

from __future__ import annotations

import re
import secrets

from config.check_digits import check_digits, in_fours, is_checked

# Without 0 and O, 1 and I: somebody will copy it by hand.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
OWN_PART = 10  # signs of 5 bits; the standard allows 21
LONGEST = 25


class NoReference(ValueError):
    """Something else than a creditor reference, or one with a slip of the pen in it."""


def make_reference() -> str:
    """A new reference, as it is kept and as a bank's computer wants it."""
    own = "".join(secrets.choice(ALPHABET) for _ in range(OWN_PART))
    return f"RF{check_digits('RF', own)}{own}"


def parse_reference(text: str) -> str:
    """A reference as somebody typed or copied it, in whatever groups. Raises NoReference."""
    plain = re.sub(r"[\s.,/-]", "", text).upper()
    if not plain.startswith("RF") or len(plain) > LONGEST or not is_checked(plain):
        raise NoReference
    return plain


def print_reference(reference: str) -> str:
    """A reference for people, in groups of four."""
    return in_fours(reference)
