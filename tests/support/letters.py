"""What arrives in a mailbox, and what visitors do so that something arrives."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import func, select

from config.database import db
from contacts import tally
from contacts.models import Contact
from demo.mailbox import Message
from donate.facts import Payer, PaymentFacts
from donate.models import Donation, State
from donate.recording import record
from tests.support.visitor import post_form

SLUG = "bring-the-children-home"


def path_of(message: Message, page: str) -> str:
    """The path of the link to a page in a mail."""
    found = re.search(rf"https://vigil\.example(/../{page}/\S+)", message.text)
    assert found, message.text
    return found[1]


def header(message: Message, name: str) -> str | None:
    return dict(message.headers).get(name)


def rows(model: type[Any]) -> int:
    n = db.session.scalar(select(func.count()).select_from(model))
    db.session.rollback()
    return n or 0


def counted() -> tuple[int, int]:
    found = tally.total("signature.pending", SLUG), tally.total("signature.confirmed", SLUG)
    db.session.rollback()
    return found


def contact() -> Contact:
    found = db.session.scalars(select(Contact)).one()
    db.session.rollback()
    return found


def confirm(client: FlaskClient, message: Message) -> None:
    assert client.post(path_of(message, "confirm")).status_code == 303


def give(client: FlaskClient, **values: str) -> uuid.UUID:
    """Begin a gift; Stripe does not answer here, but it is written down."""
    known = set(db.session.scalars(select(Donation.id)))
    db.session.rollback()
    gift = {"amount": f"{25 + len(known)}", "currency": "EUR", "frequency": "once"}
    post_form(client, "/en/donate", {**gift, "fund": "families", **values})
    [new] = set(db.session.scalars(select(Donation.id))) - known
    db.session.rollback()
    return new


def pay(donation_id: uuid.UUID, now: datetime) -> None:
    """Record what Stripe would say of a paid gift."""
    donation = db.session.get_one(Donation, donation_id)
    facts = PaymentFacts(
        donation_id=donation_id,
        session_id=f"cs_{donation_id}",
        state=State.PAID,
        amount_minor=donation.amount_minor,
        currency=donation.currency,
        payer=Payer(name="Anna", email="anna@example.org", country="LT"),
        asked_at=now,
    )
    record(facts, now)
    db.session.commit()
