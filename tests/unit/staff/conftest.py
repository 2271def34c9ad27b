"""A browser of a member of staff on a fresh installation, and people who signed, gave, offered."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pyotp import TOTP
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from config.database import db
from contacts import tally
from contacts.models import Contact
from contacts.services import Agreed, GivenDeed, add_contact, record_deed
from donate.models import Donation
from petitions.models import Petition, Signature
from staff.door import sessions
from staff.door.marks import bound_in, with_mark
from staff.models import StaffMember, StaffSession
from tests.conftest import SAME_ORIGIN
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.unit.staff.giving import Gifts
from vault.models import Holder
from vault.services import unlock, vault
from volunteers.models import VolunteerSignup

PETITION = "bring-the-children-home"
_keys: dict[str, bytes] = {}


@pytest.fixture
def app(instance: Instance) -> Iterator[Flask]:
    """The application, in no context: each request has one of its own, as in production."""
    with instance.running() as made:
        yield made


@pytest.fixture
def app_with(instance: Instance) -> Iterator[Callable[..., Flask]]:
    """Makes the application with other settings than those of `app`."""
    with ExitStack() as made:
        yield lambda **more: made.enter_context(instance.running(**more))


@pytest.fixture
def people(app: Flask) -> People:
    """Makes people who did something."""
    return People(app)


@pytest.fixture
def gifts(app: Flask) -> Gifts:
    """Makes gifts."""
    return Gifts(app)


@pytest.fixture
def holder_key(app: Flask, instance: Instance) -> bytes:
    """The first administrator's key; unlocking it takes long, and all copies have the same one."""
    passphrase = instance.first.passphrase
    if passphrase not in _keys:
        with app.app_context():
            holder = db.session.scalars(select(Holder).where(Holder.kind == "staff")).one()
            unlocked = unlock(holder, passphrase)
            assert unlocked
            _keys[passphrase] = unlocked.key
    return _keys[passphrase]


@pytest.fixture
def browser_of(app: Flask, holder_key: bytes) -> Callable[[str], Browser]:
    """Makes the browser of somebody with a role, signed in; with a key where the role has one."""

    def make(role: str) -> Browser:
        staff_id = uuid.uuid4()
        key = holder_key if role in {"contacts", "admin"} else None
        with app.app_context():
            name = f"{role}-{staff_id.hex[:6]}"
            db.session.add(StaffMember(id=staff_id, name=name, role=role, created_at=NOW))
            db.session.flush()
            token = sessions.start_session(staff_id, key, datetime.now(NOW.tzinfo))
            db.session.commit()
        browser = Browser(new_client(app), staff_id, token)
        browser.bring(token)
        return browser

    return make


@pytest.fixture
def admin(browser_of: Callable[[str], Browser]) -> Browser:
    """The browser of an administrator."""
    return browser_of("admin")


def code_now(secret: bytes, steps: int = 0) -> str:
    """The code of this moment, or of so many steps later."""
    moment = datetime.now(NOW.tzinfo) + timedelta(seconds=30 * steps)
    return TOTP(base64.b32encode(secret).decode()).at(moment)


def change_sessions(**values: Any) -> None:
    """Write other values into every session, as the application would have."""
    for session in db.session.scalars(select(StaffSession)):
        for name, value in values.items():
            setattr(session, name, value)
        session.mark = with_mark(bound_in(session))["mark"]
    db.session.commit()


def new_client(app: Flask) -> FlaskClient:
    """A browser's requests without a browser."""
    client = app.test_client()
    client.environ_base.update(SAME_ORIGIN)
    return client


