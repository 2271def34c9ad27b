"""The wish for discreet mails: given with the announced transfer, heeded once it has arrived."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from config.database import db
from contacts.models import Contact
from donate.models import Donation
from mail.render import Rendered, render
from tests.support.instances import Instance
from tests.support.visitor import Mail, mails
from tests.unit.donate.offline.conftest import BANK
from tests.unit.staff.conftest import Browser, browser_of, holder_key, new_client
from web.tokens import make_form_token

__all__ = ["browser_of", "holder_key"]

DONOR = "donor@example.org"
NEUTRAL = "About your request"
BOX = re.compile(r'<input id="discreet"\s+name="discreet"\s+type="checkbox"\s+value="y"([^>]*)>')


@pytest.fixture
def app(instance: Instance) -> Iterator[Flask]:
    """The application with a bank account, in no context: each request has one of its own."""
    with instance.running(**BANK) as made:
        yield made


def announce(app: Flask, **typed: str) -> TestResponse:
    """Send the form for a transfer."""
    with app.app_context():
        form = {"form_token": make_form_token(), "amount": "25", "fund": "legal-help", **typed}
    return new_client(app).post("/en/donate/transfer", data=form)


def the_gift(app: Flask) -> Donation:
    """The only gift there is."""
    with app.app_context():
        return db.session.scalars(select(Donation)).one()


def enter(app: Flask, staff: Browser, **more: str) -> None:
    """Staff enter that the transfer has arrived."""
    form = {
        "gift": str(uuid.uuid4()),
        "method": "transfer",
        "amount": "25",
        "currency": "EUR",
        "fund": "legal-help",
        "campaign": "",
        "day": datetime.now(UTC).date().isoformat(),
        "language": "en",
        "reference": the_gift(app).reference or "",
        **more,
    }
    assert staff.post("/staff/donations/new", form).status_code == 303


def only_mail(app: Flask) -> tuple[Mail, Rendered]:
    """The only mail in the outbox, and how its reader sees it."""
    with app.app_context():
        (mail,) = mails()
        return mail, render(mail.kind, mail.language, mail.params, "https://vigil.example.org")


def test_the_form_has_the_box_and_it_stays_as_it_was_left(app: Flask) -> None:
    page = new_client(app).get("/en/donate/transfer").text
    (left,) = BOX.findall(page)
    assert "checked" not in left
    assert "required" not in left
    page = announce(app, amount="x", discreet="y").text
    (left,) = BOX.findall(page)
    assert "checked" in left


def test_who_wished_for_it_is_thanked_discreetly(
    app: Flask, browser_of: Callable[[str], Browser]
) -> None:
    assert announce(app, email=DONOR, discreet="y").status_code == 303
    assert the_gift(app).is_discreet
    enter(app, browser_of("admin"))
    mail, seen = only_mail(app)
    assert (mail.kind, mail.to, mail.params.get("discreet")) == ("thank-you", DONOR, "y")
    assert (seen.subject, seen.html) == (NEUTRAL, "")
    assert "25" not in seen.text
    with app.app_context():
        assert db.session.scalars(select(Contact.is_discreet)).one()


def test_who_did_not_is_thanked_openly(app: Flask, browser_of: Callable[[str], Browser]) -> None:
    assert announce(app, email=DONOR).status_code == 303
    enter(app, browser_of("admin"))
    mail, seen = only_mail(app)
    assert (mail.kind, mail.to) == ("thank-you", DONOR)
    assert "discreet" not in mail.params
    assert seen.subject != NEUTRAL
    assert seen.html
    with app.app_context():
        assert not db.session.scalars(select(Contact.is_discreet)).one()


def test_wish_without_an_address_holds_for_one_that_staff_enter(
    app: Flask, browser_of: Callable[[str], Browser]
) -> None:
    assert announce(app, email=" ", discreet="y").status_code == 303
    enter(app, browser_of("admin"), email=DONOR)
    mail, seen = only_mail(app)
    assert (mail.to, seen.subject) == (DONOR, NEUTRAL)
