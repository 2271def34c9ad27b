"""`flask init` once, and `flask staff list`."""

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
from vault.models import Holder
from vault.services import holder_from_recovery_code, unlock, vault


@pytest.fixture
def empty_app(tmp_path: Path) -> Iterator[Flask]:
    """An installation that has nothing yet, not even tables."""
    app = create_app(
        load_settings(
            _env_file=None,
            database_url=f"sqlite:///{tmp_path / 'vigil.db'}",
            keys_dir=tmp_path / "keys",
            volatile_keys=str(tmp_path / "volatile"),
            stripe_secret_key="sk_test_made_up",
            stripe_webhook_secrets=("whsec_made_up",),
        )
    )
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def test_init_makes_everything_once(empty_app: Flask) -> None:
    runner = empty_app.test_cli_runner()
    first = runner.invoke(args=["init", "--name", "Alena", "--json"])
    assert first.exit_code == 0
    made = json.loads(first.stdout.splitlines()[-1])
    assert set(made) == {"name", "passphrase", "recovery_code"}
    assert made["name"] == "alena"
    assert len(made["passphrase"].split()) == 6
    with empty_app.app_context():
        member = db.session.scalars(select(StaffMember)).one()
        assert member.role == "admin"
        holder = db.session.get(Holder, member.holder_id)
        assert holder
        assert vault().open_with(unlock(holder, made["passphrase"]) or b"")
        assert vault().open_with(holder_from_recovery_code(made["recovery_code"]))
        actions = db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.seq)).all()
        assert actions == ["vault.initialised", "staff.created"]
        db.session.remove()
    second = runner.invoke(args=["init"])
    assert second.exit_code == 1
    assert "initialised already" in second.output
    with empty_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Holder)) == 2
        db.session.remove()
    listed = runner.invoke(args=["staff", "list"])
    assert listed.output.splitlines()[-1] == "alena\tadmin\tlast signed in: never"


def test_init_frames_what_is_shown_once(empty_app: Flask) -> None:
    shown = empty_app.test_cli_runner().invoke(args=["init"]).stdout
    for words in ("it is shown only once", "Name            admin", "Passphrase", "Recovery code"):
        assert words in shown
    framed = [line for line in shown.splitlines() if line[:1] in {"|", "+"}]
    assert len({len(line) for line in framed}) == 1


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "x" * 81])
def test_init_refuses_a_name_that_nobody_can_type(empty_app: Flask, name: str) -> None:
    refused = empty_app.test_cli_runner().invoke(args=["init", "--name", name])
    assert refused.exit_code == 1
    with empty_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Holder)) == 0
        db.session.remove()
