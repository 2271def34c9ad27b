"""Entering what came by transfer or in cash."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from config.database import db
from donate.books.models import LedgerLine
from donate.models import Donation
from donate.offline.references import make_reference, print_reference
from mail.models import OutgoingEmail
from tests.support.moments import NOW
from tests.unit.staff.conftest import Browser
from tests.unit.staff.giving import Gifts, audited
from vault.services import vault

CASH = {
    "method": "cash",
    "amount": "200",
    "currency": "EUR",
    "fund": "families",
    "campaign": "",
    "day": NOW.date().isoformat(),
    "language": "en",
}


def enter(browser: Browser, **more: str) -> TestResponse:
    return browser.post("/staff/donations/new", {"gift": str(uuid.uuid4()), **CASH, **more})


def donations(app: Flask) -> list[Donation]:
    with app.app_context():
        return list(db.session.scalars(select(Donation).order_by(Donation.amount_minor)))


def mails(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(OutgoingEmail.idem_key)))


@pytest.fixture
def announced(app: Flask) -> dict[str, Any]:
    """A transfer that somebody has announced on the public page, with an address."""
    donation_id, reference = uuid.uuid4(), make_reference()
    details = {"name": None, "email": "olga@example.org", "country": None}
    with app.app_context():
        db.session.add(
            Donation(
                id=donation_id,
                method="transfer",
                amount_minor=5000,
                currency="EUR",
                fund="legal-help",
                campaign="stolen-childhood",
                language="uk",
                reference=reference,
                day=NOW.date() - timedelta(days=9),
                created_at=NOW - timedelta(days=9),
                sealed=vault().seal("donation", donation_id, details),
            )
        )
        db.session.commit()
    return {"id": donation_id, "reference": reference}


def test_cash_is_entered_without_a_person(app: Flask, admin: Browser) -> None:
    answer = enter(admin, amount="1 234,50")
    assert answer.status_code == 303
    (made,) = donations(app)
    assert (made.state, made.method, made.amount_minor) == ("paid", "cash", 123450)
    assert (made.day, made.contact_id, made.sealed) == (NOW.date(), None, None)
    assert mails(app) == []
    (event,) = audited(app, "donation.entered")
    assert (event.subject_id, event.actor_id) == (made.id, admin.staff_id)
    assert event.details == {
        "method": "cash", "amount_minor": 123450, "currency": "EUR", "fund": "families",
    }  # fmt: skip
    page = admin.get(answer.location).text
    assert "The gift is entered." in page
    assert "Nothing is known of the donor." in page


def test_gift_of_somebody_is_thanked_for_in_their_language(app: Flask, admin: Browser) -> None:
    enter(admin, name="Olga", email="olga@example.org", language="be", method="transfer")
    (made,) = donations(app)
    assert made.contact_id
    assert mails(app) == [f"thank-you:{made.id}"]
    with app.app_context():
        assert db.session.scalars(select(OutgoingEmail.language)).all() == ["be"]
    assert "Olga" in admin.get(f"/staff/donations/{made.id}").text


def test_totals_mark_what_was_entered(admin: Browser, gifts: Gifts) -> None:
    gifts.create(1000)
    enter(admin)
    page = admin.get("/staff/").text
    assert "€210.00" in page
    assert "of it by transfer or in cash: €200.00" in page


def test_two_clicks_enter_one_gift(app: Flask, admin: Browser) -> None:
    page = admin.get("/staff/donations/new").text
    found = re.search(r'name="gift"\s+value="([^"]+)"', page)
    assert found
    first, second = enter(admin, gift=found[1]), enter(admin, gift=found[1])
    assert first.location == second.location == f"/staff/donations/{found[1]}"
    assert len(donations(app)) == len(audited(app, "donation.entered")) == 1
    assert "entered before" in admin.get(second.location).text


def test_announced_transfer_fills_in_the_form(admin: Browser, announced: dict[str, Any]) -> None:
    typed = print_reference(announced["reference"]).lower()
    page = admin.get("/staff/donations/new", query_string={"reference": typed}).text
    assert "Announced on" in page
    waiting = admin.get(f"/staff/donations/{announced['id']}").text
    assert "the money has not arrived" in waiting
    assert f"reference={announced['reference']}" in waiting
    assert 'value="50.00"' in page
    assert 'value="olga@example.org"' in page
    assert print_reference(announced["reference"]) in page
    assert '<option value="legal-help" selected>' in page


def test_announced_transfer_becomes_paid_with_what_came(
    app: Flask, admin: Browser, announced: dict[str, Any]
) -> None:
    reference = print_reference(announced["reference"])
    answer = enter(admin, method="transfer", amount="48.50", reference=reference)
    assert answer.location == f"/staff/donations/{announced['id']}"
    (made,) = donations(app)
    assert (made.state, made.amount_minor, made.day) == ("paid", 4850, NOW.date())
    assert (made.fund, made.campaign) == ("legal-help", "stolen-childhood")
    assert mails(app) == [f"thank-you:{announced['id']}"]  # the address was the announced one
    again = enter(admin, method="transfer", amount="48.50", reference=reference)
    assert again.location == answer.location
    assert len(donations(app)) == 1
    with app.app_context():
        assert db.session.scalars(select(LedgerLine.gross_minor)).all() == [4850]


def test_reference_that_nobody_announced_is_said(admin: Browser) -> None:
    page = admin.get("/staff/donations/new", query_string={"reference": "RF00NOTHING"}).text
    assert "No transfer that is still to come has this reference." in page


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"amount": ""}, "Enter the amount."),
        ({"amount": "1.005"}, "at most two decimals"),
        ({"amount": "2.5", "currency": "JPY"}, "Choose from the list."),
        ({"method": ""}, "Choose how the gift came."),
        ({"day": ""}, "Enter the day."),
        ({"day": "yesterday"}, "Enter the day like 2026-03-18."),
        ({"day": (NOW.date() + timedelta(days=3)).isoformat()}, "This day has not come yet."),
        ({"day": "1926-03-18"}, "Check the year."),
        ({"fund": "yachts"}, "Choose from the list."),
        ({"campaign": "yachts"}, "Choose from the list."),
        ({"language": "xx"}, "Choose from the list."),
        ({"email": "nobody"}, "Enter an address like name@example.org."),
        ({"reference": "RF18 0000"}, "none of our references"),
        ({"name": "a\u202eb"}, "hidden characters"),
    ],
)
def test_form_says_what_is_wrong_and_keeps_what_was_typed(
    app: Flask, admin: Browser, typed: dict[str, str], words: str
) -> None:
    answer = enter(admin, **{"name": "Volha", **typed})
    assert answer.status_code == 422
    assert words in answer.text
    assert typed.get("name", "Volha") in answer.text
    assert donations(app) == []


def test_form_that_comes_back_keeps_its_id(admin: Browser) -> None:
    gift = str(uuid.uuid4())
    assert f'value="{gift}"' in enter(admin, gift=gift, amount="").text


def test_editors_enter_nothing(app: Flask, browser_of: Any) -> None:
    assert enter(browser_of("editor")).status_code == 403
    assert donations(app) == []
