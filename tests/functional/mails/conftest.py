"""Visitors who read their mail: the application beside a mailbox that takes it over SMTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.database import db
from demo.mailbox import Mailbox, Message
from mail.worker import Worker
from tests.conftest import SAME_ORIGIN
from tests.support.instances import Instance

BASE = "https://vigil.example"


class Visitor(FlaskClient):
    """Asks under the address that stands in the mails."""

    def open(self, *args: Any, **more: Any) -> Any:
        return super().open(*args, **{"base_url": BASE, **more})


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


@pytest.fixture
def app(instance: Instance, mailbox: Mailbox) -> Iterator[Flask]:
    """As everywhere, with a mail server and an https address for its links."""
    made = instance.app(
        mail_url=f"smtp://127.0.0.1:{mailbox.port}",
        mail_from="Night Watch <post@vigil.example>",
        organisation="Night Watch",
        base_url=BASE,
    )
    made.test_client_class = Visitor
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    made = app.test_client()
    made.environ_base.update(SAME_ORIGIN)
    return made


@pytest.fixture
def deliver(app: Flask, mailbox: Mailbox) -> Callable[..., list[Message]]:
    """Let the worker send what is due, so many days from now; gives what has come in since."""

    def run(days: float = 0) -> list[Message]:
        db.session.rollback()
        before = len(mailbox.messages)
        worker = Worker(app, clock=lambda: datetime.now(UTC) + timedelta(days=days))
        worker.jobs = ()
        worker.run(once=True)
        return mailbox.messages[before:]

    return run
