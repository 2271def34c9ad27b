"""A copy of all that is kept of somebody: released by a key holder, opened by its link alone."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, text, update
from sqlalchemy.event import listen, remove

from config.database import db
from contacts import consents, links
from contacts.models import ConsentText, Contact, CopyRequest, Correction
from contacts.my_data import copies, services
from contacts.services import hash_of, token_from_path
from donate.models import Donation
from mail.models import OutgoingEmail
from petitions.models import Signature
from staff.models import AuditEvent
from staff.people import copies as releasing
from tests.support.moments import NOW
from tests.support.visitor import Mail, mails, post_form
from tests.unit.staff.conftest import Browser, People, change_sessions, new_client
from vault.services import vault
from volunteers.models import VolunteerNote, VolunteerSignup
from volunteers.services import add_note

NAME, EMAIL = "Canary Каваленка", "canary-copy@example.org"


@pytest.fixture
def contact_id(app: Flask, people: People, admin: Browser) -> uuid.UUID:
    """Somebody who signed, offered help, gave, and corrected their details."""
    people.create_signature(NAME, EMAIL, days_ago=1)
    details = {"phone": "+37061234567", "skills": ["legal"], "message": "canary-message <b>"}
    signup_id = people.create_volunteer(NAME, EMAIL, details=details)
    people.create_donation(NAME, EMAIL)
    contact_id = people.contact_of(VolunteerSignup, signup_id)
    with app.app_context():
        assert admin.staff_id
        add_note(signup_id, admin.staff_id, "canary-note", EMAIL, NOW)
        services.correct(contact_id, EMAIL, {"name": "Canary Newname"}, NOW)
        db.session.commit()
    return contact_id


@pytest.fixture
def request_id(app: Flask, contact_id: uuid.UUID) -> uuid.UUID:
    """Their wish for a copy, in Ukrainian."""
    with app.app_context():
        assert copies.ask_for_copy(contact_id, "uk", NOW)
        wish = db.session.scalars(select(CopyRequest.id)).one()
        db.session.commit()
    return wish


def release(browser: Browser, request_id: uuid.UUID) -> str:
    """Press the button; the page after it."""
    answer = browser.post(f"/staff/copies/{request_id}/release")
    assert answer.status_code == 303, answer.text
    return browser.get(answer.headers["Location"]).text


def copy_mails(app: Flask) -> list[Mail]:
    with app.app_context():
        return [mail for mail in mails() if mail.kind == "my-copy"]


def test_list_shows_days_and_no_names(admin: Browser, request_id: uuid.UUID) -> None:
    page = admin.get("/staff/copies").text
    assert str(request_id) in page
    assert "Canary" not in page
    assert EMAIL not in page


def test_released_copy_opens_for_its_link(
    app: Flask, admin: Browser, request_id: uuid.UUID
) -> None:
    assert "is released" in release(admin, request_id)
    (mail,) = copy_mails(app)
    assert (mail.to, mail.language, mail.params["days"]) == (EMAIL, "uk", "7")
    visitor, path = new_client(app), mail.params["path"]
    assert path.startswith("/uk/my-data/copy/")
    page = visitor.get(path)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "noindex" in page.text
    data = visitor.get(f"{path}/my-data.json")
    assert data.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert data.headers["Cache-Control"] == "no-store"
    content = json.loads(data.text)
    assert content["contact"]["email"] == EMAIL
    assert {deed["kind"] for deed in content["deeds"]} == {"signature", "volunteer"}
    for words in ("canary-message <b>", "canary-note", "Canary Newname", "I agree to this & that."):
        assert words in json.dumps(content, ensure_ascii=False), words
    assert [gift["amount_minor"] for gift in content["gifts"]] == [2500]
    assert content["gifts"][0]["details"]["name"] == NAME


def test_file_to_read_has_all_and_runs_nothing(
    app: Flask, admin: Browser, request_id: uuid.UUID
) -> None:
    release(admin, request_id)
    answer = new_client(app).get(copy_mails(app)[0].params["path"] + "/my-data.html")
    page = answer.text
    assert '<html lang="uk"' in page
    for words in (NAME, EMAIL, "canary-message &lt;b&gt;", "canary-note", "Canary Newname"):
        assert words in page, words
    assert "<b>" not in page
    assert not re.search(r"https?://|<script|<img|<link", page)
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "attachment" in answer.headers["Content-Disposition"]


def test_database_alone_opens_nothing(app: Flask, admin: Browser, request_id: uuid.UUID) -> None:
    release(admin, request_id)
    token = token_from_path(copy_mails(app)[0].params["path"].rsplit("/", 1)[1])
    with app.app_context():
        wish = db.session.scalars(select(CopyRequest)).one()
        assert wish.hash == hash_of(token)
        blob = wish.blob or b""
        assert len(blob) % 4096 < 64  # padded
        for secret in (b"canary", EMAIL.encode(), token):
            assert secret not in blob
        assert copies.open_copy(copies.token_path(wish.hash), NOW) is None


def test_link_opens_where_the_volatile_keys_are_gone(
    app: Flask, admin: Browser, request_id: uuid.UUID
) -> None:
    release(admin, request_id)
    path = copy_mails(app)[0].params["path"]
    with app.app_context():
        vault().keys.drop()
    assert new_client(app).get(f"{path}/my-data.json").status_code == 200


def test_copy_ends_after_a_week(app: Flask, admin: Browser, request_id: uuid.UUID) -> None:
    release(admin, request_id)
    path = copy_mails(app)[0].params["path"]
    with app.app_context():
        released = db.session.scalars(select(CopyRequest.released_at)).one()
        assert released
        token = path.rsplit("/", 1)[1]
        assert copies.open_copy(token, released + copies.KEPT - timedelta(seconds=1))
        assert copies.open_copy(token, released + copies.KEPT) is None
        assert copies.drop_old(released + copies.KEPT - timedelta(seconds=1)) == 0
        assert copies.drop_old(released + copies.KEPT) == 1
        db.session.commit()
    for address in (path, f"{path}/my-data.json", f"{path}/my-data.html"):
        assert new_client(app).get(address).status_code == 410


def test_no_other_file_is_there(app: Flask, admin: Browser, request_id: uuid.UUID) -> None:
    release(admin, request_id)
    path = copy_mails(app)[0].params["path"]
    for name in ("my-data.txt", "json", "..", "%2e%2e"):
        assert new_client(app).get(f"{path}/{name}").status_code == 404


def test_second_click_releases_nothing_more(
    app: Flask, admin: Browser, request_id: uuid.UUID
) -> None:
    release(admin, request_id)
    assert "Nobody waits for this copy" in release(admin, request_id)
    assert len(copy_mails(app)) == 1
    assert "Nobody waits" in release(admin, uuid.uuid4())


def take_back() -> None:
    """What `flask panic` does to copies that were released."""
    db.session.execute(update(CopyRequest).values(blob=None, hash=None, released_at=None))
    db.session.commit()


def test_copy_that_was_taken_back_is_mailed_anew(
    app: Flask, admin: Browser, request_id: uuid.UUID
) -> None:
    release(admin, request_id)
    with app.app_context():
        take_back()
    assert "is released" in release(admin, request_id)
    old, new = copy_mails(app)
    assert new_client(app).get(old.params["path"]).status_code == 410
    assert new_client(app).get(new.params["path"]).status_code == 200


def test_nothing_is_released_where_no_mail_is_queued(
    app: Flask, admin: Browser, request_id: uuid.UUID
) -> None:
    """Twice in one microsecond, which the key of the mail forbids."""
    assert admin.staff_id
    with app.test_request_context(method="POST"):
        (wish,) = releasing.waiting_copies()
        releasing.release_copy(wish, EMAIL, {}, admin.staff_id, NOW)
        take_back()
        with pytest.raises(releasing.NotSent):
            releasing.release_copy(wish, EMAIL, {}, admin.staff_id, NOW)


def test_address_that_changes_meanwhile_gets_no_link(
    app: Flask, admin: Browser, request_id: uuid.UUID, contact_id: uuid.UUID
) -> None:
    """The new one is confirmed after the boxes were opened, before anything is written."""
    with app.app_context():  # not while a transaction begins: the vault may read the database
        sealed = vault().seal("contact", contact_id, {"email": "canary-now@example.org"})
        db.session.rollback()
    begun: list[bool] = []

    def confirm(session: Any, transaction: Any, connection: Any) -> None:
        writes = connection.get_execution_options().get("vigil_writes")
        if writes and False in begun:
            row = update(Contact).where(Contact.id == contact_id)
            connection.execute(row.values(sealed=sealed))
        begun.append(writes)

    listen(db.session, "after_begin", confirm)
    try:
        assert "nothing is released" in release(admin, request_id)
    finally:
        remove(db.session, "after_begin", confirm)
    assert copy_mails(app) == []
    with app.app_context():
        assert db.session.scalars(select(CopyRequest.released_at)).all() == [None]
        logged = select(AuditEvent).where(AuditEvent.action == "copy.released")
        assert db.session.scalars(logged).all() == []


def test_of_two_who_release_at_once_one_does(app: Flask, request_id: uuid.UUID) -> None:
    """Both have opened the boxes before either writes."""
    with app.app_context():
        copies.release_copy(request_id, {"my-data.json": "{}"}, NOW)
        with pytest.raises(copies.AlreadyReleased):
            copies.release_copy(request_id, {"my-data.json": "{}"}, NOW)


def test_release_stands_in_the_log_by_ids(
    app: Flask, admin: Browser, request_id: uuid.UUID, contact_id: uuid.UUID
) -> None:
    release(admin, request_id)
    with app.app_context():
        events = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "copy.released"))
        (event,) = events.all()
        assert (event.actor_id, event.subject_id) == (admin.staff_id, contact_id)
        assert event.details == {"request": str(request_id)}


def test_copy_wants_a_step_up(app: Flask, admin: Browser, request_id: uuid.UUID) -> None:
    with app.app_context():
        long_ago = NOW - timedelta(minutes=6)
        change_sessions(stepped_up_at=long_ago)
    answer = admin.post(f"/staff/copies/{request_id}/release")
    assert answer.status_code != 303 or "/copies" not in answer.headers["Location"]
    assert copy_mails(app) == []


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_who_sees_contacts_releases(
    app: Flask, browser_of: Callable[[str], Browser], request_id: uuid.UUID, role: str
) -> None:
    browser = browser_of(role)
    assert browser.get("/staff/copies").status_code == 403
    assert browser.post(f"/staff/copies/{request_id}/release").status_code == 403
    assert copy_mails(app) == []


def test_address_that_does_not_open_gets_no_copy(
    app: Flask, admin: Browser, request_id: uuid.UUID, contact_id: uuid.UUID
) -> None:
    with app.app_context():
        db.session.execute(
            update(Contact).where(Contact.id == contact_id).values(sealed=b"\x01\x00\x01broken")
        )
        db.session.commit()
    assert "cannot be opened" in release(admin, request_id)
    assert copy_mails(app) == []


def test_box_that_does_not_open_is_left_out_and_counted(
    app: Flask, admin: Browser, request_id: uuid.UUID
) -> None:
    with app.app_context():
        db.session.execute(update(Signature).values(sealed=b"\x01\x00\x01broken"))
        db.session.commit()
    content = released(app, admin, request_id)
    assert content["not_matched"] == 1
    assert {deed["kind"] for deed in content["deeds"]} == {"volunteer"}


def released(app: Flask, admin: Browser, request_id: uuid.UUID) -> dict[str, Any]:
    """What the released copy says to programs."""
    release(admin, request_id)
    content: dict[str, Any] = json.loads(
        new_client(app).get(f"{copy_mails(app)[0].params['path']}/my-data.json").text
    )
    return content


def test_deeds_of_others_hung_on_a_contact_stay_closed(
    app: Flask, admin: Browser, people: People, contact_id: uuid.UUID, request_id: uuid.UUID
) -> None:
    """Somebody who writes to the database asks for what is not theirs."""
    people.create_signature("Canary Victim", "canary-victim@example.org", state="pending")
    people.create_volunteer("Canary Victim", "canary-victim@example.org")
    people.create_donation("Canary Victim", "canary-victim@example.org")
    with app.app_context():
        for model in (Signature, VolunteerSignup, Donation):
            db.session.execute(update(model).values(contact_id=contact_id))
        db.session.commit()
    page = admin.get(f"/staff/copies/{request_id}").text
    assert "3 entries could not be matched" in page
    content = released(app, admin, request_id)
    assert content["not_matched"] == 3
    assert "ictim" not in json.dumps(content)
    assert len(content["deeds"]) == 2
    assert len(content["gifts"]) == 1
    path = copy_mails(app)[0].params["path"]
    assert "ictim" not in new_client(app).get(f"{path}/my-data.html").text


def test_words_of_others_hung_on_a_contact_stay_closed(
    app: Flask, admin: Browser, people: People, contact_id: uuid.UUID, request_id: uuid.UUID
) -> None:
    """A correction moved to another contact, a note to another sign-up."""
    victim = "canary-victim@example.org"
    signup_id = people.create_volunteer("Canary Victim", victim)
    with app.app_context():
        victim_id = people.contact_of(VolunteerSignup, signup_id)
        own = db.session.scalars(
            select(VolunteerSignup.id).where(VolunteerSignup.contact_id == contact_id)
        ).one()
        services.correct(victim_id, victim, {"name": "Canary Victim", "phone": "1"}, NOW)
        assert admin.staff_id
        add_note(signup_id, admin.staff_id, "Canary about the victim", victim, NOW)
        db.session.execute(update(Correction).values(contact_id=contact_id))
        db.session.execute(update(VolunteerNote).values(signup_id=own))
        db.session.commit()
    assert "2 entries could not be matched" in admin.get(f"/staff/copies/{request_id}").text
    content = released(app, admin, request_id)
    assert content["not_matched"] == 2
    assert "ictim" not in json.dumps(content)
    assert [one["details"]["name"] for one in content["corrections"]] == ["Canary Newname"]
    assert [note["text"] for deed in content["deeds"] for note in deed["notes"]] == ["canary-note"]


def test_contact_that_got_anothers_address_keeps_its_words(
    app: Flask, admin: Browser, contact_id: uuid.UUID, request_id: uuid.UUID
) -> None:
    """Anybody can seal: the victim's own row is given an address of who writes to the database."""
    writer = {"email": "canary-writer@example.org"}
    with app.app_context():
        sealed = vault().seal("contact", contact_id, writer)
        db.session.execute(update(Contact).where(Contact.id == contact_id).values(sealed=sealed))
        signup_id = db.session.scalars(select(VolunteerSignup.id)).one()
        box = vault().seal("volunteer_signup", signup_id, writer)
        db.session.execute(update(VolunteerSignup).values(sealed=box))
        db.session.commit()
    content = released(app, admin, request_id)
    assert content["not_matched"] == 4  # signature, gift, correction, note
    assert content["corrections"] == []
    for words in (EMAIL, "canary-note", "Canary Newname"):
        assert words not in json.dumps(content, ensure_ascii=False), words


