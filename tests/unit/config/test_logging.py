"""The log holds no person."""

from __future__ import annotations

import logging
import sys

import pytest

from config.logging import WithoutPersons, init_logging, scrub


def filtered(message: object, *args: object, **more: object) -> str:
    """What is left of a message."""
    record = logging.LogRecord("any", logging.ERROR, "", 1, message, args, None)
    vars(record).update(more)
    assert WithoutPersons().filter(record)
    return logging.Formatter().format(record)


def test_addresses_and_tokens_are_taken_out() -> None:
    line = scrub("for <anna@example.org>, /en/confirm/" + "aB3-_" * 9)
    assert line == "for <[address]>, /en/confirm/[token]"


def test_a_message_is_one_line() -> None:
    assert "\n" not in filtered("a\r\n2026-01-01 ERROR vigil forged\u2028%s", "\x1b[2J")


@pytest.mark.parametrize("args", [(1, 2), ("x",), ({"a": 1},)])
def test_a_librarys_mistake_does_not_break_the_request(args: tuple[object, ...]) -> None:
    assert filtered("%d %s %s", *args)
    assert filtered("no place", "anna@example.org") == "no place"


def test_a_traceback_tells_where_and_not_what() -> None:
    try:
        raise ValueError("Anna Kavalenka")
    except ValueError:
        line = filtered("failed", exc_info=sys.exc_info())
    assert "ValueError at test_logging.py:" in line
    assert "Anna" not in line


def test_request_lines_with_visitors_addresses_are_not_logged() -> None:
    root, werkzeug = logging.getLogger(), logging.getLogger("werkzeug")
    before = root.handlers, root.level, werkzeug.level
    try:
        init_logging()
        assert not werkzeug.isEnabledFor(logging.INFO)
    finally:
        root.handlers, root.level = before[0], before[1]
        werkzeug.setLevel(before[2])
