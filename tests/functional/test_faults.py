"""What happens when a part of the installation is missing or broken."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from config.database import db
from config.settings import SettingsError
from tests.conftest import SAME_ORIGIN
from tests.support.instances import Instance
from tests.support.visitor import HELPER, PERSON, PETITION, VOLUNTEER, old_token, sign


def pins(instance: Instance) -> list[Path]:
    """The files that hold the vault's pin."""
    return [path for path in (instance.folder / "keys").iterdir() if path.name.startswith("pin")]


@pytest.mark.parametrize("broken", ["pin removed", "pin changed", "public key swapped", "pepper"])
def test_a_vault_that_is_not_whole_takes_nothing(instance: Instance, broken: str) -> None:
    if broken == "pin removed":
        for path in pins(instance):
            path.unlink()
    elif broken == "pin changed":
        for path in pins(instance):
            path.write_text("1 " + "0" * 64)
    elif broken == "pepper":
        (instance.folder / "keys" / "pepper").unlink()
    app = instance.app()
    with app.app_context():
        if broken == "public key swapped":
            db.session.execute(text("UPDATE vault SET public_key = :key"), {"key": os.urandom(32)})
            db.session.commit()
        client = app.test_client()
        client.environ_base.update(SAME_ORIGIN)
        answer = client.post(PETITION, data={**PERSON, "form_token": old_token(client, 5)})
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert PERSON["name"] in answer.text  # what was typed stays
        helped = client.post(VOLUNTEER, data={**HELPER, "form_token": old_token(client, 5)})
        assert (helped.status_code, HELPER["message"] in helped.text) == (503, True)
        assert client.get("/readyz").status_code == 503
        for table in ("signature", "contact", "outgoing_email", "consent", "tally_delta"):
            assert db.session.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0  # noqa: S608
        db.session.remove()
        db.engine.dispose()


