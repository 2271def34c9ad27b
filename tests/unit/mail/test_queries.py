"""What staff see of the outbox."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import update

from config.database import db
from mail.models import OutgoingEmail, State
from mail.queries import counts_by_state, how_it_stands, recent_emails
from tests.unit.mail.small_app import NOW, queue


def test_counts_name_every_state(app: Flask) -> None:
    queue(app, 3)
    with app.app_context():
        assert counts_by_state() == {**dict.fromkeys(State, 0), State.QUEUED: 3}


def test_pages_and_filter(app: Flask) -> None:
    newest = queue(app, now=NOW + timedelta(days=1))
    ids = queue(app, 3)
    with app.app_context():
        db.session.execute(
            update(OutgoingEmail).where(OutgoingEmail.id == ids[0]).values(state=State.FAILED)
        )
        pages = [recent_emails(page, size=2) for page in (1, 2, 3)]
        failed = recent_emails(state=State.FAILED)
    assert [len(page) for page in pages] == [2, 2, 0]
    assert pages[0][0].id == newest[0]
    assert {email.id for page in pages for email in page} == {*newest, *ids}
    assert [email.id for email in failed] == [ids[0]]
    assert "canary" not in repr(pages)


def test_oldest_waiting(app: Flask) -> None:
    with app.app_context():
        assert how_it_stands()[1] is None
    queue(app, now=NOW + timedelta(hours=1))
    queue(app)
    with app.app_context():
        assert how_it_stands()[1] == NOW
        db.session.execute(update(OutgoingEmail).values(state=State.SENT))
        assert how_it_stands()[1] is None
