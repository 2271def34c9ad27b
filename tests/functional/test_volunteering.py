"""Signing up as a volunteer."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from config.database import db
from contacts import tally
from tests.support.visitor import errors, mails, volunteer
from volunteers.models import VolunteerSignup


def states() -> dict[str, int]:
    """Sign-ups by state, as counted."""
    kinds = ("pending", "new", "contacted", "active", "declined")
    found = {kind: tally.total(f"volunteer.{kind}") for kind in kinds}
    db.session.rollback()
    return {kind: n for kind, n in found.items() if n}


def test_a_sign_up_waits_for_staff_once_it_is_confirmed(client: FlaskClient) -> None:
    answer = volunteer(client, "/uk/volunteer")
    assert (answer.status_code, answer.location) == (303, "/uk/check-inbox")
    assert states() == {"pending": 1}
    (mail,) = mails()
    assert (mail.kind, mail.language) == ("confirm-sign-up", "uk")
    confirmed = client.post(mail.params["path"])
    assert (confirmed.status_code, confirmed.location) == (303, "/uk/volunteer/thanks")
    assert client.get(confirmed.location).status_code == 200
    assert states() == {"new": 1}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("phone", "12", "country code"),
        ("phone", "call me", "country code"),
        ("phone", "+999999999999999999999", "country code"),
        ("languages", "", "language"),
        ("skills", ["hacking"], ""),
        ("availability", "always", ""),
        ("message", "x" * 2001, "2000"),
        ("message", "a\x00b", "hidden"),
        ("consent", "", "Tick the box"),
    ],
)
def test_bad_input_is_told_and_kept(
    client: FlaskClient, field: str, value: object, says: str
) -> None:
    answer = volunteer(client, **{"name": "Kept Name", field: value})
    assert answer.status_code == 422
    assert any(says in sentence for sentence in errors(answer.text)), errors(answer.text)
    assert "Kept Name" in answer.text
    assert db.session.scalar(select(func.count()).select_from(VolunteerSignup)) == 0


@pytest.mark.parametrize("phone", ["", "+375 29 123-45-67", "8 612 34567"])
def test_a_phone_is_wanted_in_any_usual_form_or_not_at_all(client: FlaskClient, phone: str) -> None:
    assert volunteer(client, phone=phone).status_code == 303


def test_several_lines_are_kept(client: FlaskClient) -> None:
    assert volunteer(client, message="one\r\ntwo\r\n\r\nthree").status_code == 303
