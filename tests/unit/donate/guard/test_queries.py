"""What is counted, and for how long a count is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from donate.guard import queries
from donate.guard.levels import WINDOW, Level
from tests.support.moments import NOW
from tests.unit.donate.guard.builders import create_declines, create_donation, create_recurring

TEN_MINUTES = timedelta(minutes=10)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.usefixtures("app")


def test_sessions_of_both_kinds_count_in_the_time_of_the_setting() -> None:
    create_donation(NOW)
    create_donation(NOW - TEN_MINUTES + SECOND)
    create_recurring(NOW)
    create_donation(NOW - TEN_MINUTES)
    pulse = queries.measure(NOW)
    assert (pulse.sessions, pulse.most_sessions) == (3, 120)


def test_renewals_transfers_and_cash_are_no_sessions() -> None:
    recurring = create_recurring(NOW - timedelta(days=30), started_at=NOW - timedelta(days=30))
    create_donation(NOW, recurring_id=recurring.id, state="paid", paid_at=NOW)
    create_donation(NOW, method="transfer", state="paid", paid_at=NOW)
    create_donation(NOW, method="cash", state="paid", paid_at=NOW)
    pulse = queries.measure(NOW)
    assert (pulse.sessions, pulse.paid) == (0, 0)


def test_paid_gifts_and_refused_cards_of_the_window_count() -> None:
    create_donation(NOW, state="paid", paid_at=NOW)
    create_donation(NOW, state="paid", paid_at=NOW - WINDOW)
    create_recurring(NOW, state="active", started_at=NOW)
    create_declines(2, NOW)
    create_declines(3, NOW - WINDOW)
    pulse = queries.measure(NOW)
    assert (pulse.paid, pulse.declines) == (2, 2)
    assert queries.measure(NOW, since=NOW - SECOND).declines == 2
    assert queries.measure(NOW, since=NOW).declines == 0
    assert queries.measure(NOW - SECOND).declines == 3


def test_the_figures_are_kept_for_two_seconds() -> None:
    assert queries.pulse_now(NOW).sessions == 0
    create_donation(NOW)
    assert queries.pulse_now(NOW + SECOND).sessions == 0
    assert queries.pulse_now(NOW + 2 * SECOND).sessions == 1


def test_staff_see_the_figures_and_since_when(app: Flask) -> None:
    create_declines(12, NOW)
    seen = queries.state_now(NOW)
    assert (seen.level, seen.measured, seen.declines, seen.paid) == (Level.ODD, Level.ODD, 12, 0)
    assert (seen.since, seen.sessions_since) == (NOW - WINDOW, NOW - TEN_MINUTES)
    assert seen.lifted_until is seen.closed_until is None
