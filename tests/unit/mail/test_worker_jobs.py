"""The worker's jobs: when each runs, what it commits, and what follows it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from config.database import db, forget_deleted_rows
from mail.outbox import purge
from mail.worker import Job, Worker
from tests.unit.mail.small_app import READER, Clock, only_sqlite, queue, row


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
            (name, db.session.execute(text("SELECT attempts FROM outgoing_email")).scalar_one())
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
