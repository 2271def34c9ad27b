"""Generated passphrases: six words of the EFF's long list, about 77 bits.

A seized server may be guessed at offline, so that nobody who holds a key chooses their own.
"""

from __future__ import annotations

import secrets
from functools import cache
from importlib.resources import files

from vault.typed import without_separators

WORDS = 6
LIST_LENGTH = 7776


@cache
def word_list() -> tuple[str, ...]:
    """Return the words, without the four that are hyphenated, which people type in two ways.

    No word begins another (a test holds this), so that the words are told apart even when typed
    without spaces. Raises RuntimeError if the list is not the one that we count on.
    """
    lines = (files("xkcdpass") / "static" / "eff-long").read_text("ascii").split()
    if len(set(lines)) != LIST_LENGTH:
        raise RuntimeError("the EFF's long word list is not whole")
    return tuple(word for word in lines if word.isalpha())


def generate_passphrase() -> str:
    """Return six words, drawn by the operating system's generator, with spaces between."""
    return " ".join(secrets.choice(word_list()) for _ in range(WORDS))


def normalise_passphrase(typed: str) -> str:
    """Return the one form of a generated passphrase, however case, spaces and dashes were typed.

    Only for generated ones: a passphrase of somebody's own choice is taken as it is (ASVS 6.2.8).
    """
    return without_separators(typed).casefold()