def test_nothing_that_others_reach_starts_with_a_debugger(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    with pytest.raises(SettingsError, match="FLASK_DEBUG"):
        instance.app(base_url="https://vigil.example.org")
    assert instance.app().debug


def test_volatile_keys_out_of_reach_take_nothing(instance: Instance) -> None:
    app = instance.app(volatile_keys="redis://:secret@127.0.0.1:1/0")
    with app.app_context():
        client = app.test_client()
        client.environ_base.update(SAME_ORIGIN)
        answer = client.post(PETITION, data={**PERSON, "form_token": old_token(client, 5)})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert PERSON["name"] in answer.text
        assert client.get("/readyz").text == "not ready: vault\n"
        db.session.remove()
        db.engine.dispose()


def test_an_error_of_the_database_quotes_nobody(app: Flask) -> None:
    with pytest.raises(DBAPIError) as raised:
        db.session.execute(text("SELECT nothing FROM nowhere WHERE a = :a"), {"a": "Kanarkova"})
    db.session.rollback()
    assert "Kanarkova" not in str(raised.value)


def test_a_broken_disk_is_told_at_once(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    if instance.engine != "sqlite":
        pytest.skip("only SQLite asks again for its lock")
    naps: list[float] = []
    monkeypatch.setattr("config.database.time.sleep", naps.append)
    app = instance.app(database_url=f"sqlite:///file:{instance.folder}/vigil.db?mode=ro&uri=true")
    with app.app_context():
        with pytest.raises(OperationalError):
            db.session.execute(text("DELETE FROM contact"))
        db.session.remove()
        db.engine.dispose()
    assert naps == []


def test_too_large_a_body_is_refused(client: FlaskClient) -> None:
    answer = client.post(PETITION, data={**PERSON, "name": "x" * 70_000})
    assert answer.status_code == 413
    assert "<h1" in answer.text


def test_a_locked_database_asks_for_patience(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    if instance.engine != "sqlite":
        pytest.skip("PostgreSQL does not lock whole databases")
    app = instance.app()
    with app.app_context():
        client = app.test_client()
        client.environ_base.update(SAME_ORIGIN)
        token = old_token(client, 5)
        monkeypatch.setattr("config.database.PATIENCE_SECONDS", 0.05)
        other = sqlite3.connect(instance.folder / "vigil.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = client.post(PETITION, data={**PERSON, "form_token": token})
        other.execute("ROLLBACK")
        other.close()
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert PERSON["name"] in answer.text
        assert sign(client).status_code == 303
        db.session.remove()
        db.engine.dispose()


def test_a_database_that_is_gone_asks_for_patience(instance: Instance) -> None:
    gone = (
        "postgresql://vigil@127.0.0.1:1/none"
        if instance.engine == "postgresql"
        else f"sqlite:///{instance.folder}/no/such/folder/vigil.db"
    )
    app = instance.app(database_url=gone)
    client = app.test_client()
    client.environ_base.update(SAME_ORIGIN)
    for path in (PETITION, "/uk/", "/staff/"):
        answer = client.get(path)
        if path != "/staff/":
            assert answer.status_code == 503, path
            assert answer.headers["Retry-After"]
            assert "Traceback" not in answer.text
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get("/en/privacy").status_code == 200


def test_sealing_comes_back_when_the_pin_does(instance: Instance) -> None:
    app = instance.app()
    with app.app_context():
        client = app.test_client()
        client.environ_base.update(SAME_ORIGIN)
        (pin,) = pins(instance)
        kept = pin.read_bytes()
        pin.unlink()
        assert client.get("/readyz").status_code in {200, 503}
        pin.write_bytes(kept)
        app.extensions["vault"].check()
        assert sign(client).status_code == 303
        db.session.remove()
        db.engine.dispose()


def test_too_many_forms_from_one_network_wait(instance: Instance) -> None:
    app = instance.app(form_limit="2 per hour")
    with app.app_context():
        client = app.test_client()
        client.environ_base.update(SAME_ORIGIN)
        values = {**PERSON, "form_token": old_token(client, 10)}
        assert [client.post(PETITION, data=values).status_code for _ in range(2)] == [303, 303]
        limited = client.post(PETITION, data={**values, "name": "Kept Name"})
        assert limited.status_code == 429
        assert "Kept Name" in limited.text
        assert limited.headers["Retry-After"]
        elsewhere = client.post(PETITION, data=values, environ_base={"REMOTE_ADDR": "198.51.100.7"})
        assert elsewhere.status_code == 303
        neighbour = client.post(PETITION, data=values, environ_base={"REMOTE_ADDR": "198.51.100.9"})
        assert neighbour.status_code == 303
        third = client.post(PETITION, data=values, environ_base={"REMOTE_ADDR": "198.51.100.200"})
        assert third.status_code == 429
        db.session.remove()
        db.engine.dispose()


def test_quick_posts_use_the_quota_three_times(instance: Instance) -> None:
    app = instance.app(form_limit="3 per hour")
    with app.app_context():
        client = app.test_client()
        client.environ_base.update(SAME_ORIGIN)
        quick = {**PERSON, "form_token": old_token(client, 0)}
        assert client.post(PETITION, data=quick).status_code == 303
        assert client.post(PETITION, data=quick).status_code == 429
        db.session.remove()
        db.engine.dispose()


def test_bad_forms_use_up_no_quota(instance: Instance) -> None:
    app = instance.app(form_limit="1 per hour")
    with app.app_context():
        client = app.test_client()
        client.environ_base.update(SAME_ORIGIN)
        values = {**PERSON, "form_token": old_token(client, 10)}
        for _ in range(3):
            assert client.post(PETITION, data={**values, "email": "x"}).status_code == 422
        assert client.post(PETITION, data=values).status_code == 303
        db.session.remove()
        db.engine.dispose()


def test_a_broken_view_shows_a_page_and_no_traceback(app: Flask, client: FlaskClient) -> None:
    def broken() -> str:
        raise RuntimeError("anna@example.org")

    app.view_functions["pages.imprint"] = broken
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = client.get("/uk/imprint")
    assert answer.status_code == 500
    assert '<html lang="uk"' in answer.text
    assert "anna@example.org" not in answer.text


def test_an_engine_of_its_own_sees_durable_settings(instance: Instance) -> None:
    if instance.engine != "sqlite":
        pytest.skip("pragmas are SQLite's")
    app = instance.app()
    with app.app_context(), db.engine.connect() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }


def test_a_gift_waits_where_the_vault_is_not_whole(instance: Instance) -> None:
    (pin,) = pins(instance)
    pin.unlink()
    app = instance.app()
    with app.app_context():
        client = app.test_client()
        client.environ_base.update(SAME_ORIGIN)
        gift = {"amount": "31,50", "currency": "EUR", "frequency": "once", "fund": "families"}
        answer = client.post("/uk/donate", data={**gift, "form_token": old_token(client, 5)})
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert "31,50" in answer.text
        assert db.session.execute(text("SELECT count(*) FROM donation")).scalar() == 0
        db.session.remove()
        db.engine.dispose()
