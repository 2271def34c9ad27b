"""One key for each purpose."""

from __future__ import annotations

import hashlib
import hmac

from vault.derive import derive


def test_keys_differ_by_purpose_and_by_key() -> None:
    made = {derive(key, purpose) for key in (b"a" * 32, b"b" * 32) for purpose in ("x", "y")}
    assert len(made) == 4
    assert {len(key) for key in made} == {32}


def test_derivation_is_rfc_5869() -> None:
    """Sections 2.2 and 2.3, with salt "vigil": extract, then the first block of expand."""
    extracted = hmac.new(b"vigil", b"a" * 32, hashlib.sha256).digest()
    assert derive(b"a" * 32, "x") == hmac.new(extracted, b"x\x01", hashlib.sha256).digest()
