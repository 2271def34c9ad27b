"""Whole installations to test on: migrated, initialised, campaigns loaded; copied for each test."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade

from app import create_app
from campaigns.content import read_campaigns
from campaigns.services import load_campaigns
from config.database import db
from config.settings import ROOT, Settings, load_settings
from staff.services import Installed, install
from tests.support.moments import NOW
from tests.support.postgres import Postgres

STRIPE = {"stripe_secret_key": "sk_test_made_up", "stripe_webhook_secrets": ("whsec_made_up",)}


@dataclass
class Instance:
    """One installation: where its parts lie, and who may sign in."""

    engine: str
    folder: Path
    database_url: str
    first: Installed
    given: dict[str, Any] = field(default_factory=dict)

    def settings(self, **more: Any) -> Settings:
        """Its settings, those of the test on top."""
        return load_settings(
            _env_file=None,
            **{
                "database_url": self.database_url,
                "keys_dir": self.folder / "keys",
                "volatile_keys": str(self.folder / "volatile"),
                "form_limit": "1000 per hour",
                "checkout_limit": "1000 per hour",
                "sign_in_limit": "1000 per hour",
                "page_cache_seconds": 0,
                # nobody listens there; tests that need more say where
                "mail_url": "smtp://127.0.0.1:1",
                "stripe_api_base": "http://127.0.0.1:1",
                **STRIPE,
                **self.given,
                **more,
            },
        )

    def app(self, **more: Any) -> Flask:
        """The application on it."""
        return create_app(self.settings(**more))

    @contextmanager
    def running(self, **more: Any) -> Iterator[Flask]:
        """The same, in no context as in production; ended afterwards with what it began."""
        made = self.app(**more)
        yield made
        made.extensions["vigil_keyed_work"].stop()
        with made.app_context():
            db.session.remove()
            db.engine.dispose()

    @property
    def environment(self) -> dict[str, str]:
        """What a process of its own needs to run on it."""
        chosen = self.settings()
        return {
            "DATABASE_URL": self.database_url,
            "KEYS_DIR": str(chosen.keys_dir),
            "VOLATILE_KEYS": chosen.volatile_keys,
        }

    def files(self) -> list[Path]:
        """Every file that it has written."""
        return [path for path in self.folder.rglob("*") if path.is_file()]


class InstanceMaker:
    """Builds one installation on each database, then copies it as often as tests ask."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.folder, self.postgres = folder, postgres
        self.patterns: dict[str, Instance] = {}

    def make(self, engine: str) -> Instance:
        """A fresh copy."""
        if engine not in self.patterns:
            self.patterns[engine] = self._build(engine)
        pattern = self.patterns[engine]
        name = f"{engine}-{uuid.uuid4().hex[:8]}"
        folder = self.folder / name
        shutil.copytree(pattern.folder, folder)
        url = f"sqlite:///{folder / 'vigil.db'}"
        if engine == "postgresql":
            url = self.postgres.create(name, template="pattern")
        return Instance(engine, folder, url, pattern.first)

    def drop(self, instance: Instance) -> None:
        """Take a copy away."""
        if instance.engine == "postgresql":
            self.postgres.drop(instance.folder.name)
        shutil.rmtree(instance.folder, ignore_errors=True)

    def _build(self, engine: str) -> Instance:
        folder = self.folder / f"pattern-{engine}"
        folder.mkdir(parents=True)
        url = f"sqlite:///{folder / 'vigil.db'}"
        if engine == "postgresql":
            url = self.postgres.create("pattern")
        instance = Instance(engine, folder, url, None)  # type: ignore[arg-type]
        app = instance.app()
        with app.app_context():
            upgrade()
            instance.first = install("admin", NOW)
            load_campaigns(read_campaigns(ROOT / "config" / "campaigns"), overwrite=False)
            db.session.commit()
            db.session.remove()
            db.engine.dispose()
        return instance