@dataclass
class Browser:
    """Somebody's browser; posts carry the form token, as those of a page do."""

    client: FlaskClient
    staff_id: uuid.UUID | None = None
    token: bytes = field(default=b"", repr=False)
    secret: bytes = field(default=b"", repr=False)  # of the second factor, once set up
    last_code: str = field(default="", repr=False)  # which set it up

    def sign_in(self, name: str, passphrase: str, **more: str) -> TestResponse:
        """Send the form of the sign-in page."""
        form = {"name": name, "passphrase": passphrase, **more}
        return self.post("/staff/sign-in", form)

    def enrol(self) -> bytes:
        """Set the second factor up, after a sign-in; returns its secret."""
        page = self.get("/staff/second-factor").text
        shown = re.search(r'class="secret">\s*<code[^>]*>([A-Z2-7 ]+)<', page)
        assert shown
        self.secret = base64.b32decode(shown[1].replace(" ", ""))
        self.last_code = code_now(self.secret)
        answer = self.post("/staff/second-factor", {"code": self.last_code})
        assert answer.status_code == 303
        return self.secret

    def bring(self, token: bytes) -> None:
        """Put a session's token into the cookie."""
        text = base64.urlsafe_b64encode(token).rstrip(b"=").decode()
        self.client.set_cookie("vigil_staff", text)

    def get(self, address: str, **more: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(address, **more)

    def post(self, address: str, data: dict[str, Any] | None = None) -> TestResponse:
        """Send a form."""
        page = self.client.get("/staff/sign-in").text
        found = re.search(r'name="csrf_token"\s+value="([^"]+)"', page)
        assert found
        return self.client.post(address, data={"csrf_token": found[1], **(data or {})})


@dataclass
class People:
    """Builders of deeds."""

    app: Flask

    def create_signature(
        self, name: str = "Ada", email: str = "", state: str = "confirmed", **more: Any
    ) -> uuid.UUID:
        """A signature; returns its id."""
        with self.app.app_context():
            petition = db.session.scalars(
                select(Petition.id).where(Petition.slug == more.get("petition", PETITION))
            ).one()
        given = {"model": Signature, "kind": "signature", "columns": {"petition_id": petition}}
        given["mail"] = "confirm-signature"
        return self._create(given, more.get("petition", PETITION), name, email, state, more)

    def create_volunteer(
        self, name: str = "Vera", email: str = "", state: str = "new", **more: Any
    ) -> uuid.UUID:
        """A volunteer sign-up; returns its id."""
        given = {"model": VolunteerSignup, "kind": "volunteer", "mail": "confirm-sign-up"}
        return self._create(given, "volunteer", name, email, state, more)

    def create_donation(
        self, name: str = "Dora", email: str = "", amount_minor: int = 2500, **more: Any
    ) -> uuid.UUID:
        """A paid donation; returns its id."""
        donation_id, email = uuid.uuid4(), email or f"{name.lower()}@example.org"
        day = NOW.date() - timedelta(days=more.get("days_ago", 0))
        fund, currency = more.get("fund", "families"), more.get("currency", "EUR")
        with self.app.app_context():
            contact_id = add_contact(email, "en", "confirmed", day)
            details = {"name": name, "email": email, "country": "LT"}
            db.session.add(
                Donation(
                    id=donation_id,
                    amount_minor=amount_minor,
                    currency=currency,
                    fund=fund,
                    language="en",
                    state="paid",
                    day=day,
                    created_at=NOW,
                    paid_at=NOW,
                    contact_id=contact_id,
                    sealed=vault().seal("donation", donation_id, details),
                )
            )
            changes = (("count", 1), ("amount", amount_minor))
            for what, n in changes:
                db.session.execute(tally.change(f"donation.{what}.{currency}", fund, n, day))
            db.session.commit()
        return donation_id

    def contact_of(self, model: Any, deed_id: uuid.UUID) -> uuid.UUID:
        """Whose deed it is."""
        with self.app.app_context():
            found = db.session.get(model, deed_id)
            assert found
            contact_id: uuid.UUID = found.contact_id
            return contact_id

    def _create(
        self, given: Any, subject: str, name: str, email: str, state: str, more: dict[str, Any]
    ) -> uuid.UUID:
        email = email or f"{name.split()[0].lower()}@example.org"
        moment = NOW - timedelta(days=more.get("days_ago", 0))
        details = {"name": name, "email": email, "country": "LT", **more.get("details", {})}
        agreed = [Agreed(given["kind"], "I agree to this & that.")]
        model = given["model"]
        with self.app.app_context():
            deed = GivenDeed(
                subject=subject, email=email, language="en", details=details, agreed=agreed, **given
            )
            before = set(db.session.scalars(select(model.id)))
            record_deed(deed, moment)
            deed_id: uuid.UUID = (set(db.session.scalars(select(model.id))) - before).pop()
            if state != "pending":
                self._confirm(model, deed_id, given["kind"], subject, state, more)
            db.session.commit()
        return deed_id

    def _confirm(
        self, model: Any, deed_id: uuid.UUID, kind: str, subject: str, state: str, more: Any
    ) -> None:
        day = NOW.date() - timedelta(days=more.get("days_ago", 0))
        db.session.execute(update(model).where(model.id == deed_id).values(state=state))
        db.session.execute(tally.change(f"{kind}.pending", subject, -1, day))
        db.session.execute(tally.change(f"{kind}.{state}", subject, 1, day, "LT"))
        contact_id = db.session.get(model, deed_id).contact_id
        values = {"state": "confirmed", "newsletter": more.get("newsletter", False)}
        db.session.execute(update(Contact).where(Contact.id == contact_id).values(values))
