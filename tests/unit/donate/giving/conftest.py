"""A whole application, a stand-in for Stripe, and somebody who gives and looks after it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from config.database import db
from contacts import links
from contacts.models import PrivateLink
from contacts.services import add_contact, hash_of, token_path
from demo.stripe import RunningStandIn
from demo.stripe.faults import Fault, Kind
from donate import recording
from donate.gateway import gateway, init_gateway
from donate.giving import services
from donate.models import Donation, RecurringDonation
from tests.conftest import SAME_ORIGIN
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.support.visitor import Mail, mails, post_form

GIVER, OTHER = "canary-giver@example.org", "canary-other@example.org"
PAYS, RENEWALS_FAIL = "4242424242424242", "4000000000000341"
MANAGE = "/en/donate/manage"


@dataclass
class Giver:
    """Somebody who gave, with a browser and a mailbox."""

    app: Flask
    client: FlaskClient
    stand_in: RunningStandIn
    email: str = GIVER
    token: str = field(default="", repr=False)

    def give(self, card: str = PAYS, **typed: str) -> None:
        """A gift that is paid and recorded."""
        wish = {"amount": "25", "currency": "EUR", "frequency": "once", "fund": "legal-help"}
        page = post_form(self.client, "/en/donate", {**wish, **typed})
        assert page.status_code == 303, page.text
        session_id = page.headers["Location"].rsplit("/", 1)[1]
        paid = {"email": self.email, "name": "Canary Giver", "country": "PL", "method": "card"}
        paid |= {"card": card, "expiry": "12 / 40", "cvc": "123"}
        self.stand_in.app.test_client().post(f"/c/pay/{session_id}", data=paid)
        self.let_pass(3)
        recording.record_all(gateway().look_at_session(session_id), NOW)
        db.session.commit()

    def begin(self, card: str = PAYS, **typed: str) -> RecurringDonation:
        """A recurring gift whose first payment is made."""
        self.give(card, **{"frequency": "month", **typed})
        return self.recurring()

    def look(self, now: datetime = NOW) -> None:
        """Hear from Stripe how the recurring gift stands."""
        subscription_id = self.recurring().stripe_subscription_id or ""
        db.session.rollback()
        recording.record_all(gateway().look_at_subscription(subscription_id), now)
        db.session.commit()

    def let_pass(self, seconds: float) -> None:
        """Time at Stripe's."""
        self.control("clock", advance=seconds)

    def control(self, path: str, **order: Any) -> None:
        answer = self.stand_in.app.test_client().post(f"/_test/{path}", json=order)
        assert answer.status_code == 200, answer.text

    @contextmanager
    def trouble(self, kind: Kind = "500") -> Iterator[None]:
        """Stripe does not answer as it should."""
        faults = self.stand_in.app.extensions["faults"]
        faults.order(Fault(kind, count=99, seconds=0.6))
        init_gateway(self.app, self.app.extensions["vigil_settings"], timeout=0.4)
        try:
            yield
        finally:
            faults.clear()

    def ask(self, email: str = GIVER, path: str = MANAGE) -> TestResponse:
        return post_form(self.client, path, {"email": email})

    def open_link(self) -> str:
        """Ask for a link, let the worker answer, and read its token in the mail."""
        self.ask(self.email)
        links.answer_requests(NOW)
        db.session.commit()
        newest = [mail for mail in mails() if mail.kind == "manage-giving"][-1]
        self.token = newest.params["path"].rsplit("/", 1)[1]
        return self.token

    def get(self, path: str = "", language: str = "en") -> TestResponse:
        return self.client.get(f"/{language}/donate/manage/{self.token}{path}")

    def post(self, path: str, **typed: Any) -> TestResponse:
        return self.client.post(f"{MANAGE}/{self.token}{path}", data=typed)

    def do(self, deed: str, recurring_id: uuid.UUID | None = None, **typed: str) -> TestResponse:
        """Press a button of a recurring gift."""
        return self.post(f"/{recurring_id or self.recurring().id}/{deed}", **typed)

    def recurring(self) -> RecurringDonation:
        """The only recurring gift, as the database has it now."""
        db.session.expire_all()
        return db.session.scalars(select(RecurringDonation)).one()

    def donations(self) -> list[Donation]:
        db.session.expire_all()
        return list(db.session.scalars(select(Donation).order_by(Donation.created_at)))

    def at_stripe(self, kind: str = "subscription") -> dict[str, Any]:
        """Stripe's newest object of a kind."""
        found: dict[str, Any] = self.stand_in.account.ledger.all(kind)[0]
        return found

    def mails_of(self, kind: str) -> list[Mail]:
        return [mail for mail in mails() if mail.kind == kind]


@pytest.fixture
def app(instance: Instance, stand_in: RunningStandIn) -> Iterator[Flask]:
    """The whole application, whose Stripe is the stand-in."""
    made = instance.app(stripe_api_base=stand_in.url, organisation="Night Watch")
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def giver(app: Flask, stand_in: RunningStandIn) -> Giver:
    client = app.test_client()
    client.environ_base.update(SAME_ORIGIN)
    return Giver(app, client, stand_in)


@pytest.fixture
def stranger_id(app: Flask) -> uuid.UUID:
    """Another contact, who has given a transfer that nobody else may see."""
    contact_id = add_contact(OTHER, "en", "confirmed", NOW.date())
    db.session.add(create_donation(contact_id, fund="families", method="transfer"))
    db.session.commit()
    return contact_id


def create_donation(contact_id: uuid.UUID, **given: Any) -> Donation:
    values: dict[str, Any] = {
        "amount_minor": 5_000,
        "currency": "EUR",
        "fund": "legal-help",
        "language": "en",
        "state": "paid",
        "paid_at": NOW,
        "day": NOW.date(),
        "created_at": NOW,
        "contact_id": contact_id,
    }
    return Donation(**values | given)


def create_recurring(contact_id: uuid.UUID, **given: Any) -> RecurringDonation:
    values: dict[str, Any] = {
        "amount_minor": 5_000,
        "currency": "EUR",
        "fund": "legal-help",
        "frequency": "month",
        "language": "en",
        "state": "active",
        "day": NOW.date(),
        "created_at": NOW,
        "contact_id": contact_id,
        "stripe_subscription_id": f"sub_{uuid.uuid4().hex}",
        "stripe_customer_id": "cus_made_up",
    }
    return RecurringDonation(**values | given)


def private_link(contact_id: uuid.UUID) -> str:
    """A link to a contact's giving, without the mail; its token."""
    token = uuid.uuid4().bytes * 2
    db.session.add(
        PrivateLink(
            hash=hash_of(token),
            purpose=services.PURPOSE,
            contact_id=contact_id,
            expires_at=NOW + links.LIFETIME,
        )
    )
    db.session.commit()
    return token_path(token)


def text_of(page: TestResponse) -> str:
    """A page's words, on one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", page.text).split())