def test_what_is_written_by_link_and_by_staff_names_the_person(
    app: Flask, admin: Browser, contact_id: uuid.UUID, request_id: uuid.UUID
) -> None:
    with app.app_context():
        signup_id = db.session.scalars(select(VolunteerSignup.id)).one()
        links.ask("my-data", EMAIL.upper(), "en", datetime.now(UTC))
        assert links.answer_requests(datetime.now(UTC)) == 1
        db.session.commit()
        path = next(mail.params["path"] for mail in mails() if mail.kind == "my-data")
    typed = {"phone": "+370 600 00000"}
    assert post_form(new_client(app), f"{path}/details", typed).status_code == 303
    address = f"/staff/volunteers/{signup_id}"
    assert admin.post(f"{address}/notes", {"note": "By hand"}).status_code == 303
    moved = {"seen": "new", "state": "active", "note": "On the way"}
    assert admin.post(f"{address}/review", moved).status_code == 303
    content = released(app, admin, request_id)
    assert content["not_matched"] == 0
    assert content["corrections"][-1]["details"]["phone"] == "+37060000000"
    texts = [note["text"] for deed in content["deeds"] for note in deed["notes"]]
    assert set(texts) == {"canary-note", "By hand", "On the way"}


def test_boxes_of_before_that_name_nobody_are_shown_and_not_released(
    app: Flask, admin: Browser, contact_id: uuid.UUID, request_id: uuid.UUID
) -> None:
    with app.app_context():
        for table, model, details in (
            ("correction", Correction, {"name": "Canary Oldname", "at": "2030-01-01"}),
            ("volunteer_note", VolunteerNote, {"text": "canary-old-note"}),
        ):
            row_id = db.session.scalars(select(model.id)).one()
            db.session.execute(update(model).values(sealed=vault().seal(table, row_id, details)))
        db.session.commit()
    page = admin.get(f"/staff/contacts/{contact_id}").text
    assert "<bdi>Canary Oldname</bdi>" in page
    assert "canary-old-note" in page
    assert "another address" not in page
    content = released(app, admin, request_id)
    assert (content["not_matched"], content["corrections"]) == (2, [])
    assert "anary-old" not in json.dumps(content)


