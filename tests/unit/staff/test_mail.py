"""The outbox as staff see it: states and codes, no address, one more try."""

from __future__ import annotations

import uuid

import pytest
from flask import Flask
from sqlalchemy import select, update

from config.database import db
from mail.models import OutgoingEmail, State
from staff.models import AuditEvent
from tests.unit.staff.conftest import Browser, People


@pytest.fixture
def failed(app: Flask, people: People) -> uuid.UUID:
    """A mail that the server refused."""
    people.create_signature("Ada", "ada@example.org", state="pending")
    with app.app_context():
        db.session.execute(
            update(OutgoingEmail).values(state=State.FAILED, error="smtp-550", attempts=3)
        )
        db.session.commit()
        return db.session.scalars(select(OutgoingEmail.id)).one()


def test_failed_mail_shows_its_code_and_no_address(admin: Browser, failed: uuid.UUID) -> None:
    page = admin.get("/staff/mail?state=failed").text
    assert "Confirmation of a signature" in page
    assert "smtp-550" in page
    assert "ada@" not in page
    assert "There is no mail in this state." in admin.get("/staff/mail?state=sent").text


def test_failed_mail_can_be_queued_again_once(
    app: Flask, admin: Browser, failed: uuid.UUID
) -> None:
    address = f"/staff/mail/{failed}/requeue"
    page = admin.get(admin.post(address).location).text
    assert "The mail waits to be sent again." in page
    with app.app_context():
        email = db.session.get(OutgoingEmail, failed)
        assert email
        assert (email.state, email.attempts) == (State.QUEUED, 0)
    page = admin.get(admin.post(address).location).text
    assert "Nothing was changed." in page
    with app.app_context():
        events = db.session.scalars(
            select(AuditEvent).where(AuditEvent.action == "mail.requeued")
        ).all()
        assert [event.subject_id for event in events] == [failed]


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "page=99999999999", "state=x"])
def test_odd_queries_still_get_a_page(admin: Browser, query: str) -> None:
    assert admin.get(f"/staff/mail?{query}").status_code == 200


def test_dashboard_counts_what_failed(admin: Browser, failed: uuid.UUID) -> None:
    assert "1 failed" in admin.get("/staff/").text
