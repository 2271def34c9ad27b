"""Every migration up and down, on both databases; the models are what the migrations make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import inspect, text

from app import create_app
from config.database import Base, db
from config.settings import ROOT, load_settings
from tests.support.postgres import Postgres

SCRIPTS = ScriptDirectory(str(ROOT / "migrations"))
REVISIONS = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]


@pytest.fixture
def empty(engine_name: str, tmp_path: Path, postgres: Postgres) -> Iterator[Flask]:
    """An application on an empty database."""
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    if engine_name == "postgresql":
        url = postgres.create("empty")
    app = create_app(load_settings(_env_file=None, database_url=url, keys_dir=tmp_path / "keys"))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
    if engine_name == "postgresql":
        postgres.drop("empty")


def tables() -> set[str]:
    """What the database holds, without Alembic's own."""
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def triggers() -> set[str]:
    """What the database does by itself."""
    names = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    if db.engine.dialect.name == "postgresql":
        names = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    with db.engine.connect() as connection:
        return set(connection.execute(text(names)).scalars())


def test_there_is_one_head() -> None:
    assert len(SCRIPTS.get_heads()) == 1


def test_names_are_a_number_and_what_was_done() -> None:
    for path in (ROOT / "migrations" / "versions").glob("*.py"):
        number, _, words = path.stem.partition("_")
        assert number.isdigit()
        assert len(number) == 4
        assert words


def test_flask_db_check_finds_nothing_to_do(empty: Flask) -> None:
    flask_migrate.upgrade()
    flask_migrate.check()  # what `flask db check` runs; it exits where the models have moved on


def test_models_are_what_the_migrations_make(empty: Flask) -> None:
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    assert tables() == set(Base.metadata.tables)


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_migration_goes_up_down_and_up(empty: Flask, revision: str) -> None:
    flask_migrate.upgrade(revision=revision)
    after = tables() | triggers()
    flask_migrate.downgrade(revision="-1")
    assert tables() | triggers() < after
    flask_migrate.upgrade(revision=revision)
    assert tables() | triggers() == after


def test_all_the_way_down_leaves_nothing(empty: Flask) -> None:
    flask_migrate.upgrade()
    flask_migrate.downgrade(revision="base")
    assert tables() | triggers() == set()