def test_person_page_marks_words_that_came_by_another_address(
    app: Flask, admin: Browser, contact_id: uuid.UUID
) -> None:
    with app.app_context():
        services.correct(contact_id, "canary-victim@example.org", {"name": "Canary Victim"}, NOW)
        signup_id = db.session.scalars(select(VolunteerSignup.id)).one()
        assert admin.staff_id
        add_note(signup_id, admin.staff_id, "About another", "canary-victim@example.org", NOW)
        db.session.commit()
    page = admin.get(f"/staff/contacts/{contact_id}").text
    assert "<bdi>Canary Newname</bdi>" in page
    assert page.count("names another address") == 2


def test_deeds_from_before_a_change_of_address_are_in_the_copy(
    app: Flask, admin: Browser, contact_id: uuid.UUID, request_id: uuid.UUID
) -> None:
    details = {"email": "canary-now@example.org", "before": [EMAIL.upper()]}
    with app.app_context():
        sealed = vault().seal("contact", contact_id, details)
        db.session.execute(update(Contact).where(Contact.id == contact_id).values(sealed=sealed))
        db.session.commit()
    assert EMAIL.upper() in admin.get(f"/staff/copies/{request_id}").text
    content = released(app, admin, request_id)
    assert (content["not_matched"], len(content["deeds"]), len(content["gifts"])) == (0, 2, 1)
    assert copy_mails(app)[0].to == "canary-now@example.org"


