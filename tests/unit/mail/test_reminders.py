"""One reminder, two days after the confirmation, unless it is not needed any more."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from flask import Flask

from config.database import db
from mail import claims, outbox, queries, reminders
from mail.models import OutgoingEmail, State
from mail.worker import Worker
from tests.unit.mail.small_app import NOW, READER, Clock, Post, message_ids, queue, row, rows
from vault.services import vault

DEED = uuid.UUID(int=7)
PARAMS = {"path": "/be/confirm/abc", "not_me_path": "/be/not-me/abc"}


def ask(app: Flask, deed_id: uuid.UUID = DEED, **more: object) -> uuid.UUID:
    """Queue a confirmation; its row's id."""
    given = {"kind": "confirm-signature", "params": PARAMS, "idem_key": f"confirm:{deed_id}"}
    [email_id] = queue(app, **{**given, **more})  # type: ignore[arg-type]
    return email_id


def empty(app: Flask, *deed_ids: uuid.UUID) -> None:
    with app.app_context():
        reminders.empty(deed_ids)
        db.session.commit()


def test_exactly_one_comes_after_two_days(
    app: Flask, worker: Worker, post: Post, clock: Clock
) -> None:
    email_id = ask(app)
    worker.run(once=True)
    waiting = row(app, email_id)
    assert (waiting.state, waiting.kind) == ("queued", "remind-signature")
    assert (waiting.idem_key, waiting.sent_at) == (f"remind:{DEED}", NOW)
    clock.advance(days=2, seconds=-1)
    worker.run(once=True)
    assert len(post.received) == 1
    clock.advance(seconds=1)
    worker.run(once=True)
    first, second = post.received
    assert second.readers == [READER]
    text = second.message.get_body(("plain",)).get_content()
    assert "https://vigil.example.org/be/confirm/abc" in text
    assert "https://vigil.example.org/be/not-me/abc" in text
    assert first.message["Subject"] != second.message["Subject"]
    ids = [mail.message["Message-ID"] for mail in post.received]
    assert len(set(ids)) == 2
    assert ids[:1] == message_ids(app, [email_id], "confirm-signature")
    assert ids[1:] == message_ids(app, [email_id], "remind-signature")
    done = row(app, email_id)
    assert (done.state, done.blob) == ("sent", None)
    clock.advance(days=5)
    worker.run(once=True)
    assert len(post.received) == 2


def test_what_needs_no_confirmation_is_not_followed(
    app: Flask, worker: Worker, post: Post, clock: Clock
) -> None:
    [email_id] = queue(app)
    worker.run(once=True)
    assert (row(app, email_id).state, row(app, email_id).blob) == ("sent", None)


@pytest.mark.parametrize("anew", ["", ":2"])
def test_confirmed_deed_is_not_reminded_of(
    app: Flask, worker: Worker, post: Post, clock: Clock, anew: str
) -> None:
    email_id = ask(app, idem_key=f"confirm:{DEED}{anew}")
    other = ask(app, uuid.UUID(int=8))
    worker.run(once=True)
    empty(app, DEED)
    emptied = row(app, email_id)
    assert (emptied.state, emptied.blob, emptied.kind) == ("sent", None, "confirm-signature")
    assert row(app, other).blob
    clock.advance(days=2)
    worker.run(once=True)
    assert len(post.received) == 3


def test_mail_that_was_never_sent_is_emptied_too(app: Flask, worker: Worker, post: Post) -> None:
    email_id = ask(app)
    empty(app, DEED)
    assert (row(app, email_id).state, row(app, email_id).blob) == ("expired", None)
    worker.run(once=True)
    assert post.received == []


def test_confirmed_while_the_worker_was_recording(app: Flask) -> None:
    """The mail is read and the button pressed before the worker has noted that it was sent."""
    ask(app)
    with app.app_context():
        [claimed] = claims.claim(NOW, 20)
        db.session.commit()
    empty(app, DEED)
    with app.app_context():
        claims.record_sent(claimed, NOW)
        db.session.commit()
    [found] = rows(app)
    assert (found.state, found.blob) == ("sent", None)


def test_two_workers_that_both_sent_make_one_reminder(app: Flask) -> None:
    email_id = ask(app)
    with app.app_context():
        [first] = claims.claim(NOW, 20)
        db.session.commit()
        [second] = claims.claim(NOW + claims.LEASE, 20)
        db.session.commit()
        claims.record_sent(first, NOW)
        db.session.commit()
        claims.record_sent(second, NOW + timedelta(minutes=6))
        db.session.commit()
    found = row(app, email_id)
    assert (found.state, found.kind, found.sent_at) == ("queued", "remind-signature", NOW)
    assert found.blob


def test_lost_mail_key_means_no_reminder(
    app: Flask, worker: Worker, post: Post, clock: Clock
) -> None:
    email_id = ask(app)
    worker.run(once=True)
    with app.app_context():
        vault().keys.drop()
    clock.advance(days=2)
    worker.run(once=True)
    assert len(post.received) == 1
    assert (row(app, email_id).state, row(app, email_id).blob) == ("unreadable", None)


def test_reminder_that_cannot_go_out_for_a_day_is_dropped(
    app: Flask, worker: Worker, clock: Clock
) -> None:
    email_id = ask(app)
    worker.run(once=True)
    clock.advance(days=3, seconds=1)
    with app.app_context():
        outbox.purge(clock())
        db.session.commit()
    assert (row(app, email_id).state, row(app, email_id).blob) == ("expired", None)


@pytest.mark.parametrize(("mails", "sent"), [(2, True), (3, False)])
def test_it_counts_among_the_mails_of_its_day(
    app: Flask, worker: Worker, post: Post, clock: Clock, mails: int, sent: bool
) -> None:
    email_id = ask(app, cap=3)
    worker.run(once=True)
    clock.advance(days=2)
    with app.app_context():
        outbox.purge(clock())
        db.session.commit()
    others = queue(app, n=mails, cap=3, now=clock(), params={"path": "/be/x", "minutes": "60"})
    assert len(others) == mails
    worker.run(once=True)
    kinds = [found.state for found in rows(app) if found.id == email_id]
    assert kinds == ["sent" if sent else "expired"]
    assert len(post.received) == 1 + mails + sent
    # and the next one finds the cap reached
    assert queue(app, cap=3, now=clock()) == []


def test_slot_is_taken_once_however_often_it_is_tried(app: Flask, clock: Clock) -> None:
    email_id = ask(app)
    with app.app_context():
        assert reminders.take_slot(email_id, READER, NOW)
        db.session.commit()
        first = db.session.get_one(OutgoingEmail, email_id).cap_slot
        assert reminders.take_slot(email_id, READER, NOW)
        db.session.commit()
        assert db.session.get_one(OutgoingEmail, email_id, populate_existing=True).cap_slot == first


def test_one_that_rests_does_not_count_as_waiting(app: Flask, worker: Worker) -> None:
    ask(app)
    with app.app_context():
        assert queries.counts_by_state()[State.QUEUED] == 1
    worker.run(once=True)
    with app.app_context():
        assert queries.counts_by_state()[State.QUEUED] == 0
