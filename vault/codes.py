"""The recovery code: a holder's private key with a checksum, to be printed once and typed back.

Crockford's base 32 leaves out I, L, O and U, so that 0 and O, 1 and I and L may be taken for each
other; Cyrillic letters that look like Latin ones may be, too. 32 bytes and 3 of checksum make 56
characters.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from enum import StrEnum

from vault.typed import without_separators

KEY_BYTES = 32
CHECKSUM_BYTES = 3
CODE_LENGTH = 56
GROUP_LENGTH = 4

RFC_4648 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
WRITE = str.maketrans(RFC_4648, CROCKFORD)
READ = str.maketrans(CROCKFORD, RFC_4648)
LOOKS_LIKE = str.maketrans("OILАВЕКМНОРСТУХІЈЅ", "011ABEKMH0PCTYX1JS")


class Fault(StrEnum):
    """What is wrong with a recovery code that was typed in."""

    LENGTH = "length"
    CHARACTER = "character"
    CHECKSUM = "checksum"


class BadRecoveryCode(ValueError):
    """The text is no recovery code; `fault` says why. CHECKSUM: complete, with a typing mistake."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"not a recovery code: {fault}")
        self.fault = fault


def write_code(key: bytes) -> str:
    """Return the code for a 32-byte key, in groups of four characters."""
    if len(key) != KEY_BYTES:
        raise ValueError("a holder's key has 32 bytes")
    letters = base64.b32encode(key + _checksum(key)).decode().translate(WRITE)
    return "-".join(
        letters[start : start + GROUP_LENGTH] for start in range(0, CODE_LENGTH, GROUP_LENGTH)
    )


def read_code(typed: str) -> bytes:
    """Return the key in a code, however case, spaces and dashes were typed. Raises BadRecoveryCode.

    A mistake gets past the checksum once in sixteen million times; the vault does not open then.
    """
    letters = _letters(typed)
    if any(letter not in CROCKFORD for letter in letters):
        raise BadRecoveryCode(Fault.CHARACTER)
    if len(letters) != CODE_LENGTH:
        raise BadRecoveryCode(Fault.LENGTH)
    content = base64.b32decode(letters.translate(READ))
    key, checksum = content[:KEY_BYTES], content[KEY_BYTES:]
    if not hmac.compare_digest(checksum, _checksum(key)):
        raise BadRecoveryCode(Fault.CHECKSUM)
    return key


def reads_as(typed: str, written: str) -> bool:
    """Whether somebody typed this part of a code, however case, spaces and dashes were typed."""
    return _letters(typed) == _letters(written)


def _letters(typed: str) -> str:
    return without_separators(typed).upper().translate(LOOKS_LIKE)


def _checksum(key: bytes) -> bytes:
    return hashlib.sha256(b"vigil recovery code" + key).digest()[:CHECKSUM_BYTES]
