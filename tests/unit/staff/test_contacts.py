"""The list of contacts, the search for one address, and one person's page."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import update

from config.database import db
from contacts.models import Contact
from donate.models import Donation
from petitions.models import Signature
from staff.people import deeds
from staff.people.deeds import Filters
from tests.unit.staff.conftest import PETITION, Browser, People
from vault.services import vault
from volunteers.models import VolunteerSignup

OTHER_PETITION = "home-to-their-children"


def names_on(page: str) -> list[str]:
    table = page[page.index("<tbody") : page.index("</tbody")]
    return re.findall(r"<bdi>([^<]*)</bdi>", table)


def test_list_shows_every_kind_newest_first(admin: Browser, people: People) -> None:
    people.create_signature("Ada", days_ago=2)
    people.create_donation("Dora", days_ago=1)
    people.create_volunteer("Vera")
    page = admin.get("/staff/contacts").text
    assert names_on(page) == ["Vera", "Dora", "Ada"]
    assert "ada@example.org" in page
    assert "€25.00" in page
    assert "Bring the children home" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("kind=signature", ["Ada", "Zoe", "Pia"]),
        ("kind=volunteer", ["Vera"]),
        (f"campaign={OTHER_PETITION}", ["Zoe"]),
        ("campaign=families", ["Dora"]),
        ("state=pending", ["Pia"]),
        ("state=new", ["Vera"]),
        ("newsletter=yes", ["Zoe"]),
        ("kind=signature&newsletter=no", ["Ada", "Pia"]),
        ("kind=donation&state=confirmed", []),
    ],
)
def test_filters_narrow_the_list(
    admin: Browser, people: People, query: str, expected: list[str]
) -> None:
    people.create_signature("Ada", days_ago=1)
    people.create_signature("Zoe", days_ago=2, petition=OTHER_PETITION, newsletter=True)
    people.create_signature("Pia", days_ago=3, state="pending")
    people.create_volunteer("Vera")
    people.create_donation("Dora")
    page = admin.get(f"/staff/contacts?{query}").text
    assert names_on(page) == expected


def test_unknown_filter_filters_nothing(admin: Browser, people: People) -> None:
    people.create_signature("Ada")
    answer = admin.get("/staff/contacts?kind=%00&state=<x>&campaign=' OR 1=1&after=nonsense")
    assert answer.status_code == 200
    assert names_on(answer.text) == ["Ada"]


def test_pages_of_fifty_show_each_deed_once(admin: Browser, people: People) -> None:
    for n in range(34):
        people.create_signature(f"S{n}", days_ago=n % 3)
    for n in range(34):
        people.create_donation(f"D{n}", days_ago=n % 3)
    first = admin.get("/staff/contacts?newsletter=no").text
    found = re.search(r'rel="next"\s+href="([^"]+)"', first)
    assert found
    second = admin.get(found[1].replace("&amp;", "&")).text
    assert 'rel="next"' not in second
    assert len(names_on(first)) == 50
    shown = names_on(first) + names_on(second)
    assert sorted(shown) == sorted(f"{kind}{n}" for kind in "SD" for n in range(34))


def test_batches_of_an_export_hold_each_deed_once(app: Flask, people: People) -> None:
    for n in range(7):
        people.create_signature(f"S{n}", days_ago=n % 2)
        people.create_volunteer(f"V{n}")
    with app.app_context():
        batches = list(deeds.all_deeds(Filters(), size=3))
        assert [len(batch) for batch in batches] == [3, 3, 3, 3, 2]
        assert len({row.id for batch in batches for row in batch}) == 14
        assert deeds.count_deeds(Filters()) == 14


def test_exact_address_finds_the_person(admin: Browser, people: People) -> None:
    signature = people.create_signature("Ada", "ada@example.org")
    answer = admin.post("/staff/contacts/search", {"email": " Ada@EXAMPLE.org "})
    contact = people.contact_of(Signature, signature)
    assert answer.status_code == 303
    assert answer.location == f"/staff/contacts/{contact}"


def test_unknown_address_is_said_so_and_kept_in_the_form(admin: Browser) -> None:
    answer = admin.post("/staff/contacts/search", {"email": "nobody@example.org"})
    assert answer.status_code == 404
    assert "Nobody is known by this address." in answer.text
    assert 'value="nobody@example.org"' in answer.text


def test_search_works_when_the_index_key_was_lost_meanwhile(
    app: Flask, admin: Browser, people: People
) -> None:
    people.create_signature("Ada", "ada@example.org")
    with app.app_context():
        vault().keys.drop()
    answer = admin.post("/staff/contacts/search", {"email": "ada@example.org"})
    assert answer.status_code == 303


def test_person_page_shows_everything_one_person_did(admin: Browser, people: People) -> None:
    signup = people.create_volunteer(
        "Ada Old", "ada@example.org", days_ago=5, details={"phone": "+37061234567"}
    )
    people.create_signature("Ada Newer", "ada@example.org", days_ago=1)
    people.create_signature("Mallory", "ada@example.org", state="pending", petition=OTHER_PETITION)
    people.create_donation("Ada Donor", "ada@example.org", days_ago=3)
    contact = people.contact_of(VolunteerSignup, signup)
    page = admin.get(f"/staff/contacts/{contact}").text
    heading = re.search(r"<h1>\s*<bdi>([^<]*)</bdi>", page)
    assert heading
    assert heading[1] == "Ada Newer", "the newest confirmed name, not what anybody typed later"
    for shown in ("Ada Old", "Mallory", "Ada Donor", "+37061234567", "€25.00"):
        assert shown in page
    assert "I agree to this &amp; that." in page


def test_names_are_escaped(admin: Browser, people: People) -> None:
    evil = '<script>alert("1")</script>'
    signup = people.create_volunteer(evil, "evil@example.org", details={"message": evil})
    contact = people.contact_of(VolunteerSignup, signup)
    for address in ("/staff/contacts", "/staff/volunteers", f"/staff/contacts/{contact}"):
        page = admin.get(address).text
        assert "<script" not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize("model", [Signature, Donation, VolunteerSignup])
def test_box_that_does_not_open_is_shown_as_such(
    app: Flask, admin: Browser, people: People, model: type[Signature]
) -> None:
    ids = {
        Signature: people.create_signature("Ada"),
        Donation: people.create_donation("Dora"),
        VolunteerSignup: people.create_volunteer("Vera"),
    }
    with app.app_context():
        broken = update(model).where(model.id == ids[model]).values(sealed=b"\x01\x00\x01junk")
        db.session.execute(broken)
        db.session.commit()
    page = admin.get("/staff/contacts")
    assert page.status_code == 200
    assert "cannot be opened" in page.text
    assert len(names_on(page.text)) == 2
    person = admin.get(f"/staff/contacts/{people.contact_of(model, ids[model])}")
    assert person.status_code == 200
    assert "This cannot be opened" in person.text


def test_contact_that_does_not_open_still_has_a_page(
    app: Flask, admin: Browser, people: People
) -> None:
    contact = people.contact_of(Signature, people.create_signature("Ada"))
    with app.app_context():
        db.session.execute(update(Contact).values(sealed=b""))
        db.session.commit()
    page = admin.get(f"/staff/contacts/{contact}")
    assert page.status_code == 200
    assert "cannot be opened" in page.text


def test_pages_name_no_other_language_than_the_readers(admin: Browser, people: People) -> None:
    people.create_signature("Ada")
    page = admin.get("/staff/contacts", headers={"Accept-Language": "uk"}).text
    assert '<html lang="uk" dir="ltr">' in page
    assert PETITION not in page.split("<tbody", 1)[1].split("</tbody", 1)[0]


def test_empty_list_leads_back_and_offers_no_export(admin: Browser, people: People) -> None:
    people.create_signature("Ada")
    page = admin.get("/staff/contacts?kind=donation").text
    assert "There is nothing of this kind." in page
    assert "All contacts" in page
    assert "/staff/contacts/export" not in page
    assert "/staff/contacts/export" in admin.get("/staff/contacts").text