def test_page_before_the_click_shows_whose_and_how_much_and_is_noted(
    app: Flask, admin: Browser, contact_id: uuid.UUID, request_id: uuid.UUID
) -> None:
    page = admin.get(f"/staff/copies/{request_id}").text
    assert "Canary Newname" in page
    assert EMAIL in page
    assert "could not be matched" not in page
    with app.app_context():
        seen = select(AuditEvent.subject_id).where(AuditEvent.action == "contact.seen")
        assert db.session.scalars(seen).all() == [contact_id]
    release(admin, request_id)
    assert admin.get(f"/staff/copies/{request_id}").status_code == 303


def test_one_wish_waits_at_a_time(app: Flask, contact_id: uuid.UUID) -> None:
    with app.app_context():
        assert copies.ask_for_copy(contact_id, "en", NOW)
        assert not copies.ask_for_copy(contact_id, "be", NOW)
        assert len(db.session.scalars(select(CopyRequest)).all()) == 1


def test_wish_that_nobody_answered_goes_after_a_month(app: Flask, contact_id: uuid.UUID) -> None:
    with app.app_context():
        copies.ask_for_copy(contact_id, "en", NOW)
        assert copies.drop_old(NOW + timedelta(days=29)) == 0
        assert copies.drop_old(NOW + timedelta(days=30)) == 1


