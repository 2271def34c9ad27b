"""The donate room on both databases, and its Stripe."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config.database import db
from demo.stripe import RunningStandIn
from demo.stripe.gate import Gate, open_gate
from donate.models import Donation
from tests.support.postgres import Postgres
from tests.unit.donate.desk import KEY, NOW, SECRETS, Desk, create_small_app
from tests.unit.donate.till import Till
from vault.services import Opener, initialise

DeskOpener = Callable[..., Desk]


@dataclass
class Pattern:
    """An installation that each test gets a copy of."""

    folder: Path
    opener: Opener


class Copies:
    """Makes one installation for each database, then copies it."""

    def __init__(self, folder: Path, postgres: Callable[[], Postgres]) -> None:
        self.folder, self.postgres = folder, postgres
        self.patterns: dict[str, Pattern] = {}

    def make(self, engine: str, folder: Path) -> tuple[str, Opener]:
        """A fresh copy in a folder: its database's address, and who can open its vault."""
        if engine not in self.patterns:
            self.patterns[engine] = self._build(engine)
        pattern = self.patterns[engine]
        shutil.copytree(pattern.folder, folder, dirs_exist_ok=True)
        if engine == "sqlite":
            return f"sqlite:///{folder / 'vigil.db'}", pattern.opener
        name = f"donate-{uuid.uuid4().hex[:8]}"
        return self.postgres().create(name, template="donate-pattern"), pattern.opener

    def _build(self, engine: str) -> Pattern:
        folder = self.folder / engine
        folder.mkdir()
        url = f"sqlite:///{folder / 'vigil.db'}"
        if engine != "sqlite":
            url = self.postgres().create("donate-pattern")
        app = create_small_app(folder, url)
        with app.app_context():
            db.create_all()
            opener = initialise(NOW).opener
            db.session.commit()
            db.session.remove()
            db.engine.dispose()
        return Pattern(folder, opener)


@pytest.fixture(scope="session")
def copies(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Copies:
    return Copies(tmp_path_factory.mktemp("donate"), lambda: request.getfixturevalue("postgres"))


@pytest.fixture(scope="session")
def gate() -> Gate:
    """Stripe's description, read once."""
    return open_gate()


@pytest.fixture(autouse=True)
def impatient_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK waits between its attempts; here it need not."""
    monkeypatch.setattr("stripe._http_client.HTTPClient.INITIAL_DELAY", 0.01)
    monkeypatch.setattr("stripe._http_client.HTTPClient.MAX_DELAY", 0.01)


@pytest.fixture
def stand_in(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningStandIn]:
    assert gate.is_closed, "Stripe's description is missing: set STRIPE_SPEC to its folder"
    monkeypatch.setattr("demo.stripe.serving.open_gate", lambda: gate)
    with RunningStandIn(secret_key=KEY) as running:
        yield running


@pytest.fixture
def till(stand_in: RunningStandIn) -> Till:
    return Till(stand_in)


@pytest.fixture
def open_desk(
    tmp_path: Path, engine_name: str, copies: Copies, stand_in: RunningStandIn
) -> Iterator[DeskOpener]:
    """Opens a desk with settings of the test's own."""
    opened = []

    def open_one(**given: Any) -> Desk:
        database_url, opener = copies.make(engine_name, tmp_path)
        settings = {
            "stripe_secret_key": KEY,
            "stripe_webhook_secrets": SECRETS,
            "stripe_api_base": stand_in.url,
            **given,
        }
        app = create_small_app(tmp_path, database_url, **settings)
        opened.append(app)
        return Desk(app, stand_in, opener)

    yield open_one
    for app in opened:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def desk(open_desk: DeskOpener) -> Desk:
    return open_desk()


@pytest.fixture
def untold(desk: Desk) -> str:
    """The session of a gift that was paid, of which nobody has told us."""
    session_id = desk.start()
    desk.pay(session_id)
    desk.let_pass()
    return session_id


@pytest.fixture
def booked(desk: Desk) -> Donation:
    """A gift in the books."""
    return desk.paid()
