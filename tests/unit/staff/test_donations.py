"""The list of gifts, its export, and the page of one gift."""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from config.database import db
from donate.models import Donation
from staff.giving.gifts import GiftFilters, all_gifts
from staff.people.exports import GIFT_COLUMNS, plain_amount
from tests.support.moments import NOW
from tests.unit.staff.conftest import Browser
from tests.unit.staff.giving import Gifts, audited


def shown(page: str) -> list[str]:
    """The amounts in the list."""
    return re.findall(r'class="sum-of"\s+href="[^"]+">([^<]+)<', page)


def rows_of(answer: TestResponse) -> list[dict[str, str]]:
    text = answer.data.decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


# The list


def test_gifts_are_listed_newest_first(admin: Browser, gifts: Gifts) -> None:
    gifts.create(100, 2)
    gifts.create(300, 0)
    gifts.create(200, 1)
    assert shown(admin.get("/staff/donations").text) == ["€3.00", "€2.00", "€1.00"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=failed", ["€5.00"]),
        ("fund=legal-help", ["€4.00"]),
        ("currency=PLN", ["PLN\xa07.00"]),
        ("method=cash", ["€6.00"]),
        ("review=held", ["€3.00"]),
        ("state=nonsense&method=cash", ["€6.00"]),
    ],
)
def test_list_is_narrowed(admin: Browser, gifts: Gifts, query: str, expected: list[str]) -> None:
    gifts.create(300, review="held")
    gifts.create(400, fund="legal-help")
    gifts.create(500, state="failed")
    gifts.create(600, method="cash")
    gifts.create(700, currency="PLN")
    assert shown(admin.get(f"/staff/donations?{query}").text) == expected


def test_month_is_when_it_was_paid(admin: Browser, gifts: Gifts, app: Flask) -> None:
    late = gifts.create(100, 70)
    gifts.create(200, 70, method="cash", paid_at=NOW)  # entered today, arrived then
    gifts.create(300, 70, state="expired")
    gifts.create(400, 70)
    with app.app_context():
        db.session.execute(update(Donation).where(Donation.id == late).values(paid_at=NOW))
        begun = db.session.scalars(select(Donation.day).where(Donation.id == late)).one()
        db.session.commit()
    page = admin.get(f"/staff/donations?month={NOW.date().isoformat()[:7]}").text
    assert shown(page) == ["€1.00"]
    page = admin.get(f"/staff/donations?month={begun.isoformat()[:7]}").text
    assert sorted(shown(page)) == ["€2.00", "€3.00", "€4.00"]


