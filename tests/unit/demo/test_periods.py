"""Periods by the calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from demo.stripe.periods import next_period, period_start


def at(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, 10, 30, tzinfo=UTC).timestamp())


def test_last_day_comes_back_after_february() -> None:
    begun = at(2027, 1, 31)
    ends = [period_start(begun, "month", 1, number) for number in (1, 2, 3)]
    assert ends == [at(2027, 2, 28), at(2027, 3, 31), at(2027, 4, 30)]


def test_leap_day_comes_every_fourth_year() -> None:
    begun = at(2028, 2, 29)
    assert period_start(begun, "year", 1, 1) == at(2029, 2, 28)
    assert period_start(begun, "year", 1, 4) == at(2032, 2, 29)


@pytest.mark.parametrize(
    ("interval", "count", "end"),
    [("day", 3, at(2027, 1, 4)), ("week", 2, at(2027, 1, 15)), ("month", 3, at(2027, 4, 1))],
)
def test_other_rhythms(interval: str, count: int, end: int) -> None:
    assert period_start(at(2027, 1, 1), interval, count, 1) == end


def test_next_period_begins_where_the_last_one_ended() -> None:
    begun = at(2027, 1, 31)
    assert next_period(begun, "month", 1, at(2027, 2, 28)) == (at(2027, 2, 28), at(2027, 3, 31))
