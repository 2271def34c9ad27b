"""What somebody put right on their own page stands in the lists that staff call and write from."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from config.database import db
from contacts.my_data import services
from petitions.models import Signature
from tests.support.moments import NOW
from tests.unit.staff.conftest import Browser, People
from volunteers.models import VolunteerSignup

EMAIL, OLD, NEW = "canary@example.org", "+37060000001", "+37060000002"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def people_with_one(app: Flask, people: People) -> People:
    """Somebody who offered help and signed; their name and phone are others by now."""
    signup = people.create_volunteer("Canary Old", EMAIL, details={"phone": OLD})
    people.create_signature("Canary Old", EMAIL)
    with app.app_context():
        contact_id = people.contact_of(VolunteerSignup, signup)
        services.correct(contact_id, EMAIL, {"name": "Canary New", "phone": NEW}, LATER)
        db.session.commit()
    return people


def exported(admin: Browser) -> list[dict[str, str]]:
    """The rows of the table."""
    answer = admin.post("/staff/contacts/export", {"file": "csv"})
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


@pytest.mark.usefixtures("people_with_one")
def test_lists_and_table_have_what_was_put_right(admin: Browser) -> None:
    for path in ("/staff/volunteers", "/staff/contacts"):
        page = admin.get(path).text
        assert "Canary New" in page, path
        assert "Canary Old" not in page, path
    assert NEW in admin.get("/staff/volunteers").text.replace(" ", "")
    assert {(row["name"], row["phone"], row["email"]) for row in exported(admin)} == {
        ("Canary New", f"'{NEW}", EMAIL)
    }


@pytest.mark.usefixtures("people_with_one")
def test_deed_that_nobody_confirmed_stands_as_it_was_typed(app: Flask, admin: Browser) -> None:
    """Anybody can type somebody else's address."""
    with app.app_context():
        db.session.execute(update(Signature).values(state="pending"))
        db.session.commit()
    assert {row["kind"]: row["name"] for row in exported(admin)} == {
        "signature": "Canary Old", "volunteer": "Canary New",
    }  # fmt: skip


def test_correction_by_a_link_to_another_address_does_not_count(
    app: Flask, admin: Browser, people: People
) -> None:
    signup = people.create_volunteer("Canary Old", EMAIL, details={"phone": OLD})
    with app.app_context():
        contact_id = people.contact_of(VolunteerSignup, signup)
        services.correct(contact_id, "other@example.org", {"phone": NEW}, LATER)
        db.session.commit()
    assert OLD in admin.get("/staff/volunteers").text.replace(" ", "")
