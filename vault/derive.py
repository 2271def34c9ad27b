"""One key for each purpose, derived from another key by HKDF-SHA-256 (RFC 5869)."""

from __future__ import annotations

import hmac

SALT = b"vigil"


def derive(key: bytes, purpose: str) -> bytes:
    """Return the 32-byte key for `purpose`; nobody gets back from it to `key`.

    One block of HKDF is as long as SHA-256's digest, so that two HMACs are the whole of it.
    """
    extracted = hmac.digest(SALT, key, "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")
