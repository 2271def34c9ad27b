"""An installation with people in it, its commands, and an empty machine to restore on."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest
from click.testing import Result
from flask import Flask, has_app_context

from app import create_app
from config.database import db
from config.settings import load_settings
from contacts import tally
from contacts.models import CopyRequest, LinkRequest, PrivateLink, TallyDelta
from mail import outbox
from staff import audit
from staff.door import sessions
from staff.models import KnownBrowser, SignInDelay, StaffMember
from tests.conftest import SAME_ORIGIN
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.support.postgres import Postgres
from tests.support.visitor import sign, volunteer

CANARY = "kanarka@example.org"
TOKEN = b"t" * 32
HOLDER_KEY = b"k" * 32


@dataclass(frozen=True)
class AgeKey:
    """A key pair for backups, its private half in a file."""

    public: str
    file: Path


@pytest.fixture
def age_key(tmp_path: Path) -> AgeKey:
    """A new key pair."""
    identity = pyrage.x25519.Identity.generate()
    file = tmp_path / "backup.key"
    recipient = f"BACKUP_RECIPIENT={identity.to_public()}"  # as `flask backup-key` prints it
    file.write_text(f"# created by a test\n{recipient}\n{identity}\n")
    return AgeKey(str(identity.to_public()), file)


@pytest.fixture
def app(instance: Instance) -> Iterator[Flask]:
    """The application, in its context."""
    made = instance.app()
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def peopled(app: Flask) -> Flask:
    """An application with somebody who signed and helps, and with all that is short-lived."""
    client = app.test_client()
    client.environ_base.update(SAME_ORIGIN)
    assert sign(client, email=CANARY).status_code == 303
    assert volunteer(client, email=CANARY).status_code == 303
    tally.fold(NOW)
    db.session.add_all(
        TallyDelta(kind="signatures", subject="s", day=NOW.date(), n=n) for n in (1, 2, 3)
    )
    member = db.session.query(StaffMember).one()
    db.session.expunge(member)
    add_short_lived(member.id)
    audit.record("mail.requeued", NOW, actor=member.id, subject=("mail", uuid.uuid4()))
    db.session.commit()
    return app


def add_short_lived(staff_id: uuid.UUID) -> None:
    """A session, a known browser, a delay, a link and its request, a copy that waits, a mail."""
    contact_id = db.session.execute(db.text("SELECT id FROM contact")).scalar_one()
    contact_id = contact_id if isinstance(contact_id, uuid.UUID) else uuid.UUID(contact_id)
    later = NOW + timedelta(hours=1)
    sessions.start_session(staff_id, HOLDER_KEY, NOW)
    blob = b"b" * 300
    db.session.add_all(
        [
            KnownBrowser(token_hash=b"h" * 32, staff_id=staff_id, day=NOW.date()),
            SignInDelay(name_hash=b"n" * 32, attempts=1, not_before=NOW),
            LinkRequest(purpose="gifts", language="en", blob=blob, created_at=NOW),
            PrivateLink(hash=b"l" * 32, purpose="gifts", contact_id=contact_id, expires_at=later),
            CopyRequest(
                contact_id=contact_id, language="en", asked_at=NOW, released_at=NOW,
                expires_at=later, hash=b"c" * 32, blob=blob,
            ),
        ]
    )  # fmt: skip
    outbox.enqueue(
        kind="confirm-signature", idem_key="test", language="en", to=CANARY,
        params={"path": "/en/confirm/x"}, now=NOW,
    )  # fmt: skip


def run(app: Flask, *args: str, **more: Any) -> Result:
    """Run a command of the application."""
    if has_app_context():
        db.session.remove()
    with app.app_context():
        done = app.test_cli_runner().invoke(args=list(args), **more)
        db.session.remove()
        db.engine.dispose()
    return done


@pytest.fixture
def new_machine(
    instance: Instance, postgres: Postgres, tmp_path: Path
) -> Iterator[Callable[..., Flask]]:
    """Makes applications on empty databases, with folders of their own."""
    made: list[Flask] = []
    names: list[str] = []

    def make(engine: str, keys_from: Path | None = None) -> Flask:
        folder = tmp_path / f"machine-{len(made)}"
        folder.mkdir()
        if keys_from:
            shutil.copytree(keys_from, folder / "keys")
        url = f"sqlite:///{folder / 'instance' / 'vigil.db'}"  # a checkout has no such folder
        if engine == "postgresql":
            names.append(f"restored-{uuid.uuid4().hex[:8]}")
            url = postgres.create(names[-1])
        given = instance.settings().model_dump()
        given |= {
            "database_url": url,
            "keys_dir": folder / "keys",
            "volatile_keys": str(folder / "volatile"),
        }
        app = create_app(load_settings(_env_file=None, **given))
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()
    for name in names:
        postgres.drop(name)
