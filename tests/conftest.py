"""What all tests share: both databases, an application on each, a browser-like client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.database import db
from tests.support.instances import Instance, InstanceMaker
from tests.support.postgres import Postgres

ENGINES = ("sqlite", "postgresql")
SAME_ORIGIN = {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_HOST": "127.0.0.1:8000"}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of this run's own."""
    server = Postgres()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def instance_maker(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> InstanceMaker:
    """Copies of a whole installation."""
    return InstanceMaker(tmp_path_factory.mktemp("instances"), postgres)


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    """Which database: every test that needs one runs on both."""
    name: str = request.param
    return name


@pytest.fixture
def instance(engine_name: str, instance_maker: InstanceMaker) -> Iterator[Instance]:
    """A fresh installation."""
    made = instance_maker.make(engine_name)
    yield made
    instance_maker.drop(made)


@pytest.fixture
def app(instance: Instance) -> Iterator[Flask]:
    """The application on a fresh installation, in its context."""
    made = instance.app()
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser's requests without a browser."""
    made = app.test_client()
    made.environ_base.update(SAME_ORIGIN)
    return made
