"""A supporter with a browser and a mailbox, who looks at what is kept of them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from config.database import db
from contacts import links
from contacts.models import Contact, PrivateLink
from contacts.services import hash_of, token_from_path
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.support.visitor import Mail, form_token, mails, post_form, sign, volunteer
from vault.services import vault

ANNA, OTHER, NEW = "canary-anna@example.org", "canary-other@example.org", "canary-new@example.org"
HOME = "/en/my-data"


@dataclass
class Supporter:
    """Somebody with an address, who may have signed, and follows links."""

    app: Flask
    client: FlaskClient
    email: str = ANNA
    token: str = field(default="", repr=False)

    def sign(self, **typed: Any) -> None:
        """Sign the petition and confirm it."""
        assert sign(self.client, email=self.email, **typed).status_code == 303
        self.confirm()

    def volunteer(self, **typed: Any) -> None:
        """Offer help and confirm it."""
        assert volunteer(self.client, email=self.email, **typed).status_code == 303
        self.confirm()

    def confirm(self) -> None:
        """Follow the newest link in a confirmation mail."""
        asked = [mail for mail in mails() if mail.kind.startswith("confirm-")]
        assert self.client.post(asked[-1].params["path"]).status_code == 303

    def ask(self, email: str = "", path: str = HOME) -> TestResponse:
        """Ask for a link."""
        return post_form(self.client, path, {"email": email or self.email})

    def open_link(self) -> None:
        """Ask for a link, let the worker answer, and read its token in the mail."""
        self.ask()
        answer_requests()
        self.token = self.mails_of("my-data")[-1].params["path"].rsplit("/", 1)[1]

    def get(self, path: str = "", language: str = "en") -> TestResponse:
        """A page below the private one."""
        return self.client.get(f"/{language}/my-data/{self.token}{path}")

    def press(self, path: str, page: str = "", **typed: Any) -> TestResponse:
        """Send a form of a private page (`page`), as a browser would."""
        token = form_token(self.get(page).text)
        data = {"form_token": token, **typed}
        return self.client.post(f"{HOME}/{self.token}{path}", data=data)

    def mails_of(self, kind: str) -> list[Mail]:
        """Mails of one kind, the oldest first."""
        return [mail for mail in mails() if mail.kind == kind]

    def contact(self) -> Contact:
        """Their row, as the database has it now."""
        db.session.expire_all()
        index = vault().email_index(self.email)
        return db.session.scalars(select(Contact).where(Contact.email_index == index)).one()


@pytest.fixture
def app(instance: Instance) -> Iterator[Flask]:
    """The application; one address may get more mails a day than the cap allows otherwise."""
    made = instance.app(mails_per_address=20)
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def anna(app: Flask, client: FlaskClient) -> Supporter:
    """Somebody who has signed and confirmed."""
    made = Supporter(app, client)
    made.sign()
    return made


@pytest.fixture
def other(app: Flask, client: FlaskClient) -> Supporter:
    """Somebody else."""
    return Supporter(app, client, OTHER)


def answer_requests(after: timedelta = timedelta(0)) -> int:
    """What the worker does each second."""
    queued = links.answer_requests(datetime.now(UTC) + after)
    db.session.commit()
    return queued


def let_run_out(token: str) -> None:
    """Time goes on until a private link has run out."""
    link = db.session.get_one(PrivateLink, hash_of(token_from_path(token)))
    link.expires_at = NOW - timedelta(seconds=1)
    db.session.commit()


def rows(model: type[Any]) -> int:
    """How many rows there are."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def made_up_token() -> str:
    """A token that nobody has mailed."""
    return links.token_path(uuid.uuid4().bytes * 2)


def words_of(page: TestResponse) -> str:
    """A page's words, on one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", page.text).split())
