"""Reviewing volunteers: the steps, two people at once, sealed notes."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from config.database import db
from contacts import tally
from staff.models import AuditEvent
from staff.words import STEPS
from tests.support.instances import Instance
from tests.unit.staff.conftest import Browser, People
from volunteers.models import VolunteerNote, VolunteerSignup
from volunteers.services import REVIEW_STATES

CANARY = "prefers calls after six, brother in Hrodna"


@pytest.fixture
def signup(people: People) -> uuid.UUID:
    """A volunteer whom nobody has called."""
    return people.create_volunteer("Vera", "vera@example.org")


def state_of(app: Flask, signup: uuid.UUID) -> str:
    with app.app_context():
        found = db.session.get(VolunteerSignup, signup)
        assert found
        return found.state


def review(browser: Browser, signup: uuid.UUID, seen: str, state: str, note: str = "") -> str:
    form = {"seen": seen, "state": state, "note": note}
    answer = browser.post(f"/staff/volunteers/{signup}/review", form)
    if answer.status_code != 303:
        assert answer.status_code in {409, 422}
        return answer.text
    return browser.get(answer.location).text


def test_every_state_of_review_has_its_steps() -> None:
    assert set(STEPS) == set(REVIEW_STATES)
    assert {to for steps in STEPS.values() for to in steps} < set(REVIEW_STATES)


def test_list_shows_the_longest_waiting_first(admin: Browser, people: People) -> None:
    people.create_volunteer("Late", days_ago=1)
    people.create_volunteer("Early", days_ago=9)
    people.create_volunteer("Done", state="active")
    page = admin.get("/staff/volunteers").text
    assert page.index("Early") < page.index("Late")
    assert "Done" not in page
    assert "Done" in admin.get("/staff/volunteers?state=active").text
    assert admin.get("/staff/volunteers?state=confirmed").status_code == 404


def test_step_changes_state_counts_and_audit(app: Flask, admin: Browser, signup: uuid.UUID) -> None:
    page = review(admin, signup, "new", "contacted")
    assert "The volunteer&#39;s state is now: contacted." in page
    assert state_of(app, signup) == "contacted"
    with app.app_context():
        assert tally.total("volunteer.new") == 0
        assert tally.total("volunteer.contacted") == 1
        event = db.session.scalars(
            select(AuditEvent).where(AuditEvent.action == "volunteer.moved")
        ).one()
        assert event.actor_id == admin.staff_id
        assert event.subject_id == signup
        assert event.details == {"from": "new", "to": "contacted"}


def test_second_of_two_who_move_the_same_volunteer_is_told(
    app: Flask, admin: Browser, signup: uuid.UUID
) -> None:
    review(admin, signup, "new", "active")
    page = review(admin, signup, "new", "declined", "a note that is not kept")
    assert "Somebody else has moved this volunteer meanwhile." in page
    assert "a note that is not kept</textarea>" in page
    assert state_of(app, signup) == "active"
    with app.app_context():
        assert db.session.scalars(select(VolunteerNote)).all() == []


@pytest.mark.parametrize(
    ("seen", "state"), [("new", "pending"), ("new", "x"), ("pending", "new"), ("", "active")]
)
def test_steps_that_do_not_exist_are_refused(
    app: Flask, admin: Browser, signup: uuid.UUID, seen: str, state: str
) -> None:
    review(admin, signup, seen, state)
    assert state_of(app, signup) == "new"


def test_a_note_stays_in_the_form_when_the_state_is_missing(
    admin: Browser, signup: uuid.UUID
) -> None:
    form = {"seen": "new", "note": CANARY}
    answer = admin.post(f"/staff/volunteers/{signup}/review", form)
    assert answer.status_code == 422
    assert "Choose the new state." in answer.text
    assert f"{CANARY}</textarea>" in answer.text


def test_a_volunteer_is_called_from_the_list(admin: Browser, people: People) -> None:
    people.create_volunteer("Vera", details={"phone": "+37061234567"})
    people.create_volunteer("Vlad", "vlad?bcc=eve@example.org")
    page = admin.get("/staff/volunteers").text
    assert 'href="tel:+37061234567"' in page
    assert "+370 612 34567" in page
    assert 'href="mailto:vlad%3Fbcc%3Deve@example.org"' in page


def test_unconfirmed_volunteers_cannot_be_moved(app: Flask, admin: Browser, people: People) -> None:
    signup = people.create_volunteer("Pia", state="pending")
    review(admin, signup, "new", "active")
    assert state_of(app, signup) == "pending"


def test_unknown_volunteer_is_not_found(admin: Browser) -> None:
    address = f"/staff/volunteers/{uuid.uuid4()}/review"
    assert admin.post(address, {"seen": "new", "state": "active"}).status_code == 404


def test_notes_are_shown_and_sealed(
    app: Flask, admin: Browser, signup: uuid.UUID, instance: Instance
) -> None:
    assert CANARY in review(admin, signup, "new", "contacted", CANARY)
    admin.post(f"/staff/volunteers/{signup}/notes", {"note": f"{CANARY} again"})
    page = admin.get(f"/staff/contacts/{_contact(app, signup)}").text
    assert page.index(CANARY) < page.index(f"{CANARY} again")
    with app.app_context():
        db.session.remove()
    assert [path for path in instance.files() if holds(path, CANARY)] == []


def test_note_that_does_not_open_is_said_so(app: Flask, admin: Browser, signup: uuid.UUID) -> None:
    review(admin, signup, "new", "contacted", CANARY)
    with app.app_context():
        db.session.scalars(select(VolunteerNote)).one().sealed = b"junk"
        db.session.commit()
    page = admin.get(f"/staff/contacts/{_contact(app, signup)}")
    assert page.status_code == 200
    assert "This note cannot be opened." in page.text


@pytest.mark.parametrize("note", ["", "x" * 4001])
def test_empty_and_endless_notes_are_refused(
    app: Flask, admin: Browser, signup: uuid.UUID, note: str
) -> None:
    admin.post(f"/staff/volunteers/{signup}/notes", {"note": note})
    with app.app_context():
        assert db.session.scalars(select(VolunteerNote)).all() == []


def holds(path: Path, text: str) -> bool:
    content = path.read_bytes()
    return any(text.encode(coding) in content for coding in ("utf-8", "utf-16-le"))


def _contact(app: Flask, signup: uuid.UUID) -> uuid.UUID:
    with app.app_context():
        found = db.session.get(VolunteerSignup, signup)
        assert found
        return found.contact_id
