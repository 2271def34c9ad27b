"""What somebody put right on their own page stands in the lists that staff call and write from."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from config.database import db
from contacts.models import Contact
from contacts.my_data import services
from petitions.models import Signature
from tests.support.moments import NOW
from tests.unit.staff.conftest import Browser, People
from vault.services import vault
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


@contextmanager
def statements(app: Flask, words: str) -> Iterator[list[str]]:
    """The statements with these words that reach the database meanwhile."""
    seen: list[str] = []

    def note(*given: object) -> None:
        if words in (statement := str(given[2])):
            seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


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


def test_list_and_table_have_the_address_of_today(
    app: Flask, admin: Browser, people_with_one: People
) -> None:
    with app.app_context():
        contact_id = db.session.scalars(select(Contact.id)).one()
        box = {"email": "canary-today@example.org", "before": [EMAIL]}
        sealed = vault().seal("contact", contact_id, box)
        db.session.execute(update(Contact).values(sealed=sealed))
        db.session.commit()
    rows = exported(admin)
    assert {(row["name"], row["email"]) for row in rows} == {("Canary New", box["email"])}
    assert box["email"] in admin.get("/staff/contacts").text


def test_who_wants_only_news_is_called_as_they_put_it(
    app: Flask, admin: Browser, people: People
) -> None:
    signup = people.create_volunteer("Canary Old", EMAIL, newsletter=True)
    with app.app_context():
        contact_id = people.contact_of(VolunteerSignup, signup)
        services.correct(contact_id, EMAIL, {"name": "Canary New"}, LATER)
        db.session.delete(db.session.get(VolunteerSignup, signup))
        db.session.execute(update(Contact).values(newsletter=True))
        db.session.commit()
    assert "Canary New" in admin.get("/staff/contacts?kind=news").text


@pytest.mark.parametrize("path", ["/staff/volunteers", "/staff/contacts"])
def test_one_statement_reads_what_all_of_a_page_put_right(
    app: Flask, admin: Browser, people: People, path: str
) -> None:
    correct_many(app, people)
    with statements(app, "FROM correction") as seen:
        assert admin.get(path).text.count("Canary New") >= 5
    assert len(seen) == 1


def test_one_statement_for_a_batch_of_the_table(app: Flask, admin: Browser, people: People) -> None:
    correct_many(app, people)
    with statements(app, "FROM correction") as seen:
        assert [row["name"] for row in exported(admin)] == ["Canary New"] * 5
    assert len(seen) == 1


def correct_many(app: Flask, people: People) -> None:
    """Five volunteers who have another name by now."""
    for n in range(5):
        email = f"canary-{n}@example.org"
        signup = people.create_volunteer("Canary Old", email)
        with app.app_context():
            contact_id = people.contact_of(VolunteerSignup, signup)
            services.correct(contact_id, email, {"name": "Canary New"}, LATER)
            db.session.commit()


def test_no_lock_is_held_while_a_table_leaves(
    app: Flask, admin: Browser, people_with_one: People
) -> None:
    """Whoever takes the file slowly would keep everybody from writing."""
    answer = admin.post("/staff/contacts/export", {"file": "csv"})
    pieces = answer.iter_encoded()
    next(pieces)
    assert b"Canary New" in next(pieces)
    with app.app_context():
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert not list(pieces)
