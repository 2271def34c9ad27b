"""The worker against a real SMTP server that refuses, is away, hangs up or is slow."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from flask import Flask

from config.database import db
from mail.models import State
from mail.outbox import requeue
from mail.worker import Worker
from tests.unit.mail.small_app import Clock, Post, queue, row, rows


def test_temporary_refusal_is_tried_again(
    app: Flask, worker: Worker, post: Post, clock: Clock
) -> None:
    [email_id] = queue(app)
    post.refusals = ["451 come back later"]
    assert worker.run(once=True) == 0
    email = row(app, email_id)
    assert (email.state, email.attempts, email.error) == ("queued", 1, "smtp-451")
    assert worker.run(once=True) == 0
    clock.advance(minutes=2)
    assert worker.run(once=True) == 1
    assert row(app, email_id).error is None


def test_refused_mail_waits_for_staff(app: Flask, worker: Worker, post: Post, clock: Clock) -> None:
    refused, other = queue(app, 2)
    post.refusals = ["550 no such user: canary-reader@example.org"]
    assert worker.run(once=True) == 1
    states = {row(app, email_id).state for email_id in (refused, other)}
    assert states == {"failed", "sent"}
    [dead] = [email for email in rows(app) if email.state == State.FAILED]
    assert dead.error == "smtp-550"
    clock.advance(hours=2)
    assert worker.run(once=True) == 0
    with app.app_context():
        assert requeue(dead.id, clock())
        db.session.commit()
    assert worker.run(once=True) == 1
    assert row(app, dead.id).state == "sent"


def test_unreachable_server_costs_no_attempt(
    app: Flask, worker: Worker, post: Post, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    ids = queue(app, 3)
    there, worker.server = worker.server, replace(worker.server, port=1)
    for _ in range(5):
        assert worker.run(once=True) == 0
        clock.advance(seconds=11)
    for email_id in ids:
        email = row(app, email_id)
        assert (email.state, email.attempts, email.error) == ("queued", 0, "refused")
    assert len([line for line in caplog.messages if "refused" in line]) == 1
    worker.server = there
    clock.advance(minutes=6)
    assert worker.run(once=True) == 3


def test_unreachable_server_is_asked_less_and_less_often(
    app: Flask, worker: Worker, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(app)
    worker.server = replace(worker.server, port=1)
    tries: list[datetime] = []
    note = worker._note_no_connection

    def count(*args: Any) -> None:
        tries.append(clock())
        note(*args)

    monkeypatch.setattr(worker, "_note_no_connection", count)
    for _ in range(60):
        worker.run(once=True)
        clock.advance(seconds=5)
    gaps = [(b - a).total_seconds() for a, b in zip(tries, tries[1:], strict=False)]
    assert gaps == [5, 10, 20, 40, 80]


def test_silent_server_is_given_up(app: Flask, worker: Worker) -> None:
    [email_id] = queue(app)
    with socket.create_server(("127.0.0.1", 0)) as server:
        worker.server = replace(worker.server, port=server.getsockname()[1])
        worker.timeout = 0.1
        assert worker.run(once=True) == 0
    assert row(app, email_id).error == "timeout"


def test_lost_connection_gives_the_rest_back(app: Flask, worker: Worker, post: Post) -> None:
    queue(app, 3)
    post.refusals = ["421 going away"]
    assert worker.run(once=True) == 2
    [email] = [email for email in rows(app) if email.state == State.QUEUED]
    assert (email.attempts, email.error) == (1, "smtp-421")


def test_slow_server_does_not_outlast_the_lease(
    app: Flask, worker: Worker, post: Post, clock: Clock
) -> None:
    queue(app, 4)
    post.on_data = lambda: clock.advance(minutes=2)
    tried, sent = worker.send_batch()
    assert (tried, sent) == (2, 2)
    assert sorted(email.state for email in rows(app)) == ["queued", "queued", "sent", "sent"]
