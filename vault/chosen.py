"""Passphrases of somebody's own choice, for roles that open no contact: long, and not guessed.

zxcvbn looks them up in its lists, which hold the passwords that leaked most often, names and words
(ASVS 5.0, 6.2.4 and 6.2.12), and works without asking anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from zxcvbn import zxcvbn

SHORTEST = 15  # characters (ASVS 6.2.1, without a second factor it would still hold)
LONGEST = 256
LOOKED_AT = 72  # characters: the search takes long for longer ones, and needs no more
SAFE_SCORE = 4  # of 0 to 4: 10^10 guesses

# What the keys of a Belarusian, Russian or Ukrainian keyboard are on a Latin one.
AS_LATIN_KEYS = str.maketrans(
    "йцукенгшщзхъфывапролджэячсмитьбюіїєўґё",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,.s]'o\\`",
)


class ChosenFault(StrEnum):
    """Why a passphrase is not taken."""

    SHORT = "short"
    LONG = "long"
    EASY = "easy"


def check_chosen(passphrase: str, words_to_avoid: Iterable[str]) -> ChosenFault | None:
    """Return what is wrong with a passphrase, or None.

    `words_to_avoid` are those that anybody would try first: the person's name, the organisation's.
    """
    if len(passphrase.strip()) < SHORTEST:
        return ChosenFault.SHORT
    if len(passphrase) > LONGEST:
        return ChosenFault.LONG
    known = [word for phrase in words_to_avoid for word in (phrase, *phrase.split())]
    lower = passphrase.lower()
    # typed with the other layout switched on, a well-known word is as well known
    spellings = {passphrase, lower.translate(AS_LATIN_KEYS)}
    return None if all(_is_safe(spelling, known) for spelling in spellings) else ChosenFault.EASY


def _is_safe(passphrase: str, known: list[str]) -> bool:
    found = zxcvbn(passphrase[:LOOKED_AT], user_inputs=known, max_length=LOOKED_AT)
    return int(found["score"]) >= SAFE_SCORE
