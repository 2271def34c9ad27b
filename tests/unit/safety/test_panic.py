"""Panic: keys first, then the intake, then all that is short-lived; undone by the code alone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select

from config.database import db
from contacts.models import Contact, CopyRequest, LinkRequest, PrivateLink
from mail.models import OutgoingEmail
from safety import panic
from staff.models import AuditEvent, KnownBrowser, SignInDelay, StaffSession
from tests.conftest import SAME_ORIGIN
from tests.support.instances import Instance
from tests.support.visitor import PETITION, sign
from tests.unit.safety.conftest import CANARY, run
from vault.codes import write_code
from vault.models import VaultPair, VaultShare
from vault.services import IntakeStopped, vault

SHORT_LIVED = (StaffSession, KnownBrowser, SignInDelay, LinkRequest, PrivateLink)


@pytest.fixture
def stopped(peopled: Flask) -> Flask:
    """An installation after `flask panic`."""
    done = run(peopled, "panic")
    assert done.exit_code == 0, done.output
    return peopled


@pytest.fixture
def visitor(peopled: Flask) -> FlaskClient:
    """A visitor's browser."""
    made = peopled.test_client()
    made.environ_base.update(SAME_ORIGIN)
    return made


def count(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def keys_on_disk(instance: Instance) -> list[Path]:
    """The volatile keys that lie there."""
    return list((instance.folder / "volatile").glob("*.key"))


def test_keys_sessions_and_links_go_and_contacts_stay(peopled: Flask, instance: Instance) -> None:
    assert keys_on_disk(instance)
    assert all(count(model) for model in SHORT_LIVED)
    done = run(peopled, "panic")
    assert done.exit_code == 0, done.output
    assert keys_on_disk(instance) == []
    assert [count(model) for model in SHORT_LIVED] == [0] * len(SHORT_LIVED)
    mails = db.session.scalars(select(OutgoingEmail)).all()
    assert mails
    assert {(mail.state, mail.blob, mail.cap_key) for mail in mails} == {("unreadable", None, None)}
    copy = db.session.scalars(select(CopyRequest)).one()
    assert (copy.blob, copy.hash, copy.released_at) == (None, None, None)
    assert count(Contact) == 1
    with pytest.raises(IntakeStopped):
        vault().check()


def test_without_a_vault_nothing_is_said_to_be_stopped(peopled: Flask) -> None:
    """Whoever took its row away can put it back, and the intake would be open."""
    for model in (VaultShare, VaultPair):
        db.session.execute(delete(model))
    db.session.commit()
    done = run(peopled, "panic")
    assert done.exit_code == 1
    assert "COULD NOT BE STOPPED" in done.output
    assert "Visitors now read" not in done.output
    assert [count(model) for model in SHORT_LIVED] == [0] * len(SHORT_LIVED)


def test_it_says_what_remains_and_what_to_revoke(peopled: Flask) -> None:
    words = run(peopled, "panic").output
    assert "1 contacts, 1 signatures" in words
    assert "1 members of staff" in words
    assert "dashboard.stripe.com/apikeys" in words
    assert "1 staff sessions ended" in words
    assert "127.0.0.1" in words
    settings = peopled.extensions["vigil_settings"]
    assert settings.stripe_secret_key not in words
    assert CANARY not in words


def test_it_asks_nothing_and_can_be_run_again(stopped: Flask) -> None:
    again = run(stopped, "panic", input="")
    assert again.exit_code == 0
    assert "stopped already" in again.output
    events = db.session.scalars(select(AuditEvent.action)).all()
    assert events.count("intake.stopped") == 1


def test_visitors_read_a_page_in_their_language(stopped: Flask, visitor: FlaskClient) -> None:
    for path in (PETITION, "/en/volunteer", "/en/donate", "/en/confirm/x", "/staff/sign-in"):
        answer = visitor.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3600"), path
        assert "We have closed the doors for now" in answer.text, path
        assert "<form" not in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert 'lang="uk"' in visitor.get("/uk/donate").text
    wished = visitor.get("/staff/", headers={"Accept-Language": "be"})
    assert (wished.status_code, 'lang="be"' in wished.text) == (503, True)


def test_nothing_is_taken_in(stopped: Flask, visitor: FlaskClient) -> None:
    before = count(Contact)
    answer = visitor.post(PETITION, data={"email": "new@example.org"})
    assert answer.status_code == 503
    assert "new@example.org" not in answer.text
    assert count(Contact) == before


def test_what_was_open_is_closed_within_a_second(peopled: Flask, visitor: FlaskClient) -> None:
    """The web server is another process: it learns of it from the database."""
    assert visitor.get(PETITION).status_code == 200
    peopled.extensions["vault"]._checked = (0.0, peopled.extensions["vault"]._checked[1])
    run(peopled, "panic")
    peopled.extensions["vault"]._checked = (0.0, peopled.extensions["vault"]._checked[1])
    assert visitor.get(PETITION).status_code == 503


def test_campaigns_stay_readable(stopped: Flask, visitor: FlaskClient) -> None:
    for path in ("/en/", "/en/campaigns/women-behind-bars", "/en/privacy", "/healthz"):
        assert visitor.get(path).status_code == 200, path


def test_what_is_posted_to_a_readable_room_is_refused(instance: Instance) -> None:
    """There is no such page; one that comes later is closed by itself."""
    app = instance.app()
    app.add_url_rule("/en/later", "pages.later", lambda: "taken in", methods=["GET", "POST"])
    client = app.test_client()
    client.environ_base.update(SAME_ORIGIN)
    assert client.post("/en/later").text == "taken in"
    assert run(app, "panic").exit_code == 0
    assert (client.get("/en/later").status_code, client.post("/en/later").status_code) == (200, 503)
    with app.app_context():
        db.engine.dispose()


def test_stripe_is_to_try_again(stopped: Flask, visitor: FlaskClient) -> None:
    answer = visitor.post("/stripe/webhook", data=b"{}")
    assert (answer.status_code, answer.mimetype) == (503, "text/plain")


def test_keys_are_dropped_where_the_database_is_away(instance: Instance) -> None:
    away = "sqlite:////nowhere/at/all.db"
    if instance.engine == "postgresql":
        away = "postgresql://vigil@127.0.0.1:1/none"
    app = instance.app(database_url=away)
    done = run(app, "panic")
    assert done.exit_code == 1
    assert keys_on_disk(instance) == []
    assert "NOT ALL WAS DONE" in done.output
    assert "dashboard.stripe.com" in done.output


def test_the_intake_is_stopped_where_the_keys_are_out_of_reach(instance: Instance) -> None:
    app = instance.app(volatile_keys="redis://:hush-hush@127.0.0.1:1/0")
    done = run(app, "panic")
    assert done.exit_code == 1
    assert "NOT DROPPED" in done.output
    assert "hush-hush" not in done.output
    assert "The intake is stopped." in done.output


def test_the_recovery_code_starts_it_again(
    stopped: Flask, visitor: FlaskClient, instance: Instance
) -> None:
    code = instance.first.recovery_code
    done = run(stopped, "panic", "--undo", input=f"{code}\n")
    assert done.exit_code == 0, done.output
    assert code not in done.output
    actions = db.session.scalars(select(AuditEvent.action)).all()
    assert {"intake.stopped", "intake.resumed"} <= set(actions)
    db.session.rollback()
    assert vault().email_index(CANARY) is not None  # the index key is at hand again
    assert visitor.get("/staff/sign-in").status_code == 200
    assert sign(visitor, email="new@example.org").status_code == 303


@pytest.mark.parametrize("wrong", ["another vault", "typing mistake", "nonsense"])
def test_another_code_does_not(stopped: Flask, instance: Instance, wrong: str) -> None:
    code = {
        "another vault": write_code(b"x" * 32),
        "typing mistake": instance.first.recovery_code[:-1]
        + ("Y" if instance.first.recovery_code.endswith("Z") else "Z"),
        "nonsense": "let me in",
    }[wrong]
    refused = run(stopped, "panic", "--undo", input=f"{code}\n")
    assert refused.exit_code == 1
    assert "Still stopped" in refused.output
    with pytest.raises(IntakeStopped):
        vault().check()


def test_there_is_nothing_to_undo(app: Flask) -> None:
    assert "not stopped" in run(app, "panic", "--undo").output


def test_key_that_comes_back_before_the_end_is_dropped_too(
    peopled: Flask, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key holder asks for a page after the first drop, before the intake is stopped."""
    stop_intake = panic.stop_intake

    def slowly(now: datetime) -> bool:
        assert keys_on_disk(instance) == []
        vault().keys.put("index-1", b"k" * 32)
        return stop_intake(now)

    monkeypatch.setattr(panic, "stop_intake", slowly)
    done = run(peopled, "panic")
    assert done.exit_code == 0, done.output
    assert keys_on_disk(instance) == []
    assert "dropped once more" in done.output


def test_a_rotation_in_between_is_stopped_at_the_next_try(
    peopled: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL: the row that the statement waited for is retired, the new one it did not see."""
    tries = []
    stop_intake = panic.stop_intake

    def late(now: datetime) -> bool:
        tries.append(now)
        return stop_intake(now) if len(tries) > 1 else False

    monkeypatch.setattr(panic, "stop_intake", late)
    done = run(peopled, "panic")
    assert (done.exit_code, len(tries)) == (0, 2)
    assert "The intake is stopped." in done.output
    with pytest.raises(IntakeStopped):
        vault().check()


def test_it_fails_where_it_cannot_stop_and_does_the_rest(
    peopled: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panic, "stop_intake", lambda now: False)
    done = run(peopled, "panic")
    assert done.exit_code == 1
    assert "THE INTAKE IS NOT STOPPED" in done.output
    assert "The intake is stopped" not in done.output
    assert count(StaffSession) == 0
