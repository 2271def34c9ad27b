"""Known browsers: nobody who guesses from elsewhere makes wait who works here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from config.database import db
from staff.door import browsers
from staff.models import KnownBrowser, SignInDelay, StaffMember
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.unit.staff.conftest import Browser, new_client

AGENTS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox, Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0": "Edge, Windows",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Mobile Safari/537.36": "Chrome, Android",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1": "Safari, iPhone",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.6 Safari/605.1.15": "Safari, macOS",
    "<b>curl</b>": "",
    "": "",
}


@pytest.mark.parametrize(("agent", "called"), AGENTS.items())
def test_a_browser_is_called_by_name_and_system_alone(app: Flask, agent: str, called: str) -> None:
    with app.test_request_context("/staff/", headers={"User-Agent": agent}):
        assert browsers.label() == called


def guess(app: Flask, name: str = "admin") -> int:
    """A wrong try from elsewhere, and the wait after it made long: a busy machine is slow."""
    status = Browser(new_client(app)).sign_in(name, "wrong words").status_code
    stretch(app, SignInDelay)
    return status


def stretch(app: Flask, counter: type[SignInDelay | KnownBrowser]) -> None:
    """Let each delay that is counted last for a minute from now."""
    with app.app_context():
        later = datetime.now(UTC) + timedelta(minutes=1)
        row = counter.not_before.is_not(None)
        db.session.execute(update(counter).where(row).values(not_before=later))
        db.session.commit()


def test_guessing_elsewhere_does_not_lock_a_known_browser_out(
    app: Flask, instance: Instance
) -> None:
    owner = Browser(new_client(app))
    owner.sign_in("admin", instance.first.passphrase)
    assert (guess(app), guess(app)) == (422, 429)
    assert owner.sign_in("admin", instance.first.passphrase).status_code == 303
    with app.app_context():  # what was counted elsewhere still counts there
        assert db.session.scalars(select(SignInDelay.attempts)).one() == 1
    assert guess(app) == 429


def test_known_browser_has_its_own_delay(app: Flask, instance: Instance) -> None:
    owner = Browser(new_client(app))
    owner.sign_in("admin", instance.first.passphrase)
    assert owner.sign_in("admin", "wrong words").status_code == 422
    stretch(app, KnownBrowser)
    assert owner.sign_in("admin", instance.first.passphrase).status_code == 429
    assert guess(app) == 422  # and leaves the name's own count alone
    with app.app_context():
        db.session.execute(update(KnownBrowser).values(attempts=9, not_before=datetime.now(UTC)))
        db.session.commit()
    owner.sign_in("admin", "wrong words")
    with app.app_context():
        row = db.session.scalars(select(KnownBrowser)).one()
        assert row.attempts == 10
        assert row.not_before
        left = row.not_before - datetime.now(UTC)
        assert timedelta(minutes=4) < left <= timedelta(minutes=5)


def test_cookie_of_one_member_counts_for_no_other(app: Flask, instance: Instance) -> None:
    owner = Browser(new_client(app))
    owner.sign_in("admin", instance.first.passphrase)
    assert guess(app, "nobody") == 422
    assert owner.sign_in("nobody", "wrong words").status_code == 429


def test_cookie_opens_nothing_and_changes_each_time(app: Flask, instance: Instance) -> None:
    owner = Browser(new_client(app))
    seen = []
    for _ in range(2):
        owner.sign_in("admin", instance.first.passphrase)
        cookie = owner.client.get_cookie("vigil_browser")
        assert cookie
        assert cookie.max_age == browsers.KNOWN_FOR.total_seconds()
        seen.append(cookie.value)
    assert seen[0] != seen[1]
    owner.client.delete_cookie("vigil_staff")
    assert owner.get("/staff/").status_code == 303
    with app.app_context():
        assert len(db.session.scalars(select(KnownBrowser)).all()) == 1


def test_browser_stays_known_after_signing_out(app: Flask, instance: Instance) -> None:
    owner = Browser(new_client(app))
    owner.sign_in("admin", instance.first.passphrase)
    owner.post("/staff/sign-out")
    assert owner.client.get_cookie("vigil_browser")
    assert owner.client.get_cookie("vigil_staff") is None


def test_network_limit_does_not_hold_for_a_known_browser(
    app_with: Callable[..., Flask], instance: Instance
) -> None:
    app = app_with(sign_in_limit="1 per hour")
    owner = Browser(new_client(app))
    owner.sign_in("admin", instance.first.passphrase)
    assert guess(app) == 429
    assert owner.sign_in("admin", instance.first.passphrase).status_code == 303


def test_unused_browsers_are_forgotten(app: Flask) -> None:
    with app.app_context():
        staff_id = db.session.scalars(select(StaffMember.id)).one()
        for age in (browsers.KNOWN_FOR, browsers.KNOWN_FOR + timedelta(days=1)):
            token_hash = str(age).encode()
            day = NOW.date() - age
            db.session.add(KnownBrowser(token_hash=token_hash, staff_id=staff_id, day=day))
        db.session.flush()
        browsers.drop_unused(NOW.date())
        left = db.session.scalars(select(KnownBrowser.day)).all()
        db.session.execute(delete(KnownBrowser))
        db.session.commit()
    assert left == [NOW.date() - browsers.KNOWN_FOR]
