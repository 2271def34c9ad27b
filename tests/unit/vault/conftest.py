"""An application with nothing but a vault and a database of either kind, and a real Redis."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from flask import Flask

from config.database import db, prepare_engine
from config.settings import load_settings
from tests.support.postgres import Postgres
from vault.services import Initialised, Vault, init_vault, initialise

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def create_app(place: Path, database_url: str) -> Flask:
    """Build an application whose KEYS_DIR and VOLATILE_KEYS lie in `place`."""
    settings = load_settings(
        _env_file=None,
        database_url=database_url,
        keys_dir=place / "keys",
        volatile_keys=str(place / "volatile"),
    )
    app = Flask("vault-tests")
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    db.init_app(app)
    init_vault(app, settings)
    return app


@pytest.fixture
def database_url(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path / 'vigil.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"vault-{uuid.uuid4().hex[:8]}"
    yield server.create(name)
    server.drop(name)


@pytest.fixture
def app(tmp_path: Path, database_url: str) -> Iterator[Flask]:
    """An application without a vault yet, in its context."""
    app = create_app(tmp_path, database_url)
    with app.app_context():
        prepare_engine(db.engine)
        db.create_all()
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def vault(app: Flask) -> Vault:
    """The application's vault, not initialised."""
    found: Vault = app.extensions["vault"]
    return found


@pytest.fixture
def first(vault: Vault) -> Initialised:
    """What the first start gave; the vault is ready after it."""
    made = initialise(NOW)
    db.session.commit()
    return made


@pytest.fixture(scope="session")
def redis_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis without persistence."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.fail("redis-server is missing: apt-get install redis-server")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"],
        cwd=tmp_path_factory.mktemp("redis"),
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_answers(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_until_it_answers(port: int) -> None:
    client = redis.Redis(host="127.0.0.1", port=port)
    deadline = time.monotonic() + 10
    with closing(client):
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    pytest.fail("redis-server did not answer within 10 seconds")
                time.sleep(0.05)
            else:
                return