def test_person_page_shows_what_was_put_right(admin: Browser, contact_id: uuid.UUID) -> None:
    page = admin.get(f"/staff/contacts/{contact_id}").text
    assert "<bdi>Canary Newname</bdi>" in page
    newest = page.split("Newest confirmed details")[1].split("</section>")[0]
    assert "Canary Newname" in newest
    assert NAME not in newest
    assert "+370 612 34567" in newest  # what was not corrected stays


def test_person_page_shows_the_address_of_now(
    app: Flask, admin: Browser, contact_id: uuid.UUID
) -> None:
    """The deed's own box has the address of then."""
    with app.app_context():
        sealed = vault().seal("contact", contact_id, {"email": "canary-now@example.org"})
        db.session.execute(update(Contact).where(Contact.id == contact_id).values(sealed=sealed))
        db.session.commit()
    page = admin.get(f"/staff/contacts/{contact_id}").text
    newest = page.split("Newest confirmed details")[1].split("</section>")[0]
    assert "canary-now@example.org" in newest
    assert EMAIL not in newest


def test_later_deed_counts_more_than_an_older_correction(
    app: Flask, admin: Browser, people: People
) -> None:
    signature = people.create_signature(NAME, EMAIL)
    contact_id = people.contact_of(Signature, signature)
    with app.app_context():
        services.correct(contact_id, EMAIL, {"name": "Older"}, NOW - timedelta(hours=1))
        db.session.commit()
    assert f"<bdi>{NAME}</bdi>" in admin.get(f"/staff/contacts/{contact_id}").text


