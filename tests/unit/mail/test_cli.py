"""The commands."""

from __future__ import annotations

import uuid

import pytest
from flask import Flask
from sqlalchemy import update

from config.database import db
from mail.cli import mail_commands
from mail.models import OutgoingEmail, State
from mail.worker import utc_now
from tests.unit.mail.small_app import Post, queue, rows


@pytest.fixture
def failed(app: Flask) -> list[uuid.UUID]:
    app.cli.add_command(mail_commands)
    ids = queue(app, 2, now=utc_now())
    with app.app_context():
        db.session.execute(update(OutgoingEmail).values(state=State.FAILED))
        db.session.commit()
    return ids


def invoke(app: Flask, *words: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["mail", *words])
    return result.exit_code, result.output


def states(app: Flask) -> list[str]:
    return sorted(email.state for email in rows(app))


def test_requeue_one(app: Flask, failed: list[uuid.UUID]) -> None:
    assert invoke(app, "requeue", str(failed[0])) == (0, "")
    assert states(app) == ["failed", "queued"]
    code, output = invoke(app, "requeue", str(failed[0]))
    assert code == 1
    assert "No failed mail of that id" in output


def test_requeue_all(app: Flask, failed: list[uuid.UUID]) -> None:
    assert invoke(app, "requeue", "--failed") == (0, "2 queued again\n")
    assert states(app) == ["queued", "queued"]


@pytest.mark.parametrize(
    "words", [[], [str(uuid.uuid4()), "--failed"], ["not-an-id"]], ids=["none", "both", "no-id"]
)
def test_requeue_wants_to_know_which(app: Flask, failed: list[uuid.UUID], words: list[str]) -> None:
    assert invoke(app, "requeue", *words)[0] == 2
    assert states(app) == ["failed", "failed"]


def test_work_once(app: Flask, failed: list[uuid.UUID], post: Post) -> None:
    invoke(app, "requeue", "--failed")
    assert invoke(app, "work", "--once") == (0, "2 sent\n")
    assert len(post.received) == 2
