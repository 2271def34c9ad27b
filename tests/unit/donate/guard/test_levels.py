"""Calm, odd or closed: what the figures say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from donate.guard.levels import CLOSED_FOR, WINDOW, Level, Pulse
from tests.support.moments import NOW

MINUTE = timedelta(minutes=1)


def create_pulse(**given: Any) -> Pulse:
    figures = {"at": NOW, "sessions": 0, "most_sessions": 120, "declines": 0, "paid": 0}
    return Pulse(**{**figures, **given})


@pytest.mark.parametrize(
    ("figures", "level"),
    [
        ({}, Level.CALM),
        ({"sessions": 120}, Level.CALM),
        ({"sessions": 121}, Level.ODD),
        ({"declines": 9}, Level.CALM),
        ({"declines": 10}, Level.ODD),
        ({"declines": 10, "paid": 10}, Level.CALM),
        ({"declines": 11, "paid": 10}, Level.ODD),
        ({"declines": 500, "paid": 600}, Level.CALM),
    ],
)
def test_figures_make_the_level(figures: dict[str, int], level: Level) -> None:
    assert create_pulse(**figures).level is level


@pytest.mark.parametrize(
    ("declines", "paid", "is_extreme"),
    [(39, 0, False), (40, 0, True), (40, 4, True), (40, 5, False), (360, 40, True)],
)
def test_nearly_all_refused_is_extreme(declines: int, paid: int, is_extreme: bool) -> None:
    assert create_pulse(declines=declines, paid=paid).is_extreme is is_extreme


@pytest.mark.parametrize(
    ("ago", "level"),
    [
        (timedelta(0), Level.CLOSED),
        (CLOSED_FOR - MINUTE, Level.CLOSED),
        (CLOSED_FOR, Level.ODD),
        (CLOSED_FOR + WINDOW - MINUTE, Level.ODD),
        (CLOSED_FOR + WINDOW, Level.CALM),
    ],
)
def test_closed_for_a_while_then_odd_then_calm(ago: timedelta, level: Level) -> None:
    assert create_pulse(closed_until=NOW - ago + CLOSED_FOR).level is level


def test_lifted_is_calm_until_it_runs_out() -> None:
    closed = {"closed_until": NOW + MINUTE, "declines": 50}
    lifted = create_pulse(**closed, lifted_until=NOW + MINUTE)
    assert (lifted.level, lifted.measured) == (Level.CALM, Level.CLOSED)
    assert create_pulse(**closed, lifted_until=NOW).level is Level.CLOSED
