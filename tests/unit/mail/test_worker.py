"""The worker against a real SMTP server: each mail once, whatever goes away meanwhile."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError

from config.database import db, forget_deleted_rows
from config.settings import ROOT
from mail.claims import LEASE
from mail.models import State
from mail.outbox import purge, requeue
from mail.worker import Job, Worker
from tests.unit.mail.small_app import (
    NOW,
    PATH,
    READER,
    Clock,
    Post,
    create_small_app,
    message_ids,
    queue,
    row,
    rows,
    running_post,
)
from vault.services import vault

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    for _ in range(int(seconds / 0.02)):
        if is_so():
            return
        time.sleep(0.02)
    pytest.fail("it did not come to that")


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


def test_slow_server_does_not_outlast_the_lease(
    app: Flask, worker: Worker, post: Post, clock: Clock
) -> None:
    queue(app, 4)
    post.on_data = lambda: clock.advance(minutes=2)
    tried, sent = worker.send_batch()
    assert (tried, sent) == (2, 2)
    assert sorted(email.state for email in rows(app)) == ["queued", "queued", "sent", "sent"]


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


def test_two_workers_send_each_mail_once(app: Flask, post: Post) -> None:
    ids = queue(app, 45)
    start = threading.Barrier(2)

    def work(_: int) -> int:
        start.wait(5)
        return Worker(app, clock=Clock(), timeout=5).run(once=True)

    with ThreadPoolExecutor(2) as threads:
        sent = list(threads.map(work, range(2)))
    assert sum(sent) == 45
    arrived = sorted(str(mail.message["Message-ID"]) for mail in post.received)
    assert arrived == message_ids(app, ids)


def start_process(app: Flask, home: Path, post: Post) -> subprocess.Popen[bytes]:
    arguments = [str(home), app.config["SQLALCHEMY_DATABASE_URI"], f"smtp://127.0.0.1:{post.port}"]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.unit.mail.worker_process", *arguments],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"]},
    )


def test_killed_worker_loses_nothing(
    app: Flask, worker: Worker, post: Post, clock: Clock, tmp_path: Path
) -> None:
    ids = queue(app, 3)
    with running_post() as trap:
        released = threading.Event()
        trap.on_data = lambda: released.wait(20)
        process = start_process(app, tmp_path, trap)
        until(lambda: all(email.state == State.SENDING for email in rows(app)))
        process.kill()
        process.wait(10)
        released.set()
    assert worker.run(once=True) == 0
    clock.advance(seconds=LEASE.total_seconds())
    assert worker.run(once=True) == 3
    arrived = sorted(str(mail.message["Message-ID"]) for mail in post.received)
    assert arrived == message_ids(app, ids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@only_sqlite
def test_stopped_worker_finishes_the_mail_in_hand(
    app: Flask, post: Post, tmp_path: Path, number: int
) -> None:
    queue(app, 3)
    in_hand, released = threading.Event(), threading.Event()

    def wait() -> None:
        in_hand.set()
        released.wait(20)

    post.on_data = wait
    process = start_process(app, tmp_path, post)
    assert in_hand.wait(20)
    process.send_signal(number)
    time.sleep(0.1)
    released.set()
    assert process.wait(10) == 0
    assert sorted(email.state for email in rows(app)) == ["queued", "queued", "sent"]
    assert len(post.received) == 1


@only_sqlite
def test_database_that_comes_back_is_waited_for(
    app: Flask, worker: Worker, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    queue(app)
    pauses: list[float] = []

    def rename(before: str, after: str) -> None:
        with app.app_context():
            db.session.execute(text(f"ALTER TABLE {before} RENAME TO {after}"))
            db.session.commit()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            rename("elsewhere", "outgoing_email")
        if post.received:
            worker.stop()

    rename("outgoing_email", "elsewhere")
    worker.pause = pause
    assert worker.run() == 1
    assert len(pauses) == 4
    assert [line for line in caplog.messages if "waiting" in line] == ["waiting: OperationalError"]


@only_sqlite
def test_mail_known_to_be_sent_is_recorded_once_the_database_is_free(
    app: Flask, worker: Worker, post: Post, tmp_path: Path
) -> None:
    [email_id] = queue(app)
    with app.app_context():
        event.listen(db.engine, "connect", lambda dbapi, _: dbapi.execute("PRAGMA busy_timeout=20"))
        db.engine.dispose()
    other = sqlite3.connect(tmp_path / "vigil.db", check_same_thread=False, isolation_level=None)
    post.on_data = lambda: other.execute("BEGIN IMMEDIATE")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            other.rollback()

    worker.pause = pause
    assert worker.run(once=True) == 1
    other.close()
    assert len(pauses) == 3
    assert row(app, email_id).state == "sent"
    assert len(post.received) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_cut_database_connection_is_made_again(app: Flask, worker: Worker, post: Post) -> None:
    ids = queue(app, 2)

    def cut() -> None:
        with app.app_context():
            url = db.engine.url
        stranger = create_engine(url.update_query_dict({"application_name": "stranger"}))
        with stranger.begin() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = :name"
                ),
                {"name": url.query["application_name"]},
            )
        stranger.dispose()

    post.on_data = cut
    assert worker.run(once=True) == 2
    assert [row(app, email_id).state for email_id in ids] == ["sent", "sent"]
    assert len(post.received) == 2


def test_once_does_not_wait_for_the_database(tmp_path: Path, post: Post) -> None:
    app = create_small_app(tmp_path, f"sqlite:///{tmp_path / 'no' / 'such.db'}")
    with pytest.raises(Exception, match="unable to open"):
        Worker(app).run(once=True)


def test_jobs_recur_and_commit(app: Flask, clock: Clock) -> None:
    [email_id] = queue(app)
    ran: list[str] = []

    def touch(now: datetime) -> None:
        ran.append("touch")
        db.session.execute(text("UPDATE outgoing_email SET attempts = attempts + 1"))

    def fail(now: datetime) -> None:
        ran.append("fail")
        db.session.execute(text("UPDATE outgoing_email SET attempts = 100"))
        raise RuntimeError(READER)

    app.extensions["vigil_jobs"] = [
        Job("failing", timedelta(hours=1), fail),
        Job("touching", timedelta(seconds=5), touch),
    ]
    worker = Worker(app, clock=clock)
    worker.run_jobs()
    worker.run_jobs()
    clock.advance(seconds=5)
    worker.run_jobs()
    assert ran == ["fail", "touch", "touch"]
    assert row(app, email_id).attempts == 2


def test_what_follows_a_job_comes_after_its_commit_and_only_then(app: Flask, clock: Clock) -> None:
    queue(app)
    seen: list[tuple[str, int]] = []

    def note(name: str) -> None:
        seen.append(
            (name, db.session.execute(text("SELECT attempts FROM outgoing_email")).scalar())
        )
        db.session.rollback()

    def touch(now: datetime) -> None:
        db.session.execute(text("UPDATE outgoing_email SET attempts = attempts + 1"))

    def fail(now: datetime) -> None:
        touch(now)
        raise RuntimeError

    app.extensions["vigil_jobs"] = [
        Job("failing", timedelta(hours=1), fail, lambda: note("failing")),
        Job("touching", timedelta(hours=1), touch, lambda: note("touching")),
    ]
    Worker(app, clock=clock).run_jobs()
    assert seen == [("touching", 1)]


def test_free_job_commits_by_itself_and_what_it_leaves_open_is_undone(
    app: Flask, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    [email_id] = queue(app)

    def touch(now: datetime) -> None:
        assert not db.session().in_transaction()
        db.session.execute(text("UPDATE outgoing_email SET attempts = attempts + 1"))
        db.session.commit()
        db.session.execute(text("UPDATE outgoing_email SET attempts = 100"))

    def fail(now: datetime) -> None:
        touch(now)
        raise RuntimeError(READER)

    app.extensions["vigil_jobs"] = [
        Job("failing", timedelta(hours=1), fail, is_free=True),
        Job("touching", timedelta(seconds=5), touch, is_free=True),
    ]
    worker = Worker(app, clock=clock)
    worker.run_jobs()
    assert row(app, email_id).attempts == 2
    clock.advance(seconds=5)
    worker.run_jobs()
    assert row(app, email_id).attempts == 3
    assert [line for line in caplog.messages if "job" in line] == [
        "job failing failed: RuntimeError"
    ]


@only_sqlite
def test_erased_mail_is_gone_from_the_disk(app: Flask, clock: Clock, tmp_path: Path) -> None:
    """Also from the write-ahead log, which keeps what was deleted until it is truncated."""
    [email_id] = queue(app)
    blob = row(app, email_id).blob or b""

    def on_disk() -> bool:
        return any(blob in path.read_bytes() for path in tmp_path.glob("vigil.db*"))

    assert on_disk()
    app.extensions["vigil_jobs"] = [
        Job("clear the outbox", timedelta(minutes=10), purge, forget_deleted_rows)
    ]
    clock.advance(hours=25)
    Worker(app, clock=clock).run_jobs()
    assert row(app, email_id).state == "expired"
    assert not on_disk()


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
