"""An application with nothing but the mail room, and the pieces its tests are made of."""

from __future__ import annotations

import asyncio
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from flask import Flask

from config.database import db, prepare_engine
from config.languages import init_languages
from config.settings import ROOT, load_settings
from mail.models import OutgoingEmail
from mail.outbox import enqueue, mark_of
from vault.services import init_vault, vault

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
READER = "canary-reader@example.org"
KIND = "manage-giving"  # an ordinary one; a confirmation becomes a reminder
PATH = "/be/donate/manage/canary-token"

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def create_small_app(home: Path, database_url: str, **given: Any) -> Flask:
    settings = load_settings(
        _env_file=None,
        database_url=database_url,
        keys_dir=home / "keys",
        volatile_keys=str(home / "volatile"),
        base_url="https://vigil.example.org",
        organisation="Night Watch",
        organisation_address="1 Harbour Street, Vilnius",
        **given,
    )
    app = Flask("vigil", root_path=str(ROOT))
    app.extensions["vigil_settings"] = settings
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": 12}
    db.init_app(app)
    init_languages(app, settings.supported_languages)
    init_vault(app, settings)
    with app.app_context():
        prepare_engine(db.engine)
    return app


class Clock:
    """A clock that stands still until told otherwise."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


def queue(app: Flask, n: int = 1, to: str = READER, **given: Any) -> list[uuid.UUID]:
    """Queue mails and commit; gives their ids."""
    ids: list[uuid.UUID] = []
    with app.app_context():
        for number in range(n):
            values: dict[str, Any] = {
                "kind": KIND,
                "idem_key": f"link:{uuid.uuid4()}",
                "language": "be",
                "to": to,
                "params": {"path": f"{PATH}-{number}", "minutes": "60"},
                "now": NOW,
                **given,
            }
            enqueue(**values)
            ids += db.session.scalars(
                db.select(OutgoingEmail.id).filter_by(idem_key=values["idem_key"])
            )
        db.session.commit()
    return ids


def message_ids(app: Flask, ids: list[uuid.UUID], kind: str = KIND) -> list[str]:
    """What the mails of these rows are called outside, sorted."""
    with app.app_context():
        key = vault().mail_key()
    return sorted(f"<{mark_of(email_id, key, kind)}@example.org>" for email_id in ids)


def row(app: Flask, email_id: uuid.UUID) -> OutgoingEmail:
    with app.app_context():
        found = db.session.get_one(OutgoingEmail, email_id)
        db.session.expunge(found)
        return found


def rows(app: Flask) -> list[OutgoingEmail]:
    with app.app_context():
        found = list(db.session.scalars(db.select(OutgoingEmail)))
        db.session.expunge_all()
        return found


@dataclass
class Received:
    """A mail as it arrived."""

    hello: str
    author: str
    readers: list[str]
    raw: bytes
    is_encrypted: bool
    user: Any

    @property
    def message(self) -> Any:
        return message_from_bytes(self.raw, policy=SMTP_POLICY)


class Post:
    """A real SMTP server: keeps what it takes, and refuses what `refusals` says first."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.refusals: list[str] = []
        self.refused_authors: list[str] = []
        self.on_data: Callable[[], object] = lambda: None
        self.port = 0

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.refused_authors:
            return self.refused_authors.pop(0)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        await asyncio.get_running_loop().run_in_executor(None, self.on_data)
        self.received.append(
            Received(
                session.host_name,
                envelope.mail_from,
                envelope.rcpt_tos,
                envelope.content,
                session.ssl is not None,
                session.auth_data,
            )
        )
        return "250 OK"


def only_this_user(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
    is_right = (data.login, data.password) == (b"us@er", b"pass/word")
    return AuthResult(success=is_right, handled=False, auth_data=data.login)


@contextmanager
def running_post(implicit_tls: ssl.SSLContext | None = None, **options: Any) -> Iterator[Post]:
    post = Post()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> asyncio.Server:
        return await loop.create_server(
            lambda: SMTP(post, hostname="mx.example.org", loop=loop, **options),
            "127.0.0.1",
            0,
            ssl=implicit_tls,
        )

    async def end() -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await loop.shutdown_default_executor()

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(5)
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
