"""Each mail once, whatever goes away meanwhile: the worker itself, or its database."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, event, text

from config.database import db
from config.settings import ROOT
from mail.claims import LEASE
from mail.models import State
from mail.worker import Worker
from tests.support.waiting import wait_until
from tests.unit.mail.small_app import (
    Clock,
    Post,
    create_small_app,
    message_ids,
    only_sqlite,
    queue,
    row,
    rows,
    running_post,
)

# The worker


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
        wait_until(lambda: all(email.state == State.SENDING for email in rows(app)))
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


# The database


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
