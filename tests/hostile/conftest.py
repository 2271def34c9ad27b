"""A lived-in installation with people, gifts and staff, and who comes to it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from config.database import db
from contacts.models import CopyRequest, PrivateLink
from contacts.services import hash_of, token_path
from donate.giving.services import PURPOSE
from petitions.models import Signature
from staff.models import StaffMember
from tests.support.instances import Instance
from tests.unit.staff.conftest import Browser, People, browser_of, holder_key, new_client
from tests.unit.staff.giving import Gifts

__all__ = ["browser_of", "holder_key"]

LIVES = 40  # minutes that the private links are good for


@pytest.fixture
def app(instance: Instance) -> Iterator[Flask]:
    """The application, in no context: each request has one of its own, as in production."""
    made = instance.app()
    yield made
    with made.app_context():
        db.session.remove()
        db.engine.dispose()


@dataclass
class Lived:
    """What is there, and the private addresses into it."""

    app: Flask
    contact_id: uuid.UUID
    addresses: list[str]

    def stranger(self) -> Browser:
        """Somebody who is not signed in."""
        return Browser(new_client(self.app))


@pytest.fixture
def lived(app: Flask) -> Lived:
    """People who signed, offered and gave, links that lead to their pages, colleagues."""
    people, gifts = People(app), Gifts(app)
    signature = people.create_signature("Ada", newsletter=True)
    people.create_signature("Bela", state="pending")
    people.create_volunteer("Vera", details={"phone": "+37061234567", "message": "Hello"})
    people.create_donation("Ada", email="ada@example.org")
    gifts.create(email="ada@example.org", name="Ada")
    contact_id = people.contact_of(Signature, signature)
    addresses = [_private_link(app, contact_id, purpose) for purpose in (PURPOSE, "my-data")]
    with app.app_context():
        now = datetime.now(UTC)
        colleague = StaffMember(id=uuid.uuid4(), name="colleague", role="viewer", created_at=now)
        asked = CopyRequest(contact_id=contact_id, language="en", asked_at=now)
        asked.expires_at = now + timedelta(days=7)
        db.session.add_all([colleague, asked])
        db.session.commit()
    return Lived(app, contact_id, addresses)


def _private_link(app: Flask, contact_id: uuid.UUID, purpose: str) -> str:
    token = uuid.uuid4().bytes * 2
    ends = datetime.now(UTC) + timedelta(minutes=LIVES)
    with app.app_context():
        row = PrivateLink(hash=hash_of(token), purpose=purpose, contact_id=contact_id)
        row.expires_at = ends
        db.session.add(row)
        db.session.commit()
        path: Callable[[str, str], str] = app.extensions["vigil_link_purposes"][purpose].path
        return path("en", token_path(token))
