"""Where one is signed in: seen, and ended, by oneself alone."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from config.database import db
from staff.door import sessions
from staff.door.marks import bound_in, with_mark
from staff.models import AuditEvent, StaffMember, StaffSession
from tests.support.instances import Instance
from tests.unit.staff.conftest import Browser, change_sessions, new_client
from vault.services import vault

ACCOUNT = "/staff/account"


@pytest.fixture
def elsewhere(app: Flask, admin: Browser, holder_key: bytes) -> Browser:
    """Another browser of the same administrator."""
    with app.app_context():
        assert admin.staff_id
        now = datetime.now(UTC)
        token = sessions.start_session(admin.staff_id, holder_key, now, "Firefox, Android")
        db.session.commit()
    browser = Browser(new_client(app), admin.staff_id, token)
    browser.bring(token)
    return browser


def id_of(app: Flask, browser: Browser) -> uuid.UUID:
    with app.app_context():
        found = db.session.get(StaffSession, sessions.hash_token(browser.token))
        assert found
        return found.id


def busy_since(browser: Browser, begun: datetime) -> bytes:
    """The token of a session that was used, with passphrase and code, for almost twelve hours."""
    assert browser.staff_id
    token = sessions.start_session(browser.staff_id, None, begun)
    for quarter in range(1, 48):
        now = begun + timedelta(minutes=15 * quarter)
        token = sessions.renew_session(token, now) or b""
        sessions.mark_seen(token, now)
    db.session.commit()
    return token


def test_all_are_listed_and_this_one_is_marked(
    app: Flask, admin: Browser, elsewhere: Browser, browser_of: Callable[[str], Browser]
) -> None:
    other = browser_of("admin")
    page = admin.get(ACCOUNT).text
    rows = re.findall(r'<th role="rowheader".*?</tr>', page, re.S)
    assert len(rows) == 2
    assert ["this one" in row for row in rows].count(True) == 1
    (row,) = (row for row in rows if "Firefox, Android" in row)
    assert "this one" not in row
    assert str(id_of(app, elsewhere)) in row
    assert str(id_of(app, other)) not in page


def test_what_is_over_is_not_listed(app: Flask, admin: Browser, elsewhere: Browser) -> None:
    with app.app_context():
        found = sessions.find_session(elsewhere.token)
        assert found
        found.seen_at = datetime.now(UTC) - sessions.IDLE
        found.mark = with_mark(bound_in(found))["mark"]
        db.session.commit()
    assert "Firefox, Android" not in admin.get(ACCOUNT).text


@pytest.mark.parametrize(("seconds", "status"), [(30 * 60 - 30, 200), (30 * 60, 303)])
def test_session_ends_after_thirty_minutes_without_use(
    app: Flask, admin: Browser, seconds: int, status: int
) -> None:
    with app.app_context():
        change_sessions(seen_at=datetime.now(UTC) - timedelta(seconds=seconds))
    answer = admin.get("/staff/")
    assert answer.status_code == status
    assert status == 200 or answer.location.startswith("/staff/sign-in")


@pytest.mark.parametrize(("seconds", "status"), [(12 * 3600 - 30, 200), (12 * 3600, 303)])
def test_session_ends_after_twelve_hours_however_busy(
    app: Flask, admin: Browser, seconds: int, status: int
) -> None:
    with app.app_context():
        admin.bring(busy_since(admin, datetime.now(UTC) - timedelta(seconds=seconds)))
    answer = admin.get("/staff/")
    assert answer.status_code == status
    assert status == 200 or answer.location.startswith("/staff/sign-in")


def test_worker_takes_away_what_is_over_and_nothing_else(app: Flask, admin: Browser) -> None:
    assert admin.staff_id
    now = datetime.now(UTC)
    with app.app_context():
        for seconds, is_left in ((12 * 3600, False), (12 * 3600 - 1, True)):
            token = busy_since(admin, now - timedelta(seconds=seconds))
            sessions.clear_out(now)
            assert (sessions.find_session(token) is not None) is is_left
        for seconds, is_left in ((30 * 60, False), (30 * 60 - 1, True)):
            begun = now - timedelta(seconds=seconds)
            token = sessions.start_session(admin.staff_id, None, begun)
            sessions.clear_out(now)
            assert (sessions.find_session(token) is not None) is is_left


def test_one_is_ended(app: Flask, admin: Browser, elsewhere: Browser) -> None:
    address = f"{ACCOUNT}/sessions/{id_of(app, elsewhere)}/end"
    assert admin.post(address).location == ACCOUNT
    assert elsewhere.get("/staff/").status_code == 303
    assert admin.get("/staff/").status_code == 200
    with app.app_context():
        assert "staff.sessions-ended" in set(db.session.scalars(select(AuditEvent.action)))


def test_nobody_ends_a_colleagues(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser]
) -> None:
    colleague = browser_of("viewer")
    assert admin.post(f"{ACCOUNT}/sessions/{id_of(app, colleague)}/end").status_code == 404
    assert admin.post(f"{ACCOUNT}/sessions/end-others").status_code == 303
    assert colleague.get("/staff/").status_code == 200


def test_all_others_are_ended(app: Flask, admin: Browser, elsewhere: Browser) -> None:
    assert admin.post(f"{ACCOUNT}/sessions/end-others").location == ACCOUNT
    assert elsewhere.get("/staff/").status_code == 303
    assert "1 other session ended." in admin.get(ACCOUNT).text


def test_this_one_is_ended_by_signing_out_alone(app: Flask, admin: Browser) -> None:
    assert admin.post(f"{ACCOUNT}/sessions/{id_of(app, admin)}/end").status_code == 404


def test_ended_session_leaves_nothing_on_the_disk(
    app: Flask, admin: Browser, elsewhere: Browser, instance: Instance
) -> None:
    with app.app_context():
        found = db.session.get(StaffSession, sessions.hash_token(elsewhere.token))
        assert found
        wrapped = found.wrapped_key
        assert wrapped
        db.session.remove()
    admin.post(f"{ACCOUNT}/sessions/end-others")
    if instance.engine == "sqlite":
        assert [path for path in instance.files() if wrapped in path.read_bytes()] == []


def test_old_cookie_of_who_was_removed_opens_nothing(app: Flask, admin: Browser) -> None:
    """Even where a session was left over: the state of the member decides."""
    with app.app_context():
        row = StaffMember.id == admin.staff_id
        db.session.execute(update(StaffMember).where(row).values(state="removed"))
        db.session.commit()
    for address in ("/staff/", "/staff/contacts", ACCOUNT):
        assert admin.get(address).location.startswith("/staff/sign-in")


def test_renewed_token_keeps_key_and_end(app: Flask, admin: Browser, holder_key: bytes) -> None:
    with app.app_context():
        before = sessions.find_session(admin.token)
        assert before
        session_id, ends_at = before.id, before.ends_at
        later = datetime.now(UTC) + timedelta(minutes=3)
        token = sessions.renew_session(admin.token, later)
        db.session.commit()
        assert token
        after = sessions.find_session(token)
        assert after
        assert (after.id, after.ends_at, after.stepped_up_at) == (session_id, ends_at, later)
        assert sessions.secret_of(after, token) == holder_key
        assert sessions.find_session(admin.token) is None
        assert sessions.renew_session(admin.token, later) is None


def planted(staff_id: uuid.UUID | None, token: bytes) -> dict[str, Any]:
    """The row that somebody who writes to the database makes for a token of their own."""
    now = datetime.now(UTC)
    row = {"token_hash": sessions.hash_token(token), "id": uuid.uuid4(), "staff_id": staff_id}
    row |= {"created_at": now, "seen_at": now, "ends_at": now + sessions.LONGEST}
    return {**row, "stepped_up_at": now, "browser": ""}


@pytest.mark.parametrize("mark", [b"", bytes(32), "of another session"])
def test_planted_session_opens_nothing(
    app: Flask, admin: Browser, mark: bytes | str, caplog: pytest.LogCaptureFixture
) -> None:
    token = sessions.draw_token()
    with app.app_context():
        if isinstance(mark, str):
            mark = db.session.scalars(select(StaffSession.mark)).one()
        db.session.execute(insert(StaffSession).values(**planted(admin.staff_id, token), mark=mark))
        db.session.commit()
    visitor = Browser(new_client(app))
    visitor.bring(token)
    for address in ("/staff/", "/staff/team", "/staff/audit"):
        assert visitor.get(address).location.startswith("/staff/sign-in")
    assert "was not written here" in caplog.text
    assert admin.get("/staff/team").status_code == 200


@pytest.mark.parametrize("column", ["staff_id", "ends_at", "seen_at", "stepped_up_at"])
def test_session_that_somebody_changed_ends(
    app: Flask, browser_of: Callable[[str], Browser], admin: Browser, column: str
) -> None:
    """A viewer's own, made an administrator's; an old one, made to last."""
    viewer = browser_of("viewer")
    later = datetime.now(UTC) + timedelta(minutes=1)
    value = admin.staff_id if column == "staff_id" else later
    assert viewer.get("/staff/").status_code == 200
    with app.app_context():
        row = StaffSession.token_hash == sessions.hash_token(viewer.token)
        db.session.execute(update(StaffSession).where(row).values({column: value}))
        db.session.commit()
    assert viewer.get("/staff/").location.startswith("/staff/sign-in")
    assert admin.get("/staff/").status_code == 200


def test_step_up_does_not_vouch_for_a_session_that_somebody_changed_meanwhile(
    app: Flask, browser_of: Callable[[str], Browser], admin: Browser
) -> None:
    """Passphrase and code take a while, and the row is read anew after them."""
    viewer = browser_of("viewer")
    with app.app_context():
        row = StaffSession.token_hash == sessions.hash_token(viewer.token)
        db.session.execute(update(StaffSession).where(row).values(staff_id=admin.staff_id))
        db.session.commit()
        assert sessions.renew_session(viewer.token, datetime.now(UTC)) is None
        sessions.mark_seen(viewer.token, datetime.now(UTC))
        db.session.commit()
    assert viewer.get("/staff/").location.startswith("/staff/sign-in")


def test_session_that_is_in_use_keeps_its_mark(app: Flask, admin: Browser) -> None:
    with app.app_context():
        change_sessions(seen_at=datetime.now(UTC) - sessions.SEEN_EVERY)
    assert admin.get("/staff/").status_code == 200
    with app.app_context():
        (seen_at,) = db.session.scalars(select(StaffSession.seen_at))
        assert datetime.now(UTC) - seen_at < sessions.SEEN_EVERY
    assert admin.get("/staff/").status_code == 200


def test_another_pepper_ends_every_session(app: Flask, admin: Browser, instance: Instance) -> None:
    """As after a recovery; the database alone says nothing about who is signed in."""
    with app.app_context():
        vault().keys_dir.renew_pepper()
    assert admin.get("/staff/").location.startswith("/staff/sign-in")
