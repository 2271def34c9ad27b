"""The page "Safety" is for administrators, and says of each promise what holds."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from config.database import db
from staff.door import sessions
from staff.models import StaffMember
from tests.conftest import SAME_ORIGIN
from tests.support.moments import NOW


def browser_of(app: Flask, role: str) -> FlaskClient:
    """The browser of somebody with a role, signed in with a second factor."""
    staff_id = uuid.uuid4()
    member = StaffMember(id=staff_id, name=f"a {role}", role=role, created_at=NOW, totp_step=1)
    with app.app_context():
        db.session.add(member)
        db.session.flush()
        token = sessions.start_session(staff_id, None, datetime.now(UTC))
        name = sessions.cookie_name()
        db.session.commit()
    client = app.test_client()
    client.environ_base.update(SAME_ORIGIN)
    client.set_cookie(name, base64.urlsafe_b64encode(token).rstrip(b"=").decode())
    return client


def test_an_administrator_reads_what_holds(app: Flask) -> None:
    page = browser_of(app, "admin").get("/staff/safety")
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "Does not hold here" in page.text
    assert "Two people or more hold a key." in page.text
    assert "Invite somebody" in page.text
    assert 'aria-current="true">Safety' in page.text
    wide = page.text.split("Holds here")[1]
    assert "The recovery code opens this vault." in wide
    assert "staff rotate --new-recovery-code" not in wide


@pytest.mark.parametrize("role", ["viewer", "editor", "contacts"])
def test_others_do_not(app: Flask, role: str) -> None:
    client = browser_of(app, role)
    assert client.get("/staff/safety").status_code == 403
    assert "Safety" not in client.get("/staff/").text


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_moment_of_a_backup_that_cannot_be_read_is_no_backup(app: Flask) -> None:
    browser = browser_of(app, "admin")
    with app.app_context():
        db.session.execute(text("UPDATE audit_event SET action = 'backup.made', at = 'x'"))
        db.session.commit()
    assert browser.get("/staff/safety").status_code == 200
