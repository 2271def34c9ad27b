"""Sign-ups without the index key are indexed and merged when a key holder comes."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, insert, select, update

from config.database import db
from contacts import confirmations, tally
from contacts.models import Consent, Contact, CopyRequest, Correction, PrivateLink
from contacts.services import Agreed, consent_text
from donate.models import Donation
from mail.models import OutgoingEmail
from petitions.models import Signature
from staff.models import AuditEvent
from staff.work.indexing import Indexing
from staff.work.keyed_thread import background
from tests.support.moments import NOW
from tests.support.visitor import mails, sign
from tests.unit.staff.conftest import PETITION, Browser, People, new_client
from tests.unit.staff.keyed import Desk
from vault.services import vault
from volunteers.models import VolunteerSignup

ADA = "ada@example.org"


@pytest.fixture
def desk(app: Flask, holder_key: bytes) -> Desk:
    """A key holder."""
    return Desk(app, holder_key)


def counts(app: Flask) -> dict[str, Any]:
    """What pages and staff see."""
    with app.app_context():
        return {
            "confirmed": tally.total("signature.confirmed", PETITION),
            "pending": tally.total("signature.pending", PETITION),
            "new": tally.total("volunteer.new"),
            "countries": tally.by_country("signature.confirmed", PETITION, least=1),
        }


def contacts(desk: Desk) -> list[Any]:
    return desk.read(select(Contact.id, Contact.email_index, Contact.state, Contact.newsletter))


def test_person_known_before_and_after_the_power_cut_is_one_again(
    app: Flask, desk: Desk, people: People
) -> None:
    first = people.create_signature("Ada", ADA, days_ago=3)
    desk.lose_keys()
    second = people.create_signature("Ada", "Ada@EXAMPLE.org", newsletter=True)
    stays = people.contact_of(Signature, second)  # whom links in newsletters name
    people.create_volunteer("Ada", ADA)
    people.create_donation("Ada", ADA)
    assert len(contacts(desk)) == 4
    assert counts(app)["confirmed"] == 2
    assert desk.work() == 3
    assert [(row.id, row.state, row.newsletter) for row in contacts(desk)] == [
        (stays, "confirmed", True)
    ]
    assert counts(app) == {"confirmed": 1, "pending": 0, "new": 1, "countries": {"LT": 1}}
    states = dict(desk.read(select(Signature.id, Signature.state)))
    assert sorted(states.values()) == ["confirmed", "repeated"]
    assert set(states) == {first, second}
    owners = [desk.read(select(model.contact_id)) for model in (VolunteerSignup, Donation)]
    assert owners == [[(stays,)], [(stays,)]]
    assert desk.figures("index") == (3, 0)
    merged = select(AuditEvent.subject_id).where(AuditEvent.action == "contacts.merged")
    noted = desk.read(merged.order_by(AuditEvent.seq))
    assert (len(noted), noted[-1]) == (3, (stays,))


def test_people_of_different_addresses_stay_apart(desk: Desk, people: People) -> None:
    desk.lose_keys()
    people.create_signature("Ada", ADA)
    people.create_signature("Eva", "eva@example.org")
    assert desk.work() == 2
    found = contacts(desk)
    assert len({row.email_index for row in found} - {None}) == 2


def test_whoever_confirmed_stays_and_what_hangs_on_the_other_moves(
    app: Flask, desk: Desk, people: People
) -> None:
    desk.lose_keys()
    pending = people.create_signature("Ada", ADA, state="pending", days_ago=3)
    confirmed = people.create_signature("Ada", ADA)
    goes, stays = (people.contact_of(Signature, deed) for deed in (pending, confirmed))
    with app.app_context():
        db.session.execute(update(Contact).where(Contact.id == goes).values(is_discreet=True))
        link = {"hash": b"h" * 32, "purpose": "my-data", "expires_at": NOW + timedelta(hours=1)}
        db.session.execute(insert(PrivateLink).values(contact_id=goes, **link))
        copy = {"language": "en", "asked_at": NOW, "expires_at": NOW + timedelta(days=1)}
        db.session.execute(insert(CopyRequest).values(id=uuid.uuid4(), contact_id=goes, **copy))
        correction = uuid.uuid4()
        box = vault().seal("correction", correction, {"name": "Ada L."})
        db.session.execute(
            insert(Correction).values(id=correction, contact_id=goes, sealed=box, day=NOW.date())
        )
        db.session.commit()
    desk.work()
    with app.app_context():
        kept = db.session.scalars(select(Contact)).one()
        # the wish in a form that nobody confirmed is nobody's
        assert (kept.id, kept.state, kept.is_discreet) == (stays, "confirmed", False)
        assert kept.day == (NOW - timedelta(days=3)).date()
    for model in (PrivateLink, CopyRequest, Correction):
        assert desk.read(select(model.contact_id)) == [(stays,)]
    assert desk.read(select(func.count()).select_from(Consent)) == [(2,)]
    assert set(desk.read(select(Consent.contact_id))) == {(stays,)}


@pytest.mark.parametrize(("withdrawn_days_ago", "expected"), [(9, True), (1, False), (2, False)])
def test_news_end_with_the_last_word_of_the_ledger(
    app: Flask, desk: Desk, people: People, withdrawn_days_ago: int, expected: bool
) -> None:
    silent = people.contact_of(Signature, people.create_signature("Ada", ADA, days_ago=12))
    desk.lose_keys()
    wants = people.contact_of(Signature, people.create_signature("Ada", ADA, newsletter=True))
    with app.app_context():
        words = consent_text(Agreed("newsletter", "News, please."), "en", NOW.date())
        for contact_id, days_ago, is_given in (
            (silent, 11, True), (silent, withdrawn_days_ago, False), (wants, 2, True),
        ):  # fmt: skip
            day = NOW.date() - timedelta(days=days_ago)
            row = {"purpose": "newsletter", "text_hash": words, "is_given": is_given, "day": day}
            ids = {"id": uuid.uuid4(), "deed_id": uuid.uuid4(), "contact_id": contact_id}
            db.session.execute(insert(Consent).values(**ids, **row))
        db.session.commit()
    desk.work()
    assert [row.newsletter for row in contacts(desk)] == [expected]


def test_box_that_does_not_open_is_passed_over_counted_and_logged_once(
    app: Flask, desk: Desk, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    desk.lose_keys()
    broken = people.contact_of(Signature, people.create_signature("Ada", ADA))
    people.create_signature("Eva", "eva@example.org")
    with app.app_context():
        junk = update(Contact).where(Contact.id == broken).values(sealed=b"\x01\x00\x01junk")
        db.session.execute(junk)
        db.session.commit()
    assert [desk.work(), desk.work()] == [1, 0]
    assert desk.figures("lease") == (0, 1)
    assert caplog.text.count(str(broken)) == 1
    assert [row.email_index for row in contacts(desk) if row.id == broken] == [None]


def test_fifty_parallel_sign_ups_are_one_contact_with_the_key_and_soon_without(
    app: Flask, desk: Desk, engine_name: str
) -> None:
    def sign_many() -> None:
        threads = [
            threading.Thread(target=lambda: sign(new_client(app), email=ADA)) for _ in range(50)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    sign_many()
    assert len(contacts(desk)) == 1
    desk.lose_keys()
    sign_many()
    assert len(contacts(desk)) == 51
    assert desk.work() == 50
    assert len(contacts(desk)) == 1
    assert desk.read(select(func.count()).select_from(Signature)) == [(100,)]
    assert counts(app)["pending"] == 100


def test_person_who_signs_before_and_after_a_power_cut_is_counted_once_over_http(
    app: Flask, desk: Desk, browser_of: Callable[[str], Browser]
) -> None:
    visitor = new_client(app)

    def sign_and_confirm() -> None:
        assert sign(visitor, email=ADA).status_code == 303
        with app.app_context():
            path = mails()[-1].params["path"]
            db.session.execute(delete(OutgoingEmail))
            db.session.commit()
        assert visitor.post(path).status_code == 303

    sign_and_confirm()
    desk.lose_keys()
    sign_and_confirm()
    assert counts(app)["confirmed"] == 2, "nobody could tell that it is the same person"
    browser_of("contacts").get("/staff/")
    with app.app_context():
        thread = background().thread
    assert thread
    thread.join(20)
    assert counts(app) == {"confirmed": 1, "pending": 0, "new": 0, "countries": {"LT": 1}}
    sign_and_confirm()
    assert counts(app)["confirmed"] == 1
    assert len(contacts(desk)) == 1


def test_confirming_while_two_contacts_become_one_reaches_the_one_who_stays(
    app: Flask, desk: Desk, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes = people.contact_of(Signature, people.create_signature("Ada", ADA, state="pending"))
    stays = people.contact_of(VolunteerSignup, people.create_volunteer("Eva", state="pending"))
    with app.app_context():
        (path,) = [mail.params["path"] for mail in mails() if mail.kind == "confirm-signature"]
    find = confirmations.find

    def find_and_merge(*given: Any) -> confirmations.Found:
        found = find(*given)
        for model in (Signature, Consent):
            moved = update(model).where(model.contact_id == goes).values(contact_id=stays)
            db.session.execute(moved.execution_options(synchronize_session=False))
        db.session.execute(delete(Contact).where(Contact.id == goes))
        return found

    monkeypatch.setattr(confirmations, "find", find_and_merge)
    with app.app_context():
        confirmations.confirm(path.rsplit("/", 1)[1], NOW)
        db.session.commit()
        assert db.session.scalars(select(Contact.state)).all() == ["confirmed"]


def test_each_merge_has_a_transaction_of_its_own(
    app: Flask, desk: Desk, people: People, holder_key: bytes
) -> None:
    """Who confirms locks the deed and then the contact: who merges must hold no contact before."""
    people.create_signature("Ada", ADA)
    desk.lose_keys()
    for email in (ADA, ADA, "eva@example.org", "eva@example.org", "ira@example.org"):
        people.create_signature("P", email)
    step, place, sizes = Indexing(), None, []
    with app.app_context():
        opener = vault().open_with(holder_key)
        while batch := step.read(opener, NOW, place):
            before = db.session.scalar(select(func.count()).select_from(Contact))
            step.write(opener, batch, NOW)
            after = db.session.scalar(select(func.count()).select_from(Contact))
            sizes.append((len(batch.rows), before - after))
            db.session.commit()
            place = batch.place
    assert sum(size for size, _merged in sizes) == 5
    assert [size for size, merged in sizes if merged] == [1, 1, 1]
    assert len(contacts(desk)) == 3