def test_person_page_shows_consents_given_and_withdrawn(
    app: Flask, admin: Browser, people: People
) -> None:
    signature = people.create_signature(NAME, EMAIL)
    contact_id = people.contact_of(Signature, signature)
    with app.app_context():
        consents.withdraw(contact_id, NOW.date(), deed_id=signature)
        db.session.commit()
    block = admin.get(f"/staff/contacts/{contact_id}").text.split("What they agreed to")[1]
    assert block.count("I agree to this &amp; that.") == 2
    assert block.index("withdrawn") < block.index("given")
    assert "English" in block


def test_words_of_a_consent_that_were_changed_are_no_longer_theirs(
    app: Flask, admin: Browser, people: People, request_id: uuid.UUID, contact_id: uuid.UUID
) -> None:
    told = "These are not the words that were agreed to"
    assert told not in admin.get(f"/staff/contacts/{contact_id}").text
    with app.app_context():
        on = "" if db.engine.dialect.name == "sqlite" else " ON consent_text"
        db.session.execute(text(f"DROP TRIGGER consent_text_is_not_changed{on}"))
        db.session.execute(update(ConsentText).values(words="I agree to everything."))
        db.session.commit()
    assert told in admin.get(f"/staff/contacts/{contact_id}").text
    assert released(app, admin, request_id)["consents"] == []


def test_dashboard_says_that_copies_wait(
    app: Flask, admin: Browser, client: FlaskClient, request_id: uuid.UUID
) -> None:
    assert "1 person waits for a copy" in admin.get("/staff/").text
    with app.app_context():
        db.session.execute(delete(CopyRequest))
        db.session.execute(delete(OutgoingEmail))
        db.session.commit()
    assert "for a copy" not in admin.get("/staff/").text
