"""Opens stages: one stand-in for all of them, with a fresh account and database for each."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from flask import Flask

from config.database import db
from demo.stripe import RunningStandIn
from demo.stripe.ledger import Ledger
from tests.unit.donate.conftest import Copies
from tests.unit.donate.desk import Desk
from tests.unit.donate.lives.house import forget, open_house
from tests.unit.donate.lives.shortcuts import NoSocket
from tests.unit.donate.lives.stage import IN_ORDER, Stage, Telling
from vault.services import Opener


@dataclass(frozen=True)
class Moment:
    """How everything stood at one time, here and at Stripe: to go on from, again and again."""

    engine: str
    home: Path
    database: str
    opener: Opener
    account: sqlite3.Connection
    sessions: tuple[str, ...]


class Theatre:
    """One stage at a time. All on SQLite are played in one house, which is put in order before."""

    def __init__(
        self, stand_in: RunningStandIn, line: NoSocket, copies: Copies, folder: Path
    ) -> None:
        self.stand_in, self.line, self.copies, self.folder = stand_in, line, copies, folder
        self.count = 0
        self.house: Flask | None = None

    @contextmanager
    def stage(self, telling: Telling = IN_ORDER, engine: str = "sqlite") -> Iterator[Stage]:
        """A fresh one."""
        self._renew_account()
        home = self._home(engine)
        url, opener = self.copies.make(engine, home)
        with self._opened(home, url, opener, telling) as stage:
            yield stage

    @contextmanager
    def stage_from(self, moment: Moment) -> Iterator[Stage]:
        """One that goes on from a moment."""
        self._renew_account()
        moment.account.backup(self.stand_in.account.ledger._db)
        home = self._home(moment.engine)
        url = self._copy(moment, home)
        with self._opened(home, url, moment.opener, IN_ORDER) as stage:
            yield stage

    def keep(self, stage: Stage, engine: str = "sqlite") -> Moment:
        """The moment, as it is on a stage."""
        with stage.desk.app.app_context():
            db.engine.dispose()
        account = sqlite3.connect(":memory:", check_same_thread=False)
        self.stand_in.account.ledger._db.backup(account)
        opener, sessions = stage.desk.opener, tuple(stage.sessions)
        now = Moment(engine, stage.home, stage.database, opener, account, sessions)
        home = self.folder / f"moment-{uuid.uuid4().hex[:8]}"
        return replace(now, home=home, database=self._copy(now, home))

    def _home(self, engine: str) -> Path:
        """An empty folder; on SQLite it is always the same."""
        home = self.folder / (engine if engine == "sqlite" else uuid.uuid4().hex[:8])
        shutil.rmtree(home, ignore_errors=True)
        return home

    def _copy(self, moment: Moment, home: Path) -> str:
        """The same installation in another place; its database's address."""
        shutil.copytree(moment.home, home)
        if moment.engine == "sqlite":
            return f"sqlite:///{home / 'vigil.db'}"
        name = moment.database.rsplit("/", 1)[1]
        return self.copies.postgres().create(f"life-{uuid.uuid4().hex[:8]}", name)

    def _renew_account(self) -> None:
        account = self.stand_in.account
        with account.ledger.exclusively():
            before, account.ledger = account.ledger, Ledger(None)
            before.close()
        self.stand_in.app.extensions["faults"].clear()
        self.stand_in.app.extensions["request_log"].clear()

    @contextmanager
    def _opened(self, home: Path, url: str, opener: Opener, telling: Telling) -> Iterator[Stage]:
        app = self.house if url.startswith("sqlite") else None
        if app is None:
            app = open_house(home, url, self.stand_in.url)
            self.house = app if url.startswith("sqlite") else self.house
        forget(app)
        try:
            yield Stage(Desk(app, self.stand_in, opener), home, url, telling)
        finally:
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
