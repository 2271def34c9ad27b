"""Recurring donations: the list, one of them, its end, and the person who gives it."""

from __future__ import annotations

import uuid
from datetime import date

import pytest
from flask import Flask

from config.database import db
from donate.models import Donation, RecurringDonation
from tests.unit.staff.conftest import Browser
from tests.unit.staff.giving import Gifts, audited


def test_list_is_by_state(admin: Browser, gifts: Gifts) -> None:
    gifts.create_recurring(next_on=date(2031, 5, 17))
    gifts.create_recurring("at-risk", amount_minor=4400)
    page = admin.get("/staff/recurring").text
    assert "€10.00, monthly" in page
    assert "May 17, 2031" in page
    assert "€44.00" not in page
    assert "€44.00" in admin.get("/staff/recurring?state=at-risk").text
    assert admin.get("/staff/recurring?state=created").status_code == 404


def test_pages_go_on(admin: Browser, gifts: Gifts) -> None:
    for n in range(51):
        gifts.create_recurring(amount_minor=1000 + n)
    first = admin.get("/staff/recurring").text
    assert first.count("/staff/recurring/") == 50
    after = first.partition("after=")[2].partition('"')[0]
    assert admin.get(f"/staff/recurring?after={after}").text.count("/staff/recurring/") == 1


def test_page_shows_payments_giver_and_dedication(admin: Browser, gifts: Gifts) -> None:
    recurring = gifts.create_recurring(
        name="Dora", email="dora@example.org", dedication={"kind": "honour", "name": "Hanna"}
    )
    gift = gifts.create(1000, 31, recurring_id=recurring, frequency="month")
    page = admin.get(f"/staff/recurring/{recurring}").text
    for words in ("Dora", "dora@example.org", "In honour of", "Hanna", f"/staff/donations/{gift}"):
        assert words in page
    # a monthly gift carries the dedication of the recurring donation
    page = admin.get(f"/staff/donations/{gift}").text
    assert "Hanna" in page
    assert f"/staff/recurring/{recurring}" in page


@pytest.mark.parametrize("state", ["active", "at-risk", "paused"])
def test_staff_end_it_once(app: Flask, admin: Browser, gifts: Gifts, state: str) -> None:
    recurring = gifts.create_recurring(state)
    answer = admin.post(f"/staff/recurring/{recurring}/end")
    assert answer.status_code == 303
    page = admin.get(answer.location).text
    assert "is being ended" in page
    assert "End this recurring donation" not in page
    with app.app_context():
        found = db.session.get(RecurringDonation, recurring)
        assert found
        assert (found.end_reason, found.state) == ("staff", state)  # Stripe says when it has ended
    admin.post(f"/staff/recurring/{recurring}/end")
    assert "It has ended already" in admin.get(answer.location).text
    (event,) = audited(app, "recurring-donation.ended")
    assert (event.subject_id, event.actor_id) == (recurring, admin.staff_id)


def test_what_has_ended_cannot_be_ended(app: Flask, admin: Browser, gifts: Gifts) -> None:
    recurring = gifts.create_recurring("ended", end_reason="unpaid")
    assert "payments failed" in admin.get(f"/staff/recurring/{recurring}").text
    admin.post(f"/staff/recurring/{recurring}/end")
    assert audited(app, "recurring-donation.ended") == []
    assert admin.post(f"/staff/recurring/{uuid.uuid4()}/end").status_code == 404


def test_person_has_their_recurring_donations(app: Flask, admin: Browser, gifts: Gifts) -> None:
    recurring = gifts.create_recurring(email="dora@example.org", next_on=date(2031, 5, 17))
    gift = gifts.create(1000, email="dora@example.org", recurring_id=recurring)
    gifts.create_recurring(email="other@example.org", amount_minor=7700)
    with app.app_context():
        found = db.session.get(Donation, gift)
        assert found
        contact = found.contact_id
    page = admin.get(f"/staff/contacts/{contact}").text
    assert f"/staff/recurring/{recurring}" in page
    assert f"/staff/donations/{gift}" in page
    assert "next on May 17, 2031" in page
    assert "€77.00" not in page
