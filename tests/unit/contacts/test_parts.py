"""What each room keeps of a person: shown, taken back, moved and counted exactly."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from config.database import db
from contacts import tally
from contacts.consents import consents_of
from contacts.merging import merge
from contacts.models import Contact
from contacts.parts import Entry, part_of, parts
from donate.models import Donation, RecurringDonation
from mail.models import OutgoingEmail
from petitions.models import Signature
from tests.support.moments import NOW
from tests.support.people import (
    CHILDREN,
    PARENTS,
    confirm,
    contact_of,
    create_gift,
    create_recurring,
    create_sign_up,
    create_signature,
)
from tests.support.visitor import mails
from volunteers.models import VolunteerNote, VolunteerSignup
from volunteers.services import add_note, review

ANNA, ALSO_ANNA = "anna@example.org", "anna.k@example.org"
LATER = NOW + timedelta(days=3)


def entries(email: str) -> list[Entry]:
    return [entry for part in parts() for entry in part.entries(contact_of(email))]


def withdraw(entry: Entry, email: str) -> bool:
    part = part_of(entry.kind)
    assert part is not None
    done = part.withdraw(entry.kind, entry.id, contact_of(email), LATER)
    db.session.commit()
    return done


def count(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_entries_say_what_was_done(app: Flask) -> None:
    confirm(create_signature(ANNA, NOW), NOW)
    create_signature(ANNA, NOW)  # once more, not confirmed
    create_sign_up(ANNA, NOW)
    create_gift(ANNA, NOW)
    create_recurring(ANNA, NOW)
    with app.test_request_context("/be/"):
        found = entries(ANNA)
    assert [(entry.kind, entry.state, entry.can_withdraw) for entry in found] == [
        ("signature", "confirmed", True),
        ("volunteer", "pending", True),
        ("recurring", "active", True),
        ("donation", "paid", False),
    ]
    assert [entry.amount_minor for entry in found] == [None, None, 2_500, 2_500]


def test_a_withdrawn_signature_leaves_count_row_and_mail(app: Flask) -> None:
    confirm(create_signature(ANNA, NOW), NOW)
    create_signature(ANNA, NOW)
    confirm(create_signature("other@example.org", NOW), NOW)
    (entry,) = entries(ANNA)
    assert not withdraw(entry, "other@example.org")  # somebody else's
    assert withdraw(entry, ANNA)
    assert not withdraw(entry, ANNA)
    assert count(Signature) == 1
    assert tally.total("signature.confirmed") == 1
    assert tally.total("signature.pending") == 0
    # of the countries only what needs no key is known
    assert tally.by_country("signature.confirmed", least=1) == {"LT": 2}
    assert [(row.purpose, row.is_given) for row in consents_of(contact_of(ANNA))] == [
        ("signature", False),
        ("signature", True),
    ]
    kept = db.session.execute(select(OutgoingEmail.idem_key, OutgoingEmail.blob)).all()
    assert sum(key.startswith("gone:") and blob is None for key, blob in kept) == 2
    db.session.rollback()


def test_a_count_is_on_every_day_what_it_was_then(app: Flask) -> None:
    confirm(create_signature(ANNA, NOW), NOW)
    withdraw(*entries(ANNA), ANNA)
    days = {NOW.date().isoformat(): 1, LATER.date().isoformat(): -1}
    assert tally.by_day("signature.confirmed", CHILDREN) == days


@pytest.mark.parametrize("state", ["pending", "new", "active"])
def test_a_withdrawn_volunteer_leaves_the_count_of_the_state(app: Flask, state: str) -> None:
    token = create_sign_up(ANNA, NOW)
    (signup_id,) = db.session.scalars(select(VolunteerSignup.id))
    if state != "pending":
        confirm(token, NOW)
        review(signup_id, "new", state, NOW)
        add_note(signup_id, signup_id, "Called.", ANNA, NOW)
        db.session.commit()
    assert tally.total(f"volunteer.{state}") == 1
    assert withdraw(*entries(ANNA), ANNA)
    assert (count(VolunteerSignup), count(VolunteerNote)) == (0, 0)
    assert {tally.total(f"volunteer.{name}") for name in ("pending", "new", "active")} == {0}


def test_a_recurring_gift_is_ended_and_a_gift_is_not_taken_back(app: Flask) -> None:
    create_gift(ANNA, NOW)
    recurring = create_recurring(ANNA, NOW)
    found = {entry.kind: entry for entry in entries(ANNA)}
    assert not withdraw(found["donation"], ANNA)
    assert withdraw(found["recurring"], ANNA)
    db.session.refresh(recurring)
    assert (recurring.end_reason, recurring.state) == ("donor", "active")  # the worker tells Stripe
    assert not any(entry.can_withdraw for entry in entries(ANNA))


def test_of_two_signatures_of_one_person_one_counts(app: Flask) -> None:
    for email in (ANNA, ALSO_ANNA):
        confirm(create_signature(email, NOW, news=True), NOW)
    confirm(create_signature(ALSO_ANNA, NOW, PARENTS), NOW)
    create_gift(ALSO_ANNA, NOW)
    create_recurring(ALSO_ANNA, NOW)
    stays = contact_of(ANNA)
    assert merge(contact_of(ALSO_ANNA), stays, LATER)
    db.session.commit()
    assert tally.total("signature.confirmed", CHILDREN) == 1
    assert tally.total("signature.confirmed", PARENTS) == 1
    states = sorted(db.session.scalars(select(Signature.state)))
    assert states == ["confirmed", "confirmed", "repeated"]
    for model in (Signature, Donation, RecurringDonation):
        assert set(db.session.scalars(select(model.contact_id))) == {stays}
    assert count(Contact) == 1
    assert len([entry for entry in entries(ANNA) if entry.kind == "signature"]) == 2


def test_mails_that_wait_go_with_the_deed_and_count_for_the_day(app: Flask) -> None:
    """The cap on mails to one address numbers the day's rows: none may be missing."""
    for _number in range(2):
        create_signature(ANNA, NOW)
        withdraw(*entries(ANNA), ANNA)
    create_signature(ANNA, NOW)
    assert set(db.session.scalars(select(OutgoingEmail.cap_slot))) == {0, 1, 2}


def test_every_box_that_a_part_names_opens_under_its_table(app: Flask) -> None:
    names = {(one.table, one.column) for part in parts() for one in part.sealed}
    assert names == {
        ("signature", "sealed"),
        ("volunteer_signup", "sealed"),
        ("volunteer_note", "sealed"),
        ("donation", "sealed"),
        ("donation.dedication", "dedication"),
        ("recurring_donation", "sealed"),
        ("recurring_donation.dedication", "dedication"),
    }
    assert not mails()
