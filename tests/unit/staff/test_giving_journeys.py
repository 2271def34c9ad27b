"""Whole ways with a stand-in for Stripe: what staff ask for is done, and the books show it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask

from config.database import db
from demo.stripe import RunningStandIn
from donate.books.refunds import PAUSE, end_refused, send_refunds
from tests.support.instances import STRIPE, Instance
from tests.unit.donate.desk import SECRETS, Desk
from tests.unit.staff.conftest import Browser


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningStandIn]:
    """Stripe; the SDK waits between its attempts, and here it need not."""
    monkeypatch.setattr("stripe._http_client.HTTPClient.INITIAL_DELAY", 0.01)
    monkeypatch.setattr("stripe._http_client.HTTPClient.MAX_DELAY", 0.01)
    with RunningStandIn(secret_key=str(STRIPE["stripe_secret_key"])) as running:
        yield running


@pytest.fixture
def app(instance: Instance, stand_in: RunningStandIn) -> Iterator[Flask]:
    """The whole application before its Stripe."""
    made = instance.app(stripe_api_base=stand_in.url, stripe_webhook_secrets=SECRETS)
    yield made
    with made.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def desk(app: Flask, stand_in: RunningStandIn) -> Desk:
    """Donors, and what Stripe does."""
    return Desk(app, stand_in, None)  # type: ignore[arg-type] - staff open the vault here


def refund(admin: Browser, gift: object, amount: str) -> None:
    """Give some of it back, as the page asks."""
    page = admin.get(f"/staff/donations/{gift}").text
    seen = re.search(r'name="seen" value="(\d+)"', page)
    assert seen, page
    form = {"amount": amount, "reason": "donor-asked", "seen": seen[1]}
    answer = admin.post(f"/staff/donations/{gift}/refund", form)
    assert answer.status_code == 303, answer.text


def first_row(page: str, heading: str) -> list[str]:
    """The cells of the first row of a table on the first page."""
    table = page[page.index(f"<h2>{heading}</h2>") :]
    body = table[table.index("<tbody") : table.index("</tr>", table.index("<tbody"))]
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", body, re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells]


def test_refund_goes_through_stripe_and_the_books_agree(desk: Desk, admin: Browser) -> None:
    gift = desk.paid(fund="legal-help", currency="EUR").id
    before = admin.get(f"/staff/donations/{gift}").text
    assert "Canary Donor" in before
    refund(admin, gift, "10")
    assert desk.refunds()[0].state == "requested"
    desk.work()
    refund(admin, gift, "15.00")
    desk.work()
    desk.let_pass()
    desk.tell_all()
    assert [made.state for made in desk.refunds()] == ["succeeded", "succeeded"]
    page = admin.get(f"/staff/donations/{gift}").text
    assert page.count(">refunded<") == 2
    assert "Give it back" not in page  # nothing is left
    charge = desk.at_stripes("charge")
    assert (charge["amount_refunded"], charge["refunded"]) == (2500, True)
    fee = -sum(fee for _kind, _gross, fee in desk.lines())
    today = admin.get("/staff/").text
    given, books = first_row(today, "Donations by month and fund"), first_row(today, "The books")
    assert given[1:] == ["Legal help", "EUR", "1", "€25.00", "€25.00", "–"]
    net = f"-€{-fee / 100:.2f}"
    assert books[1:] == ["EUR", "€25.00", "€25.00", "–", f"€{-fee / 100:.2f}", net]
    assert desk.kinds().count("gift-refunded") == 2


def test_refund_that_stripe_refuses_is_told_with_its_code(desk: Desk, admin: Browser) -> None:
    gift = desk.paid(currency="EUR").id
    page = admin.get(f"/staff/donations/{gift}").text
    desk.control("dispute", charge=desk.at_stripes("charge")["id"])  # we have not heard of it
    form = {"amount": "25", "reason": "other", "seen": "2500"}
    assert 'name="seen" value="2500"' in page
    assert admin.post(f"/staff/donations/{gift}/refund", form).status_code == 303
    with desk.app.app_context():
        send_refunds(datetime.now(UTC))
    page = admin.get(f"/staff/donations/{gift}").text
    assert "refused by Stripe" in page
    assert "<code>charge_disputed</code>" in page
    assert "Until the bank has decided nothing can be given back" in page


def test_refund_waits_while_stripe_is_away(desk: Desk, admin: Browser) -> None:
    gift = desk.paid(currency="EUR").id
    refund(admin, gift, "25")
    now = datetime.now(UTC)
    with desk.trouble("500"), desk.app.app_context():
        send_refunds(now)
    assert "waits to be sent" in admin.get(f"/staff/donations/{gift}").text
    desk.work(now + PAUSE)
    assert [made.state for made in desk.refunds()] == ["succeeded"]


def test_recurring_donation_that_staff_end_ends_at_stripe(desk: Desk, admin: Browser) -> None:
    recurring = desk.begun(currency="EUR").id
    assert "running" in admin.get(f"/staff/recurring/{recurring}").text
    assert admin.post(f"/staff/recurring/{recurring}/end").status_code == 303
    with desk.app.app_context():
        end_refused(datetime.now(UTC))
    assert desk.at_stripes("subscription")["status"] == "canceled"
    page = admin.get(f"/staff/recurring/{recurring}").text
    assert "by staff" in page
    assert desk.letter("recurring-ended")["reason"] == "staff"
