"""Commands say in a sentence that the database cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from config.database import Base, db
from tests.support.instances import Instance

COMMANDS = [
    ["staff", "list"],
    ["init", "--one-key-holder"],
    ["drill"],
    ["retention", "run"],
    ["mail", "work", "--once"],
    ["campaigns", "load", "config/campaigns"],
    ["staff", "audit", "verify"],
]

CHECKS = (["drill"], ["staff", "audit", "verify"])  # 1 is what they say of what they have checked


def said(app: Flask, command: list[str]) -> str:
    """What a command says that cannot be done."""
    done = app.test_cli_runner().invoke(args=command)
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == (2 if command in CHECKS else 1)
    return done.output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_that_cannot_be(instance: Instance, tmp_path: Path, command: list[str]) -> None:
    if instance.engine == "postgresql":
        pytest.skip("a folder is SQLite's")
    (tmp_path / "file").touch()
    url = f"sqlite:///{tmp_path / 'file' / 'vigil.db'}"
    words = said(instance.app(database_url=url), command)
    assert "unable to open database file" in words
    assert "DATABASE_URL" in words


@pytest.mark.parametrize("command", COMMANDS[:1] + COMMANDS[2:], ids=" ".join)
def test_a_database_without_tables(instance: Instance, command: list[str]) -> None:
    app = instance.app()
    with app.app_context():
        Base.metadata.drop_all(db.engine)
    assert "db upgrade" in said(app, command)
    with app.app_context():
        db.engine.dispose()
