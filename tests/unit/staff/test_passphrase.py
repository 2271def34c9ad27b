"""Another passphrase for one's own account: the key stays, the old words open nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask

from config.database import db
from staff.models import StaffMember
from staff.team import views_passphrase
from tests.support.instances import Instance
from tests.unit.staff.conftest import Browser, new_client
from tests.unit.staff.test_invitations import OWN, offered
from vault.models import Holder
from vault.services import Unlocked, make_holder, unlock, vault, wrap_anew

FIRST = "marble otters argue under the stairs"


@pytest.fixture
def viewer(app: Flask, browser_of: Callable[[str], Browser]) -> Browser:
    """The browser of a viewer whose passphrase is FIRST."""
    browser = browser_of("viewer")
    with app.app_context():
        made = make_holder("staff", datetime.now(UTC), FIRST, opener=None, is_chosen=True)
        db.session.add(made.holder)
        db.session.flush()
        db.session.get_one(StaffMember, browser.staff_id).holder_id = made.holder.id
        db.session.commit()
    return browser


def opened_by(app: Flask, browser: Browser, passphrase: str) -> Unlocked | None:
    """What somebody's holder gives for a passphrase."""
    with app.app_context():
        member = db.session.get_one(StaffMember, browser.staff_id)
        return unlock(db.session.get_one(Holder, member.holder_id), passphrase)


def test_chosen_one_is_changed_and_key_and_secret_stay(app: Flask, viewer: Browser) -> None:
    before = opened_by(app, viewer, FIRST)
    answer = viewer.post("/staff/passphrase", {"current": FIRST, "passphrase": OWN, "again": OWN})
    assert answer.status_code == 303
    assert opened_by(app, viewer, FIRST) is None
    assert opened_by(app, viewer, OWN) == before


def test_other_sessions_end_and_this_one_stays(app: Flask, viewer: Browser) -> None:
    other = Browser(new_client(app))
    with app.app_context():
        name = db.session.get_one(StaffMember, viewer.staff_id).name
    other.post("/staff/sign-in", {"name": name, "passphrase": FIRST})
    assert other.get("/staff/").status_code == 200
    viewer.post("/staff/passphrase", {"current": FIRST, "passphrase": OWN, "again": OWN})
    assert viewer.get("/staff/").status_code == 200
    assert other.get("/staff/").status_code == 303


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"current": OWN, "passphrase": OWN, "again": OWN}, "not your present passphrase"),
        ({"current": "", "passphrase": OWN, "again": OWN}, "Enter your passphrase"),
        ({"current": FIRST, "passphrase": "short", "again": "short"}, "fifteen characters"),
    ],
)
def test_refused_and_nothing_changed(
    app: Flask, viewer: Browser, data: dict[str, str], words: str
) -> None:
    answer = viewer.post("/staff/passphrase", data)
    assert answer.status_code == 422
    assert words in answer.text
    assert opened_by(app, viewer, FIRST)


def test_wrap_of_an_older_holder_is_not_put_on_a_newer_one(app: Flask, viewer: Browser) -> None:
    """The link of an invitation was used while the passphrase was tried."""
    with app.app_context():
        member = db.session.get_one(StaffMember, viewer.staff_id)
        old = db.session.get_one(Holder, member.holder_id)
        old_id, salt = old.id, old.salt
        wrapped = wrap_anew(old.id, b"k" * 32, None, OWN, is_chosen=True)
        assert views_passphrase._put(member.id, old, wrapped)
        db.session.rollback()
        gone = Holder(id=uuid.uuid4(), salt=salt)
        assert not views_passphrase._put(member.id, gone, wrapped)
        other = Holder(id=old_id, salt=b"another salt....")
        assert not views_passphrase._put(member.id, other, wrapped)
    assert opened_by(app, viewer, FIRST)


def test_present_passphrase_cannot_be_guessed_here(viewer: Browser) -> None:
    data = {"current": "wrong wrong wrong", "passphrase": OWN, "again": OWN}
    answers = [viewer.post("/staff/passphrase", data).status_code for _ in range(2)]
    assert answers == [422, 429]


def test_key_holder_gets_words_and_contacts_open_with_them(app: Flask, instance: Instance) -> None:
    browser = Browser(new_client(app))
    first = {"name": "admin", "passphrase": instance.first.passphrase}
    assert browser.post("/staff/sign-in", first).status_code == 303
    words, offer = offered(browser.get("/staff/passphrase").text)
    data = {"current": instance.first.passphrase, "offer": offer, "passphrase": words}
    assert browser.post("/staff/passphrase", data).status_code == 303
    again = Browser(new_client(app))
    assert again.post("/staff/sign-in", {"name": "admin", "passphrase": words}).status_code == 303
    with app.app_context():
        member = db.session.query(StaffMember).filter_by(name="admin").one()
        holder = db.session.get_one(Holder, member.holder_id)
        opened = unlock(holder, words)
        assert opened
        assert vault().open_with(opened.key).vouches_for(holder)
