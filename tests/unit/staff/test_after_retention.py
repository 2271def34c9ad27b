"""Staff's pages where a petition has closed and its signatures are a count."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import update

from config.database import db
from contacts.jobs import run_retention
from petitions.models import Petition, Signature
from staff.people.deeds import Filters, count_deeds, page_of_deeds
from tests.support.moments import NOW
from tests.unit.staff.conftest import Browser, People


def close_and_run(app: Flask) -> None:
    """Close every petition long ago and let the retention run."""
    with app.app_context():
        db.session.execute(update(Petition).values(closes_on=NOW.date() - timedelta(days=100)))
        db.session.commit()
        run_retention(NOW)


def test_who_wants_news_stays_to_be_found_and_the_rest_is_a_count(
    app: Flask, admin: Browser, people: People
) -> None:
    reader = people.contact_of(Signature, people.create_signature("Ada", newsletter=True))
    signer = people.contact_of(Signature, people.create_signature("Eva"))
    close_and_run(app)
    assert admin.get(f"/staff/contacts/{signer}").status_code == 404
    page = admin.get(f"/staff/contacts/{reader}").text
    assert "ada@example.org" in page
    assert "Only the address is left." in page
    assert "What they did" not in page
    assert "There is nothing of this kind." in admin.get("/staff/contacts").text
    for address in ("/staff/contacts?newsletter=yes", "/staff/contacts?kind=news"):
        listed = admin.get(address).text
        assert "ada@example.org" in listed
        assert f"/staff/contacts/{reader}" in listed
    assert "Petition" in admin.get("/staff/").text


def test_only_those_without_a_deed_stand_for_themselves(app: Flask, people: People) -> None:
    people.create_signature("Ada", newsletter=True)
    people.create_donation("Ada")
    people.create_signature("Eva", newsletter=True)
    close_and_run(app)
    with app.app_context():
        wanting = Filters(newsletter="yes")
        kinds = [row.kind for row in page_of_deeds(wanting)]
        assert sorted(kinds) == ["donation", "news"]
        assert count_deeds(wanting) == 2
        assert [row.table for row in page_of_deeds(Filters(kind="news"))] == ["contact"]
        assert page_of_deeds(Filters(newsletter="no")) == []
        assert count_deeds(Filters(kind="news", campaign="families")) == 0
