"""The log holds no person."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator

import pytest
from granian.log import LogLevels, configure_logging

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


def test_traceback_that_came_as_words_tells_no_more() -> None:
    try:
        try:
            raise KeyError("Anna Kavalenka\nKavalenka: Minsk")
        except KeyError:
            raise ValueError("+375 29 123") from None
    except ValueError:
        once = filtered("raised\n%s", traceback.format_exc())
    try:
        try:
            raise KeyError("Anna Kavalenka\nKavalenka: Minsk")
        except KeyError as error:
            raise ValueError("+375 29 123") from error
    except ValueError:
        twice = filtered("raised\n%s", traceback.format_exc())
    assert re.fullmatch(r"raised \[ValueError at test_logging\.py:\d+\]", once)
    assert re.fullmatch(r"raised \[KeyError at test_logging\.py:\d+\]", twice)


@pytest.fixture
def untouched() -> Iterator[None]:
    """Puts the loggers back that a test sets up as a process would."""
    names = ("", "werkzeug", "_granian", "granian.access")
    loggers = [logging.getLogger(name) for name in names]
    before = [(one.handlers, one.level, one.propagate) for one in loggers]
    yield
    for one, (handlers, level, propagate) in zip(loggers, before, strict=True):
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


@pytest.mark.usefixtures("untouched")
def test_request_lines_with_visitors_addresses_are_not_logged() -> None:
    init_logging()
    assert not logging.getLogger("werkzeug").isEnabledFor(logging.INFO)


@pytest.mark.usefixtures("untouched")
def test_what_the_web_server_says_is_filtered_as_well(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogLevels.warning)  # as it does before it makes the application
    init_logging()
    for name in ("_granian.utils", "granian.access"):
        logging.getLogger(name).error("for anna@example.org\nand more")
    out, err = capfd.readouterr()
    assert out == ""
    assert [line.split(" ", 2)[2] for line in err.splitlines()] == [
        "ERROR _granian.utils for [address] and more",
        "ERROR granian.access for [address] and more",
    ]
