"""The mail room on both databases; TEST_POSTGRES_URL names a PostgreSQL that runs already."""

from __future__ import annotations

import os
import ssl
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from config.database import db
from config.settings import load_settings
from mail.models import OutgoingEmail
from mail.worker import Worker
from tests.unit.mail.small_app import Clock, Post, create_small_app, running_post


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'vigil.db'}"
        return
    given = os.environ.get("TEST_POSTGRES_URL")
    given = given or request.getfixturevalue("postgres").url("postgres")
    base = load_settings(_env_file=None, database_url=given).database_url
    engine = create_engine(base)
    schema = f"mail_{uuid.uuid4().hex}"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    mark = "&" if "?" in base else "?"
    yield f"{base}{mark}options=-csearch_path%3D{schema}&application_name={schema}"
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def app(tmp_path: Path, database_url: str, post: Post) -> Iterator[Flask]:
    app = create_small_app(tmp_path, database_url, mail_url=f"smtp://127.0.0.1:{post.port}")
    with app.app_context():
        db.metadata.create_all(db.engine, [OutgoingEmail.__table__])  # type: ignore[list-item]
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def post() -> Iterator[Post]:
    with running_post() as post:
        yield post


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def worker(app: Flask, clock: Clock) -> Worker:
    return Worker(app, clock=clock, pause=lambda seconds: None, timeout=2)


class Authority(NamedTuple):
    """A made-up certificate authority and a server that it vouches for."""

    certificate: Path
    server: ssl.SSLContext


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    home = tmp_path_factory.mktemp("authority")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=home, check=True, capture_output=True)

    ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *ec, "-subj", "/CN=Made up", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *ec, "-subj", "/CN=localhost", "-keyout", "mx.key", "-out", "mx.csr")
    (home / "names").write_text("subjectAltName=DNS:localhost\n")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
    openssl("x509", "-req", "-in", "mx.csr", *signed, "-out", "mx.pem")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(home / "mx.pem", home / "mx.key")
    return Authority(home / "ca.pem", server)


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    return authority


@pytest.fixture
def start_post() -> Iterator[Callable[..., Post]]:
    with ExitStack() as stack:

        def start(**options: Any) -> Post:
            return stack.enter_context(running_post(**options))

        yield start