def test_pages_go_on_where_the_last_ended(admin: Browser, gifts: Gifts) -> None:
    for n in range(53):
        gifts.create(100 + n, n // 10)
    first = admin.get("/staff/donations?fund=families").text
    gifts.create(900)  # comes in meanwhile and shifts nothing
    found = re.search(r'rel="next"\s+href="([^"]+)"', first)
    assert found
    assert "fund=families" in found[1]
    second = admin.get(found[1].replace("&amp;", "&")).text
    assert len(shown(first)) == 50
    assert len(set(shown(first) + shown(second))) == 53
    assert 'rel="next"' not in second


def test_list_shows_what_went_back(admin: Browser, gifts: Gifts) -> None:
    gift = gifts.create(5000)
    gifts.refund(gift, 1000, "succeeded")
    gifts.refund(gift, 700, "failed")
    won = gifts.create(3000, 1)
    gifts.dispute(won, "won")
    page = admin.get("/staff/donations").text
    assert "€10.00" in page
    assert "€7.00" not in page
    assert page.count("€30.00") == 1


def test_list_names_nobody(admin: Browser, gifts: Gifts) -> None:
    gifts.create(name="Canary", email="canary@example.org")
    assert "anary" not in admin.get("/staff/donations").text


# The export


def test_export_has_plain_numbers_and_no_person(app: Flask, admin: Browser, gifts: Gifts) -> None:
    gift = gifts.create(2500, name="Canary", email="canary@example.org", fee_minor=3)
    gifts.refund(gift, 2500, "succeeded")
    answer = admin.post("/staff/donations/export", {"file": "csv"})
    assert answer.mimetype == "text/csv"
    assert answer.is_streamed
    assert b"anary" not in answer.data
    (row,) = rows_of(answer)
    assert tuple(row) == GIFT_COLUMNS
    assert (row["amount"], row["amount_minor"], row["currency"]) == ("25.00", "2500", "EUR")
    assert (row["refunded"], row["refunded_minor"]) == ("25.00", "2500")
    assert (row["settled_gross"], row["settled_fee"]) == ("0.00", "0.03")
    assert (row["settled_net"], row["settled_net_minor"]) == ("-0.03", "-3")
    assert row["paid"] == NOW.date().isoformat()
    (event,) = audited(app, "donations.exported")
    assert (event.details, event.actor_id) == ({"count": 1}, admin.staff_id)


@pytest.mark.parametrize(
    ("minor", "currency", "plain"),
    [
        (2500, "EUR", "25.00"),
        (1500, "JPY", "1500"),
        (12340, "KWD", "12.340"),
        (30000, "ISK", "300.00"),
        (400000, "HUF", "4000.00"),
        (800000, "UGX", "8000.00"),
        (0, "EUR", "0.00"),
        (-5, "EUR", "-0.05"),
    ],
)
def test_amounts_of_every_kind_of_currency(minor: int, currency: str, plain: str) -> None:
    assert format(plain_amount(minor, currency), "f") == plain


def test_export_in_a_currency_of_thousandths(admin: Browser, gifts: Gifts) -> None:
    gifts.create(12340, currency="KWD", settled=(3700, "EUR"), fee_minor=140)
    (row,) = rows_of(admin.post("/staff/donations/export", {"file": "csv"}))
    assert (row["amount"], row["amount_minor"]) == ("12.340", "12340")
    assert (row["settled_net"], row["settled_currency"]) == ("35.60", "EUR")


def test_export_is_narrowed_like_the_list(app: Flask, admin: Browser, gifts: Gifts) -> None:
    gifts.create(100, method="cash")
    gifts.create(200)
    (row,) = rows_of(
        admin.post("/staff/donations/export", {"file": "csv", "method": "cash", "state": "?"})
    )
    assert row["amount"] == "1.00"
    (event,) = audited(app, "donations.exported")
    assert event.details == {"count": 1, "method": "cash"}


def test_export_defuses_formulas(app: Flask, admin: Browser, gifts: Gifts) -> None:
    gifts.create(100, campaign="=1+1")
    (row,) = rows_of(admin.post("/staff/donations/export", {"file": "csv"}))
    assert row["campaign"] == "'=1+1"


def test_export_batches_lose_nothing(app: Flask, gifts: Gifts) -> None:
    for n in range(5):
        gifts.create(100 + n, n % 2)
    with app.app_context():
        batches = list(all_gifts(GiftFilters(), size=2))
    amounts = [row.amount_minor for batch in batches for row, _sums in batch]
    assert sorted(amounts) == [100, 101, 102, 103, 104]
    assert [len(batch) for batch in batches] == [2, 2, 1]


# One gift


def test_page_of_a_gift_shows_books_and_donor(admin: Browser, gifts: Gifts) -> None:
    gift = gifts.create(
        2500,
        name="Dora",
        email="dora@example.org",
        card_country="LT",
        dedication={"kind": "memory", "name": "Hanna"},
        fee_minor=103,
    )
    gifts.refund(gift, 1000, "succeeded")
    page = admin.get(f"/staff/donations/{gift}").text
    for words in ("Dora", "dora@example.org", "Lithuania", "In memory of", "Hanna", "€23.97"):
        assert words in page
    assert "€13.97" in page  # net of all lines
    assert "The donor asked for it" in page
    assert "at most €15.00" in page


def test_donor_is_not_opened_without_a_key(
    app: Flask, browser_of: Callable[[str], Browser], gifts: Gifts
) -> None:
    gift = gifts.create(name="Canary", email="canary@example.org")
    for role in ("viewer", "editor"):
        answer = browser_of(role).get(f"/staff/donations/{gift}")
        assert answer.status_code == 403
        assert "anary" not in answer.text


def test_gift_whose_box_does_not_open_says_so(app: Flask, admin: Browser, gifts: Gifts) -> None:
    gift = gifts.create(name="Dora", dedication={"kind": "honour", "name": "Hanna"})
    with app.app_context():
        db.session.execute(update(Donation).values(sealed=b"junk", dedication=b"junk"))
        db.session.commit()
    page = admin.get(f"/staff/donations/{gift}").text
    assert page.count("cannot be opened") == 2


def test_unknown_gift(admin: Browser) -> None:
    assert admin.get(f"/staff/donations/{uuid.uuid4()}").status_code == 404
    answer = admin.post(f"/staff/donations/{uuid.uuid4()}/refund", {"amount": "1"})
    assert answer.status_code == 404
