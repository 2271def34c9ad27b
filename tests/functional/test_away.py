"""Stripe, mail, Redis or database away, one by one: what visitors read, and what the log says.

The log is read as it leaves the process, on stderr: it names the kind of the fault, and no value.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from config.database import db
from donate.models import Donation
from mail.models import OutgoingEmail
from mail.worker import Worker
from tests.conftest import SAME_ORIGIN
from tests.support.instances import Instance
from tests.support.letters import rows
from tests.support.visitor import PERSON, PETITION, old_token
from vault.models import VaultPair

NOBODY = "127.0.0.1:1"  # nobody listens there
GIFT = {"amount": "31.50", "currency": "EUR", "frequency": "once", "fund": "families"}
VALUES = ("Anna", "anna@", "hush-hush", "31.50", "Traceback", PETITION)
Log = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _log_of_others() -> Iterator[None]:
    """Puts the log back: what is read here is closed afterwards, and others write on."""
    root = logging.getLogger()
    before = root.handlers
    yield
    root.handlers = before


@contextmanager
def visiting(instance: Instance, **away: Any) -> Iterator[FlaskClient]:
    """A visitor of the site with a part away."""
    app = instance.app(**away)
    with app.app_context():
        client = app.test_client()
        client.environ_base.update(SAME_ORIGIN)
        yield client
        db.session.remove()
        db.engine.dispose()


def sign(client: FlaskClient) -> int:
    """The status of a signature."""
    token = old_token(client, 10)
    return client.post(PETITION, data={**PERSON, "form_token": token}).status_code


def lines(log: Log) -> list[str]:
    """What the log says, without its times; no value is in it."""
    told = log.readouterr().err
    assert [value for value in VALUES if value in told] == []
    return [re.sub(r"^\S+ \S+ ", "", line) for line in told.splitlines()]


def test_stripe_is_away(instance: Instance, capsys: Log) -> None:
    with visiting(instance, stripe_api_base=f"http://{NOBODY}") as client:
        answer = client.post("/en/donate", data={**GIFT, "form_token": old_token(client, 10)})
        assert (answer.status_code, "Nothing was charged" in answer.text) == (503, True)
        assert "31.50" in answer.text  # what was typed stays
        assert rows(Donation) == 1
        assert lines(capsys) == ["WARNING vigil.donate Stripe unavailable: APIConnectionError"]
        assert sign(client) == 303


def test_mail_server_is_away(instance: Instance, capsys: Log) -> None:
    with visiting(instance, mail_url=f"smtp://vigil:hush-hush@{NOBODY}?tls=none") as client:
        assert sign(client) == 303
        app = client.application
        app.extensions["vigil_jobs"] = []
        db.session.remove()
        assert Worker(app).run(once=True) == 0
        (mail,) = db.session.scalars(select(OutgoingEmail))
        assert (mail.state, mail.attempts, mail.error) == ("queued", 0, "refused")
        (line,) = lines(capsys)
        assert re.fullmatch(r"WARNING vigil\.mail .*\brefused\b.*", line)


def test_redis_is_away(instance: Instance, capsys: Log) -> None:
    redis = f"redis://:hush-hush@{NOBODY}/0"
    with visiting(instance, redis_url=redis, form_limit="1 per hour") as client:
        assert [sign(client), sign(client)] == [303, 429]
    words = "the Redis of REDIS_URL does not answer: this process counts limits by itself"
    assert lines(capsys) == [f"WARNING vigil.web {words}"] * 2


def test_volatile_keys_are_away(instance: Instance, capsys: Log) -> None:
    with visiting(instance, volatile_keys=f"redis://:hush-hush@{NOBODY}/0") as client:
        assert sign(client) == 503
        assert rows(OutgoingEmail) == 0
    (line,) = lines(capsys)
    assert line == "ERROR vigil.web unavailable: VolatileKeysUnreachable at petitions.sign"


def test_database_is_away(instance: Instance, capsys: Log) -> None:
    gone = f"postgresql://vigil:hush-hush@{NOBODY}/none"
    if instance.engine == "sqlite":
        gone = f"sqlite:///{instance.folder}/hush-hush/vigil.db"
    with visiting(instance, database_url=gone) as client:
        data = {**PERSON, "form_token": old_token(client, 10)}
        answer = client.post(PETITION, data=data)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert client.get("/en/privacy").status_code == 200
    # twice: the page with the form needs the database, too
    assert lines(capsys) == ["ERROR vigil.web unavailable: OperationalError at petitions.sign"] * 2


def test_fault_that_nobody_thought_of_is_told_by_kind_and_place(
    instance: Instance, capsys: Log
) -> None:
    def broken() -> str:
        db.session.add(VaultPair(id="Anna", public_key="anna@example.org"))
        db.session.flush()
        return ""

    with visiting(instance) as client:
        client.application.view_functions["pages.imprint"] = broken
        assert client.get("/en/imprint").status_code == 500
    (line,) = lines(capsys)
    told = r"ERROR vigil\.web unexpected error at pages\.imprint \[\w+ at [\w.:> ]+\]"
    assert re.fullmatch(told, line)
