"""`flask init` once, with two key holders or with open eyes, and `flask staff list`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import create_app
from config.database import db
from config.settings import load_settings
from staff.models import AuditEvent, StaffMember
from tests.support.terminal import at_terminal
from vault.models import Holder
from vault.services import holder_from_recovery_code, unlock, vault


def app_in(place: Path) -> Flask:
    """An installation that has nothing yet, not even tables."""
    return create_app(
        load_settings(
            _env_file=None,
            database_url=f"sqlite:///{place / 'vigil.db'}",
            keys_dir=place / "keys",
            volatile_keys=str(place / "volatile"),
            stripe_secret_key="sk_test_made_up",
            stripe_webhook_secrets=("whsec_made_up",),
        )
    )


@pytest.fixture
def empty_app(tmp_path: Path) -> Iterator[Flask]:
    """One in a folder that is there."""
    app = app_in(tmp_path)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def holders_in(app: Flask) -> int:
    """How many holders there are."""
    with app.app_context():
        counted = db.session.scalar(select(func.count()).select_from(Holder)) or 0
        db.session.remove()
        return counted


def test_init_makes_the_folder_for_its_owner_alone(tmp_path: Path) -> None:
    """A fresh checkout has none, and a database is nobody else's."""
    place = tmp_path / "new" / "instance"
    app = app_in(place)
    made = app.test_cli_runner().invoke(args=["init", "--one-key-holder", "--json"])
    assert made.exit_code == 0, made.output
    assert place.stat().st_mode & 0o077 == 0
    assert [path for path in place.iterdir() if path.stat().st_mode & 0o077] == []
    with app.app_context():
        db.engine.dispose()


def test_init_makes_everything_once(empty_app: Flask) -> None:
    runner = empty_app.test_cli_runner()
    first = runner.invoke(args=["init", "--name", "Alena", "--name", "Maksim K", "--json"])
    assert first.exit_code == 0, first.output
    made = json.loads(first.stdout.splitlines()[-1])
    assert set(made) == {"name", "passphrase", "recovery_code", "holders"}
    assert [holder["name"] for holder in made["holders"]] == ["alena", "maksim k"]
    assert made["holders"][0] == {"name": made["name"], "passphrase": made["passphrase"]}
    with empty_app.app_context():
        for given in made["holders"]:
            assert len(given["passphrase"].split()) == 6
            member = db.session.scalars(
                select(StaffMember).where(StaffMember.name == given["name"])
            ).one()
            assert (member.role, member.state) == ("admin", "active")
            unlocked = unlock(db.session.get_one(Holder, member.holder_id), given["passphrase"])
            assert unlocked
            assert vault().open_with(unlocked.key)
        assert vault().open_with(holder_from_recovery_code(made["recovery_code"]))
        actions = db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.seq)).all()
        assert actions == ["vault.initialised", "staff.created", "staff.created"]
        db.session.remove()
    second = runner.invoke(args=["init"])
    assert second.exit_code == 1
    assert "initialised already" in second.output
    assert holders_in(empty_app) == 3
    listed = runner.invoke(args=["staff", "list"])
    assert listed.output.splitlines()[-1] == "maksim k\tadmin\tactive\tlast signed in: never"


@pytest.mark.parametrize(
    ("more", "typed", "said"),
    [
        (["--json"], "", "--one-key-holder"),
        (["--json", "--name", "alena"], "", "--one-key-holder"),
        ([], "alena\n\nn\n", "nothing but the recovery code"),
        ([], "alena\n", "Aborted"),
        (["--one-key-holder", "--name", "alena"], "", "Nothing was kept"),
        (["--one-key-holder", "--name", "alena", "--name", "maksim"], "", "either"),
        (["--name", "alena", "--name", "Alena", "--json"], "", "only once"),
    ],
)
def test_init_with_one_key_holder_or_an_unread_code_keeps_nothing(
    empty_app: Flask, more: list[str], typed: str, said: str
) -> None:
    refused = empty_app.test_cli_runner().invoke(args=["init", *more], input=typed)
    assert refused.exit_code != 0
    assert said in refused.output
    assert holders_in(empty_app) == 0


def test_init_goes_on_with_one_key_holder_who_says_so(empty_app: Flask) -> None:
    made = empty_app.test_cli_runner().invoke(args=["init", "--one-key-holder", "--json"])
    assert made.exit_code == 0
    assert len(json.loads(made.stdout.splitlines()[-1])["holders"]) == 1
    assert holders_in(empty_app) == 2


def test_init_has_the_recovery_code_typed_back(empty_app: Flask, tmp_path: Path) -> None:
    """As somebody at a terminal: a wrong group first, then what is on the paper."""
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'vigil.db'}",
        "KEYS_DIR": str(tmp_path / "keys"),
        "VOLATILE_KEYS": str(tmp_path / "volatile"),
    }
    with at_terminal(environment, "init", "--name", "alena") as terminal:
        terminal.until("none): ")
        terminal.type("maksim")
        shown = terminal.until("Recovery code")
        assert "Name            alena" in shown
        assert "Name            maksim" in shown
        terminal.write_down()
        terminal.until("Done.")
    assert holders_in(empty_app) == 3


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "x" * 81])
def test_init_refuses_a_name_that_nobody_can_type(empty_app: Flask, name: str) -> None:
    refused = empty_app.test_cli_runner().invoke(
        args=["init", "--name", name, "--one-key-holder", "--json"]
    )
    assert refused.exit_code == 1
    assert holders_in(empty_app) == 0
