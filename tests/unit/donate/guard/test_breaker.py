"""The breaker, what staff decide, and what they are told."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask

from config.database import db
from donate.guard.breaker import close_if_extreme, lift, take_alert, unlift
from donate.guard.levels import CLOSED_FOR, Level
from donate.guard.models import GuardState
from donate.guard.queries import pulse_now, state_now
from tests.support.moments import NOW
from tests.unit.donate.guard.builders import create_declines

pytestmark = pytest.mark.usefixtures("app")

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def test_it_closes_once_and_for_a_quarter_of_an_hour() -> None:
    create_declines(39, NOW)
    assert not close_if_extreme(NOW)
    create_declines(1, NOW)
    assert close_if_extreme(NOW)
    assert not close_if_extreme(NOW + MINUTE)
    assert state_now(NOW + MINUTE).closed_until == NOW + CLOSED_FOR
    assert state_now(NOW + CLOSED_FOR).level is Level.ODD


def test_what_led_to_one_closing_does_not_lead_to_the_next() -> None:
    create_declines(40, NOW)
    close_if_extreme(NOW)
    create_declines(60, NOW + CLOSED_FOR - MINUTE)  # on pages that stood open
    after = NOW + CLOSED_FOR + MINUTE
    assert not close_if_extreme(after)
    create_declines(40, after)
    assert close_if_extreme(after)


def test_staff_lift_it_for_two_hours_and_take_that_back() -> None:
    create_declines(40, NOW)
    close_if_extreme(NOW)
    assert lift(NOW) == NOW + 2 * HOUR
    assert pulse_now(NOW).level is Level.CALM
    assert state_now(NOW).lifted_until == NOW + 2 * HOUR
    unlift(NOW)
    assert pulse_now(NOW).level is Level.CLOSED
    assert state_now(NOW).lifted_until is None
    lift(NOW)
    create_declines(12, NOW + 2 * HOUR)
    assert pulse_now(NOW + 2 * HOUR).level is Level.ODD


def test_staff_hear_of_it_once_an_hour() -> None:
    assert take_alert(NOW) is None
    create_declines(12, NOW)
    assert take_alert(NOW) == ("guard-odd", 12)
    assert take_alert(NOW + MINUTE) is None
    create_declines(13, NOW + HOUR)
    assert take_alert(NOW + HOUR - MINUTE) is None
    assert take_alert(NOW + HOUR) == ("guard-odd", 13)


def test_a_closing_is_told_though_they_have_just_heard_that_it_is_odd() -> None:
    create_declines(12, NOW)
    take_alert(NOW)
    create_declines(30, NOW)
    close_if_extreme(NOW + MINUTE)
    assert take_alert(NOW + MINUTE) == ("guard-closed", 42)
    assert take_alert(NOW + 2 * MINUTE) is None


def test_the_next_closing_within_the_hour_is_not() -> None:
    create_declines(40, NOW)
    close_if_extreme(NOW)
    assert take_alert(NOW)
    second = NOW + CLOSED_FOR + MINUTE
    create_declines(40, second)
    assert close_if_extreme(second)
    assert take_alert(second) is None
    assert take_alert(NOW + HOUR) is None  # long calm by then


def test_no_alert_while_it_is_lifted() -> None:
    create_declines(12, NOW)
    lift(NOW)
    assert take_alert(NOW) is None
    unlift(NOW)
    assert take_alert(NOW)


def test_of_two_at_once_one_closes_it(app: Flask) -> None:
    unlift(NOW)
    create_declines(40, NOW)
    db.session.commit()

    def close_too() -> bool:
        with app.app_context():
            closed = close_if_extreme(NOW)
            db.session.commit()
            return closed

    with ThreadPoolExecutor() as pool:
        assert close_if_extreme(NOW)
        other = pool.submit(close_too)
        time.sleep(0.5)  # it waits for us
        db.session.commit()
        assert not other.result()


def test_there_is_one_row() -> None:
    lift(NOW)
    create_declines(40, NOW)
    close_if_extreme(NOW)
    take_alert(NOW)
    assert db.session.query(GuardState).count() == 1
