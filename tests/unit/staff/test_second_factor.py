"""The second factor: set up at the first sign-in, asked for ever after, and no code works twice."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from flask import Flask
from pyotp import TOTP
from sqlalchemy import delete, select, update

from config.database import db
from staff.door import second_factor, sessions
from staff.door.second_factor import matching_step
from staff.models import AuditEvent, SignInDelay, StaffMember, StaffSession
from tests.support.instances import Instance
from tests.unit.staff.conftest import Browser, code_now, new_client
from vault.services import unwrap_for_session

PAGE = "/staff/second-factor"
SECRET = b"12345678901234567890"  # of RFC 6238, appendix B
NOT_TOGETHER = "Name, passphrase and code do not belong together."


@pytest.fixture
def visitor(app: Flask) -> Browser:
    """A browser that nobody signed in with."""
    return Browser(new_client(app))


def member(app: Flask) -> StaffMember:
    with app.app_context():
        return db.session.scalars(select(StaffMember).where(StaffMember.name == "admin")).one()


def forget_step(app: Flask, step: int = 1) -> None:
    """Let the time be past in which the code of the set-up was used."""
    with app.app_context():
        db.session.execute(update(StaffMember).values(totp_step=step))
        db.session.commit()


# RFC 6238, appendix B, its eight digits cut to six
@pytest.mark.parametrize(
    ("moment", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_rfc(moment: int, code: str) -> None:
    now = datetime.fromtimestamp(moment, UTC)
    assert matching_step(SECRET, code, now) == moment // 30
    assert matching_step(SECRET, f" {code[:3]} {code[3:]} ", now) == moment // 30


@pytest.mark.parametrize(("steps", "is_taken"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(steps: int, is_taken: bool) -> None:
    now = datetime.fromtimestamp(1234567890, UTC)
    code = TOTP(base64.b32encode(SECRET).decode()).at(now + timedelta(seconds=30 * steps))
    assert (matching_step(SECRET, code, now) is not None) is is_taken


@pytest.mark.parametrize("typed", ["", "28708", "2870822", "²87082", "\ud800", "abcdef"])
def test_what_is_no_code_fits_no_step(typed: str) -> None:
    assert matching_step(SECRET, typed, datetime.fromtimestamp(59, UTC)) is None


def test_no_secret_fits_no_code() -> None:
    now = datetime.fromtimestamp(59, UTC)
    code = TOTP(base64.b32encode(second_factor.NO_SECRET).decode()).at(now)
    assert matching_step(None, code, now) is None


def test_set_up_asked_for_and_never_twice(app: Flask, visitor: Browser, instance: Instance) -> None:
    words = instance.first.passphrase
    assert visitor.sign_in("admin", words).location == "/staff/"
    secret = visitor.enrol()
    assert member(app).totp_step
    assert "It is set up" in visitor.get(PAGE).text
    for wrong in ({}, {"code": visitor.last_code}, {"code": code_now(secret, 40)}):
        answer = Browser(new_client(app)).sign_in("admin", words, **wrong)
        _forget_delay(app)
        assert answer.status_code == 422
        assert NOT_TOGETHER in answer.text
    forget_step(app)
    code = code_now(secret)
    assert visitor.sign_in("admin", words, code=code).status_code == 303
    assert visitor.sign_in("admin", words, code=code).status_code == 422


def test_right_code_and_wrong_passphrase_read_like_the_other_way_round(
    app: Flask, visitor: Browser, instance: Instance
) -> None:
    visitor.sign_in("admin", instance.first.passphrase)
    secret = visitor.enrol()
    forget_step(app)
    pages = []
    for words, code in (("wrong", code_now(secret)), (instance.first.passphrase, "000000")):
        answer = Browser(new_client(app)).sign_in("admin", words, code=code)
        pages.append((answer.status_code, re.sub(r'value="[^"]{50,}"', "", answer.text)))
        _forget_delay(app)
    assert pages[0] == pages[1]
    assert member(app).totp_step == 1  # a wrong passphrase uses no code up


def test_one_code_at_the_same_moment_opens_once(app: Flask) -> None:
    with app.app_context():
        staff_id = db.session.scalars(select(StaffMember.id)).one()
        db.session.execute(update(StaffMember).values(totp_step=5))
        db.session.commit()
    won, start = [], threading.Barrier(4)

    def spend() -> None:
        with app.test_request_context("/staff/sign-in", method="POST"):
            start.wait()
            won.append(second_factor.spend_step(staff_id, 9))
            db.session.commit()
            db.session.remove()

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False, False, False, True]


def test_secret_leaves_the_session_and_all_others_end(
    app: Flask, visitor: Browser, instance: Instance, holder_key: bytes
) -> None:
    visitor.sign_in("admin", instance.first.passphrase)
    with app.app_context():
        row = db.session.scalars(select(StaffSession)).one()
        sessions.start_session(row.staff_id, holder_key, datetime.now(UTC))
        db.session.commit()
    before = visitor.client.get_cookie("vigil_staff")
    secret = visitor.enrol()
    after = visitor.client.get_cookie("vigil_staff")
    assert before
    assert after
    assert before.value != after.value
    with app.app_context():
        row = db.session.scalars(select(StaffSession)).one()
        token = base64.urlsafe_b64decode(after.value + "=")
        assert row.wrapped_key
        assert unwrap_for_session(token, row.wrapped_key, row.token_hash) == holder_key
        assert "staff.factor-set" in set(db.session.scalars(select(AuditEvent.action)))
        db.session.remove()
    assert all(secret not in path.read_bytes() for path in instance.files())


def test_wrong_first_code_sets_nothing_up(app: Flask, visitor: Browser, instance: Instance) -> None:
    visitor.sign_in("admin", instance.first.passphrase)
    answer = visitor.post(PAGE, {"code": "000000"})
    assert answer.status_code == 422
    assert "This is not the code of now." in answer.text
    assert member(app).totp_step is None


def test_picture_is_in_the_page_and_nowhere_kept(visitor: Browser, instance: Instance) -> None:
    visitor.sign_in("admin", instance.first.passphrase)
    answer = visitor.get(PAGE)
    assert 'src="data:image/svg+xml' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "img-src 'self' data:" in answer.headers["Content-Security-Policy"]
    assert "Later" in answer.text


def test_elsewhere_every_page_leads_to_the_set_up(
    app_with: Callable[..., Flask], instance: Instance
) -> None:
    """On a public address nothing but the set-up and the way out is open."""
    app = app_with(base_url="http://vigil.onion")
    visitor = Browser(new_client(app))
    public = partial(visitor.client.open, base_url="http://vigil.onion")
    visitor.client.open = public  # type: ignore[method-assign]
    found = visitor.sign_in("admin", instance.first.passphrase)
    assert found.location == PAGE
    for address in ("/staff/", "/staff/contacts", "/staff/account", "/staff/nothing"):
        assert visitor.get(address).location.startswith(PAGE)
    page = visitor.get(PAGE).text
    assert "Later" not in page
    assert visitor.post("/staff/giving/lift").location.startswith(PAGE)
    visitor.enrol()
    assert visitor.get("/staff/").status_code == 200


def _forget_delay(app: Flask) -> None:
    with app.app_context():
        db.session.execute(delete(SignInDelay))
        db.session.commit()
