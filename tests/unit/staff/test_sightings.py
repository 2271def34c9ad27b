"""Whoever sees a person is noted, by ids, before the page leaves."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from config.database import db
from contacts.models import Contact
from donate.models import Donation
from petitions.models import Signature
from staff.log import sightings
from staff.models import AuditEvent
from tests.unit.staff.conftest import Browser, People
from tests.unit.staff.giving import Gifts, audited
from volunteers.models import VolunteerSignup


def seen(app: Flask) -> list[tuple[str, uuid.UUID | None, uuid.UUID | None]]:
    """What was seen by whom: kind, id, member."""
    return [
        (event.subject_kind, event.subject_id, event.actor_id)
        for event in audited(app, "contact.seen")
    ]


def listed(app: Flask) -> list[dict[str, object]]:
    return [dict(event.details) for event in audited(app, "contacts.listed")]


def test_person_seen_is_noted_once_in_ten_minutes(
    app: Flask, browser_of: Callable[[str], Browser], people: People
) -> None:
    contact = people.contact_of(Signature, people.create_signature("Ada"))
    one, other = browser_of("contacts"), browser_of("admin")
    for browser in (one, one, other):
        assert "Ada" in browser.get(f"/staff/contacts/{contact}").text
    assert seen(app) == [("contact", contact, one.staff_id), ("contact", contact, other.staff_id)]
    with app.app_context():
        at = db.session.scalars(select(AuditEvent.at).where(AuditEvent.actor_id == one.staff_id))
        then = min(at) - sightings.AGAIN_AFTER - timedelta(seconds=1)
        db.session.execute(update(AuditEvent).values(at=then))
        db.session.commit()
    one.get(f"/staff/contacts/{contact}")
    assert len(seen(app)) == 3


def test_nobody_seen_is_not_noted(app: Flask, admin: Browser) -> None:
    assert admin.get(f"/staff/contacts/{uuid.uuid4()}").status_code == 404
    admin.get("/staff/contacts")
    assert (seen(app), listed(app)) == ([], [])


def test_lists_are_noted_with_filters_and_ids(app: Flask, admin: Browser, people: People) -> None:
    ada = people.contact_of(Signature, people.create_signature("Ada"))
    vera = people.contact_of(VolunteerSignup, people.create_volunteer("Vera"))
    people.create_volunteer("Vera", days_ago=1)
    admin.get("/staff/contacts")
    admin.get("/staff/contacts?kind=signature&state=nonsense")
    admin.get("/staff/volunteers")
    both, one, volunteers = listed(app)
    assert both.keys() == {"contacts"}
    assert sorted(both["contacts"]) == sorted([str(ada), str(vera)])  # type: ignore[call-overload]
    assert one == {"kind": "signature", "contacts": [str(ada)]}
    assert volunteers == {"kind": "volunteer", "state": "new", "contacts": [str(vera)]}


def test_gift_that_shows_who_gave_is_noted(
    app: Flask, browser_of: Callable[[str], Browser], gifts: Gifts, people: People
) -> None:
    admin = browser_of("admin")
    gift = people.create_donation("Dora")
    assert "Dora" in admin.get(f"/staff/donations/{gift}").text
    assert seen(app) == [("contact", people.contact_of(Donation, gift), admin.staff_id)]


def test_gift_of_nobody_known_is_noted_by_its_own_id(
    app: Flask, admin: Browser, people: People
) -> None:
    gift = people.create_donation("Dora")
    with app.app_context():
        db.session.execute(update(Donation).values(contact_id=None))
        db.session.commit()
    admin.get(f"/staff/donations/{gift}")
    assert seen(app) == [("donation", gift, admin.staff_id)]


def test_recurring_donation_notes_who_gives(app: Flask, admin: Browser, gifts: Gifts) -> None:
    recurring = gifts.create_recurring(name="Olga", email="olga@example.org")
    assert "Olga" in admin.get(f"/staff/recurring/{recurring}").text
    assert len(seen(app)) == 1


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_totals_show_nobody(
    app: Flask, browser_of: Callable[[str], Browser], people: People, role: str
) -> None:
    people.create_signature("Ada")
    browser_of(role).get("/staff/")
    assert (seen(app), listed(app)) == ([], [])


def test_log_shows_whom_a_list_showed(app: Flask, admin: Browser, people: People) -> None:
    contact = people.contact_of(Signature, people.create_signature("Ada"))
    admin.get("/staff/contacts")
    page = admin.get("/staff/audit?show=seen").text
    assert "People listed" in page
    assert str(contact) in page
    assert "Ada" not in page
    assert "Vault made" not in page
    with app.app_context():
        assert db.session.get(Contact, contact)


def test_announced_transfer_that_fills_the_form_is_noted(
    app: Flask, admin: Browser, gifts: Gifts
) -> None:
    reference = "RF18539007547034"
    gifts.create(
        500, method="transfer", state="created", reference=reference, email="olga@example.org"
    )
    assert "olga@example.org" not in admin.get("/staff/donations/new").text
    assert seen(app) == []
    assert "olga@example.org" in admin.get(f"/staff/donations/new?reference={reference}").text
    assert len(seen(app)) == 1
