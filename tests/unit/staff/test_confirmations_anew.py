"""Confirmations that were lost with the mail key are written anew by the first key holder."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from config.database import db
from contacts import confirmations, tally
from contacts.models import Contact
from mail.models import OutgoingEmail, State
from mail.traces import forget_deeds
from petitions.models import Signature
from staff.work.confirmations_anew import count_lost
from tests.support.moments import NOW
from tests.support.visitor import Mail, mails
from tests.unit.staff.conftest import PETITION, People
from tests.unit.staff.keyed import Desk
from volunteers.models import VolunteerSignup


@pytest.fixture
def desk(app: Flask, holder_key: bytes) -> Desk:
    """A key holder."""
    return Desk(app, holder_key)


def lose_mails(desk: Desk) -> None:
    """The power goes, and the worker finds out which mails nobody can read."""
    desk.lose_keys()
    with desk.app.app_context():
        db.session.execute(update(OutgoingEmail).values(state=State.UNREADABLE, blob=None))
        db.session.commit()


def waiting(app: Flask) -> list[Mail]:
    with app.app_context():
        db.session.execute(OutgoingEmail.__table__.delete().where(OutgoingEmail.blob.is_(None)))
        return mails()


def token_of(mail: Mail) -> str:
    return mail.params["path"].rsplit("/", 1)[1]


def test_lost_confirmation_is_mailed_anew_and_counts_with_its_country(
    app: Flask, desk: Desk, people: People
) -> None:
    with_old = people.create_signature("Ada", "ada@example.org", state="pending")
    with app.app_context():
        old = [mail for mail in mails() if mail.to == "ada@example.org"][0]
    people.create_volunteer("Vera", "vera@example.org", state="pending")
    lose_mails(desk)
    assert desk.work() == 2
    found = {mail.to: mail for mail in waiting(app)}
    assert {to: mail.kind for to, mail in found.items()} == {
        "ada@example.org": "confirm-signature",
        "vera@example.org": "confirm-sign-up",
    }
    new = found["ada@example.org"]
    with app.app_context():
        assert confirmations.confirm(token_of(old), NOW).outcome.value == "unknown"
        assert confirmations.confirm(token_of(new), NOW).outcome.value == "confirmed"
        db.session.commit()
        assert tally.by_country("signature.confirmed", PETITION, least=1) == {"LT": 1}
        deed = db.session.get(Signature, with_old)
        assert deed
        assert deed.state == "confirmed"


def test_wish_for_discreet_mails_is_kept(app: Flask, desk: Desk, people: People) -> None:
    people.create_volunteer("Vera", state="pending", details={"is_discreet": True})
    lose_mails(desk)
    desk.work()
    (mail,) = waiting(app)
    with app.app_context():
        confirmations.confirm(token_of(mail), NOW)
        assert db.session.scalars(select(Contact.is_discreet)).one()


@pytest.mark.parametrize(("days", "expected"), [(7, 1), (8, 0)])
def test_only_within_the_seven_days(desk: Desk, people: People, days: int, expected: int) -> None:
    people.create_signature("Ada", state="pending", days_ago=days)
    lose_mails(desk)
    assert desk.work() == expected


def test_address_gets_no_more_than_its_share_and_the_rest_waits(
    app: Flask, desk: Desk, people: People
) -> None:
    share = app.extensions["vigil_settings"].mails_per_address
    for n in range(share + 1):
        people.create_volunteer(f"V{n}", "vera@example.org", state="pending", days_ago=n % 2)
    with app.app_context():
        before = set(db.session.scalars(select(VolunteerSignup.confirm_hash)))
    lose_mails(desk)
    with app.app_context():  # another key counts another share
        db.session.execute(update(OutgoingEmail).values(cap_key=None, cap_slot=None))
        db.session.commit()
    rows = desk.read(select(OutgoingEmail.state))
    done = desk.work()
    assert done == min(share, len(rows))
    assert desk.read(select(OutgoingEmail.state)).count((State.UNREADABLE,)) == len(rows) - done
    with app.app_context():
        after = set(db.session.scalars(select(VolunteerSignup.confirm_hash)))
    assert len(before - after) == done, "whoever gets no mail keeps the link"


@pytest.mark.parametrize("change", ["confirmed", "sent", "reminder"])
def test_what_was_not_lost_is_left_alone(
    app: Flask, desk: Desk, people: People, change: str
) -> None:
    state = "confirmed" if change == "confirmed" else "pending"
    people.create_signature("Ada", state=state)
    lose_mails(desk)
    values: dict[str, Any] = {
        "confirmed": {},
        "sent": {"state": State.SENT},
        "reminder": {"kind": "remind-signature"},
    }[change]
    with app.app_context():
        if values:
            db.session.execute(update(OutgoingEmail).values(values))
            db.session.commit()
    assert desk.work() == 0
    assert waiting(app) == []


def test_mail_is_written_once_however_often_somebody_signs_in(
    app: Flask, desk: Desk, people: People
) -> None:
    people.create_signature("Ada", state="pending")
    lose_mails(desk)
    assert [desk.work(), desk.work()] == [1, 0]
    assert len(waiting(app)) == 1
    assert timedelta(0) < timedelta(days=1)


def test_mail_of_an_erased_deed_stops_nothing(app: Flask, desk: Desk, people: People) -> None:
    gone = people.create_signature("Ada", state="pending")
    people.create_signature("Eva", "eva@example.org", state="pending")
    with app.app_context():
        forget_deeds([gone])
        db.session.commit()
    lose_mails(desk)
    with app.app_context():
        assert db.session.scalar(count_lost(NOW)) == 1
    assert desk.work() == 1
    assert [mail.to for mail in waiting(app)] == ["eva@example.org"]
