"""Refunds that staff ask for, and the release of held gifts."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from config.database import db
from donate.books.models import LedgerLine, Refund
from mail.models import OutgoingEmail
from tests.unit.staff.conftest import Browser, new_client
from tests.unit.staff.giving import Gifts, audited

REASON = "donor-asked"


def refund(browser: Browser, gift: uuid.UUID, seen: int, amount: str, **more: str) -> TestResponse:
    form = {"amount": amount, "reason": REASON, "seen": str(seen), **more}
    return browser.post(f"/staff/donations/{gift}/refund", form)


def refunds(app: Flask) -> list[Refund]:
    with app.app_context():
        return list(db.session.scalars(select(Refund).order_by(Refund.amount_minor)))


@pytest.mark.parametrize(("amount", "minor"), [("25.00", 2500), ("25", 2500), ("4,05", 405)])
def test_refund_is_asked_for(
    app: Flask, admin: Browser, gifts: Gifts, amount: str, minor: int
) -> None:
    gift = gifts.create(2500)
    answer = refund(admin, gift, 2500, amount)
    assert (answer.status_code, answer.location) == (303, f"/staff/donations/{gift}")
    (made,) = refunds(app)
    assert (made.amount_minor, made.reason, made.state) == (minor, REASON, "requested")
    assert made.requested_by == admin.staff_id
    (event,) = audited(app, "donation.refund-requested")
    assert event.subject_id == gift
    assert event.details == {
        "refund": str(made.id), "amount_minor": minor, "currency": "EUR", "reason": REASON,
    }  # fmt: skip
    assert "waits to be sent" in admin.get(f"/staff/donations/{gift}").text


def test_second_click_refunds_once(app: Flask, admin: Browser, gifts: Gifts) -> None:
    gift = gifts.create(2500)
    assert refund(admin, gift, 2500, "10").status_code == 303
    again = refund(admin, gift, 2500, "10")
    assert again.status_code == 409
    assert "Something changed" in again.text
    assert len(refunds(app)) == 1
    assert refund(admin, gift, 1500, "10").status_code == 303
    assert [made.amount_minor for made in refunds(app)] == [1000, 1000]


def test_two_clicks_at_once_refund_once(app: Flask, admin: Browser, gifts: Gifts) -> None:
    gift = gifts.create(2500)
    others = [Browser(new_client(app), admin.staff_id) for _ in range(4)]
    for other in others:
        other.bring(admin.token)
        other.get("/staff/donations")
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda other: refund(other, gift, 2500, "10"), others))
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409]
    assert len(refunds(app)) == 1


def test_no_more_than_is_left_goes_back(app: Flask, admin: Browser, gifts: Gifts) -> None:
    gift = gifts.create(2500)
    gifts.refund(gift, 2000, "succeeded")
    answer = refund(admin, gift, 500, "5.01")
    assert answer.status_code == 422
    assert "At most €5.00 can be given back." in answer.text
    assert 'value="5.01"' in answer.text
    assert len(refunds(app)) == 1


def test_nothing_goes_back_while_a_dispute_is_open(
    app: Flask, admin: Browser, gifts: Gifts
) -> None:
    gift = gifts.create(2500)
    gifts.dispute(gift, amount_minor=1000)
    page = admin.get(f"/staff/donations/{gift}").text
    assert "Until the bank has decided nothing can be given back" in page
    assert 'name="seen"' not in page
    answer = refund(admin, gift, 1500, "5")
    assert answer.status_code == 409
    assert "Until the bank has decided nothing can be given back" in answer.text
    assert refunds(app) == []


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"amount": ""}, "Enter the amount."),
        ({"amount": "0"}, "Enter an amount above zero."),
        ({"amount": "-1"}, "cannot be negative"),
        ({"amount": "1.234"}, "at most two decimals"),
        ({"amount": "99999999999999999999"}, "more than anybody gives"),
        ({"reason": ""}, "Choose the reason."),
    ],
)
def test_refund_form_says_what_is_wrong(
    app: Flask, admin: Browser, gifts: Gifts, typed: dict[str, str], words: str
) -> None:
    gift = gifts.create(2500)
    answer = refund(admin, gift, 2500, **{"amount": "1", **typed})
    assert answer.status_code == 422
    assert words in answer.text
    assert refunds(app) == []


@pytest.mark.parametrize("reason", ["refused-card", "dashboard", "entered-by-mistake", "made-up"])
def test_reasons_of_rules_are_not_for_staff(
    app: Flask, admin: Browser, gifts: Gifts, reason: str
) -> None:
    assert refund(admin, gifts.create(), 2500, "1", reason=reason).status_code == 422
    assert refunds(app) == []


def test_refund_of_thousandths(app: Flask, admin: Browser, gifts: Gifts) -> None:
    gift = gifts.create(12340, currency="KWD")
    page = admin.get(f"/staff/donations/{gift}").text
    assert 'value="12.34"' in page
    assert refund(admin, gift, 12340, "1.25").status_code == 303
    assert refunds(app)[0].amount_minor == 1250


def test_refund_below_the_smallest_gift(app: Flask, admin: Browser, gifts: Gifts) -> None:
    assert refund(admin, gifts.create(2500), 2500, "0.01").status_code == 303
    assert refunds(app)[0].amount_minor == 1


def test_gift_of_cash_is_given_back_in_the_books_at_once(
    app: Flask, admin: Browser, gifts: Gifts
) -> None:
    gift = gifts.create(20000, method="cash")
    assert "Give the money back by hand" in admin.get(f"/staff/donations/{gift}").text
    answer = refund(admin, gift, 20000, "200", reason="entered-by-mistake")
    assert answer.status_code == 303
    assert refunds(app)[0].state == "succeeded"
    with app.app_context():
        assert db.session.scalar(select(func.sum(LedgerLine.gross_minor))) == 0
    page = admin.get(f"/staff/donations/{gift}").text
    assert "Entered here by mistake" in page
    assert 'name="seen"' not in page  # nothing is left


def test_refund_needs_the_form_token(app: Flask, admin: Browser, gifts: Gifts) -> None:
    gift = gifts.create()
    form = {"amount": "1", "reason": REASON, "seen": "2500"}
    answer = admin.client.post(f"/staff/donations/{gift}/refund", data=form)
    assert answer.status_code == 400
    assert refunds(app) == []


# Held gifts


def mails(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(OutgoingEmail.idem_key)))


def test_held_gift_is_released_once_and_thanked_for(
    app: Flask, admin: Browser, gifts: Gifts
) -> None:
    gift = gifts.create(300, name="Dora", email="dora@example.org", review="held")
    assert "Release it" in admin.get(f"/staff/donations/{gift}").text
    answer = admin.post(f"/staff/donations/{gift}/release")
    assert answer.status_code == 303
    assert mails(app) == [f"thank-you:{gift}"]
    page = admin.get(f"/staff/donations/{gift}").text
    assert "thank-you waits to be sent" in page
    assert "Release it" not in page
    admin.post(f"/staff/donations/{gift}/release")
    assert "meanwhile" in admin.get(f"/staff/donations/{gift}").text
    assert len(mails(app)) == len(audited(app, "donation.released")) == 1


def test_held_gift_of_nobody_is_released_without_a_mail(
    app: Flask, admin: Browser, gifts: Gifts
) -> None:
    gift = gifts.create(300, review="held")
    admin.post(f"/staff/donations/{gift}/release")
    assert "nobody is thanked" in admin.get(f"/staff/donations/{gift}").text
    assert mails(app) == []


def test_held_gift_that_went_back_is_not_thanked_for(
    app: Flask, admin: Browser, gifts: Gifts
) -> None:
    gift = gifts.create(300, email="dora@example.org", review="held")
    gifts.refund(gift, 300, "succeeded", reason="fraudulent")
    assert "Mark it as looked at" in admin.get(f"/staff/donations/{gift}").text
    admin.post(f"/staff/donations/{gift}/release")
    assert "nobody is thanked" in admin.get(f"/staff/donations/{gift}").text
    assert mails(app) == []
