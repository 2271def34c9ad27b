"""A secret under a session's token."""

from __future__ import annotations

import pytest

from vault.services import unwrap_for_session, wrap_for_session

TOKEN, SECRET = b"t" * 32, b"s" * 32


def test_token_and_context_open_the_wrap() -> None:
    wrapped = wrap_for_session(TOKEN, SECRET, b"row 1")
    assert unwrap_for_session(TOKEN, wrapped, b"row 1") == SECRET
    assert SECRET not in wrapped
    assert wrapped != wrap_for_session(TOKEN, SECRET, b"row 1")


@pytest.mark.parametrize(
    ("token", "context", "spoil"),
    [
        (b"u" * 32, b"row 1", lambda wrapped: wrapped),
        (TOKEN, b"row 2", lambda wrapped: wrapped),
        (TOKEN, b"row 1", lambda wrapped: wrapped[:-1]),
        (TOKEN, b"row 1", lambda wrapped: b"\x02" + wrapped[1:]),
        (TOKEN, b"row 1", lambda wrapped: wrapped[:-1] + bytes([wrapped[-1] ^ 1])),
        (TOKEN, b"row 1", lambda wrapped: b""),
        (TOKEN, b"row 1", lambda wrapped: b"\x01"),
    ],
)
def test_anything_else_opens_nothing(token, context, spoil) -> None:  # type: ignore[no-untyped-def]
    wrapped = wrap_for_session(TOKEN, SECRET, b"row 1")
    assert unwrap_for_session(token, spoil(wrapped), context) is None
