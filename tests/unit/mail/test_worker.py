"""The worker against a real SMTP server: what arrives, and what is not sent."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from config.database import db
from mail.worker import Job, Worker
from tests.unit.mail.small_app import NOW, PATH, READER, Clock, Post, message_ids, queue, row
from vault.services import vault


def test_mail_arrives(app: Flask, worker: Worker, post: Post) -> None:
    [email_id] = queue(app)
    assert worker.run(once=True) == 1
    [mail] = post.received
    assert mail.readers == [READER]
    assert mail.author == "vigil@example.org"
    assert mail.hello == "example.org"
    message = mail.message
    assert [message["Message-ID"]] == message_ids(app, [email_id])
    assert message["Content-Language"] == "be"
    text_part, html_part = message.iter_parts()
    for part in (text_part, html_part):
        assert f"https://vigil.example.org{PATH}-0" in part.get_content()
    email = row(app, email_id)
    assert (email.state, email.blob, email.sent_at, email.error) == ("sent", None, NOW, None)


def test_batches_until_nothing_is_due(app: Flask, worker: Worker, post: Post) -> None:
    queue(app, 25)
    assert worker.run(once=True) == 25
    assert worker.run(once=True) == 0
    assert len(post.received) == 25


def test_no_database_connection_is_held_while_sending(
    app: Flask, worker: Worker, post: Post
) -> None:
    queue(app, 2)
    held: list[int] = []

    def look() -> None:
        with app.app_context():
            pool: Any = db.engine.pool
            held.append(pool.checkedout())

    post.on_data = look
    worker.run(once=True)
    assert held == [0, 0]


def test_overdue_mail_is_not_sent(app: Flask, worker: Worker, post: Post, clock: Clock) -> None:
    first, second = queue(app, 2, lifetime=timedelta(minutes=1))
    post.on_data = lambda: clock.advance(minutes=1)
    assert worker.run(once=True) == 1
    states = sorted((row(app, i).state, row(app, i).blob) for i in (first, second))
    assert states == [("expired", None), ("sent", None)]


def test_lost_mail_key_makes_mails_unreadable(app: Flask, worker: Worker, post: Post) -> None:
    [email_id] = queue(app)
    with app.app_context():
        vault().keys.drop()
    assert worker.run(once=True) == 0
    email = row(app, email_id)
    assert (email.state, email.blob) == ("unreadable", None)
    assert post.received == []


def test_faulty_mail_does_not_stop_the_others(app: Flask, worker: Worker, post: Post) -> None:
    [no_template] = queue(app, kind="no-such-mail")
    [no_path] = queue(app, params={})
    [no_address] = queue(app, to="canary@")
    queue(app)
    assert worker.run(once=True) == 1
    assert [row(app, i).state for i in (no_template, no_path, no_address)] == ["failed"] * 3
    assert [row(app, i).error for i in (no_template, no_address)] == ["template", "address"]


@pytest.mark.parametrize("kind", ["manage-giving", "remind-signature"])
def test_look_that_fails_keeps_no_other_mail_waiting(
    app: Flask, worker: Worker, post: Post, clock: Clock, kind: str
) -> None:
    """Both are asked for each mail alone: is it to be discreet, and has a reminder room."""
    params = {"path": "/be/confirm/abc", "not_me_path": "/be/not-me/abc", "minutes": "60"}
    early = NOW - timedelta(seconds=1)
    [first], others = queue(app, kind=kind, params=params, now=early), queue(app, 2)
    at = {"manage-giving": "SELECT 1", "remind-signature": "AS others"}[kind]
    failed: list[str] = []

    def fail(connection: Any, cursor: Any, words: str, *more: Any) -> None:
        if at in words and not failed:
            failed.append(words)
            raise OperationalError(words, {}, Exception("database is locked"))

    app.extensions["vigil_is_discreet"] = lambda to: not db.session.scalar(text("SELECT 1"))
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", fail)
    assert worker.send_batch() == (3, 2)
    assert failed
    email = row(app, first)
    assert (email.state, email.attempts, email.error) == ("queued", 1, "database")
    assert {row(app, email_id).state for email_id in others} == {"sent"}
    clock.advance(minutes=2)
    assert worker.send_batch() == (1, 1)
    assert len(post.received) == 3


def test_mails_to_staff_have_no_discreet_form(app: Flask, worker: Worker, post: Post) -> None:
    """Also where the address is a supporter's who wants one."""
    app.extensions["vigil_is_discreet"] = lambda to: True
    queue(app, kind="giving-alert", params={"what": "books-differ", "n": "1", "path": "/staff"})
    queue(app)
    assert worker.run(once=True) == 2
    kinds = sorted(mail.message.get_content_type() for mail in post.received)
    assert kinds == ["multipart/alternative", "text/plain"]


def test_log_names_nobody(
    app: Flask, worker: Worker, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "vigil")
    sent, refused = queue(app, 2)
    queue(app, params={})
    post.refusals = [f"550 no such user: {READER}"]
    app.extensions["vigil_jobs"] = [Job("x", timedelta(1), lambda now: [][0])]
    Worker(app, clock=Clock()).run(once=True)
    assert len(caplog.messages) >= 4
    assert str(sent) in caplog.text
    assert str(refused) in caplog.text
    for word in ("canary", "no such user", "/be/"):
        assert word not in caplog.text
