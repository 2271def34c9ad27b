"""The link of an invitation, opened by whom it is for: a passphrase, once, and then signing in."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from config.database import db
from contacts.services import token_path
from staff.models import Invitation, StaffMember, StaffSession
from staff.team import invitations
from tests.unit.staff.conftest import Browser, new_client
from tests.unit.staff.test_team import invite, member
from vault.models import Holder, VaultShare
from vault.services import unlock, vault

WORDS = re.compile(r'<b dir="ltr">([a-z ]+)</b>')
OFFER = re.compile(r'name="offer" value="([^"]+)"')
OWN = "rye whistles under nine blue bridges"


@pytest.fixture
def guest(app: Flask) -> Browser:
    """The browser of somebody who is not signed in."""
    return Browser(new_client(app))


def offered(page: str) -> tuple[str, str]:
    """The words that a page shows, and what it brings back with them."""
    words, offer = WORDS.search(page), OFFER.search(page)
    assert words
    assert offer
    return words[1], offer[1]


def shares_of(app: Flask, name: str) -> int:
    """How many vaults somebody has a share of."""
    with app.app_context():
        row = db.session.scalars(select(StaffMember).where(StaffMember.name == name)).one()
        rows = select(VaultShare).where(VaultShare.holder_id == row.holder_id)
        return len(db.session.scalars(rows).all())


def test_words_typed_from_paper_open_contacts(app: Flask, admin: Browser, guest: Browser) -> None:
    path = invite(admin, "Olena", "contacts")
    words, offer = offered(guest.get(path).text)
    assert len(words.split()) == 6
    answer = guest.post(path, {"offer": offer, "passphrase": words.upper().replace(" ", "  ")})
    assert answer.status_code == 303
    assert shares_of(app, "olena") == 1
    with app.app_context():
        row = member(app, "olena")
        assert row.state == "active"
        holder = db.session.get_one(Holder, row.holder_id)
        opened = unlock(holder, words)
        assert opened
        assert opened.totp_secret
        assert vault().open_with(opened.key).vouches_for(holder)
        # the key in the link is worth nothing any more
        assert not db.session.scalars(select(Holder).where(Holder.kind == "invitation")).all()
    signed_in = guest.post("/staff/sign-in", {"name": "Olena", "passphrase": words})
    assert signed_in.status_code == 303


def test_link_works_once(app: Flask, admin: Browser, guest: Browser) -> None:
    path = invite(admin, "Olena", "contacts")
    words, offer = offered(guest.get(path).text)
    guest.post(path, {"offer": offer, "passphrase": words})
    assert guest.get(path).status_code == 410
    assert guest.post(path, {"offer": offer, "passphrase": words}).status_code == 410


def test_words_that_were_not_shown_are_refused_and_the_link_stays(
    app: Flask, admin: Browser, guest: Browser
) -> None:
    path = invite(admin, "Olena", "contacts")
    words, offer = offered(guest.get(path).text)
    answer = guest.post(path, {"offer": offer, "passphrase": "six other words than those shown"})
    assert answer.status_code == 422
    assert "not the words above" in answer.text
    assert offered(answer.text) == (words, offer)  # the same ones: they are on paper by now
    assert member(app, "olena").state == "invited"


def test_nobody_chooses_words_where_a_key_is_at_stake(
    app: Flask, admin: Browser, guest: Browser
) -> None:
    path = invite(admin, "Olena", "contacts")
    _, offer = offered(guest.get(path).text)
    forged = "password password password.".replace(".", "") + "." + offer.rsplit(".", 1)[1]
    for data in (
        {"passphrase": OWN, "again": OWN},
        {"offer": forged, "passphrase": forged.rsplit(".", 1)[0]},
    ):
        guest.post(path, data)
        assert member(app, "olena").state == "invited"


def test_offer_of_another_link_is_refused(app: Flask, admin: Browser, guest: Browser) -> None:
    words, offer = offered(guest.get(invite(admin, "Olena", "contacts")).text)
    path = invite(admin, "Iryna", "contacts")
    guest.post(path, {"offer": offer, "passphrase": words})
    assert member(app, "iryna").state == "invited"


def test_viewer_chooses_and_gets_no_share(app: Flask, admin: Browser, guest: Browser) -> None:
    path = invite(admin, "Vika", "viewer")
    assert guest.post(path, {"passphrase": OWN, "again": OWN}).status_code == 303
    assert shares_of(app, "vika") == 0
    assert guest.post("/staff/sign-in", {"name": "vika", "passphrase": OWN}).status_code == 303


@pytest.mark.parametrize(
    ("passphrase", "again", "words"),
    [
        ("short", "short", "fifteen characters"),
        ("passwordpassword", "passwordpassword", "would be guessed"),
        ("Vika Vika Vika Vika", "Vika Vika Vika Vika", "would be guessed"),
        (OWN, OWN + "!", "not alike"),
        ("", "", "Enter a passphrase"),
    ],
)
def test_passphrase_that_is_not_taken(
    app: Flask, admin: Browser, guest: Browser, passphrase: str, again: str, words: str
) -> None:
    path = invite(admin, "Vika", "viewer")
    answer = guest.post(path, {"passphrase": passphrase, "again": again})
    assert answer.status_code == 422
    assert words in answer.text
    assert member(app, "vika").state == "invited"


def test_link_ends_after_three_days(app: Flask, admin: Browser, guest: Browser) -> None:
    path = invite(admin, "Olena", "contacts")
    with app.app_context():
        ends = db.session.scalars(select(Invitation.expires_at)).one()
        hours = (ends - datetime.now(ends.tzinfo)).total_seconds() / 3600
        assert 71 < hours <= 72
        past = ends - timedelta(hours=73)
        db.session.execute(update(Invitation).values(expires_at=past))
        db.session.commit()
    assert guest.get(path).status_code == 410
    with app.app_context():
        invitations.drop_outdated(datetime.now(ends.tzinfo))
        db.session.commit()
        assert not db.session.scalars(select(Holder).where(Holder.kind == "invitation")).all()


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "A" * 5000])
def test_made_up_link(guest: Browser, token: str) -> None:
    assert guest.get(f"/staff/invitation/{token}").status_code in {404, 410}


def test_forgetful_colleague_keeps_the_session_until_the_new_link_is_used(
    app: Flask, admin: Browser, guest: Browser
) -> None:
    path = invite(admin, "Vika", "viewer")
    guest.post(path, {"passphrase": OWN, "again": OWN})
    guest.post("/staff/sign-in", {"name": "vika", "passphrase": OWN})
    assert guest.get("/staff/").status_code == 200
    row = member(app, "vika")
    answer = admin.post(f"/staff/team/{row.id}/invitation")
    found = re.search(r"(/staff/invitation/[A-Za-z0-9_-]{43})<", answer.text)
    assert found
    assert guest.get("/staff/").status_code == 200
    other = Browser(new_client(app))
    assert other.post(found[1], {"passphrase": OWN[::-1], "again": OWN[::-1]}).status_code == 303
    assert guest.get("/staff/").status_code == 303
    holder_id = member(app, "vika").holder_id
    with app.app_context():
        sessions = select(StaffSession).where(StaffSession.staff_id == row.id)
        assert not db.session.scalars(sessions).all()
        holders = db.session.scalars(select(Holder.id).where(Holder.is_chosen)).all()
    assert holders == [holder_id]


def test_planted_link_lets_nobody_in(
    app: Flask, admin: Browser, guest: Browser, browser_of: Callable[[str], Browser]
) -> None:
    """Somebody who writes to the database makes a link for a token of their own."""
    colleague, token = browser_of("viewer"), secrets.token_bytes(32)
    assert colleague.staff_id
    with app.app_context():
        for made in (b"invitation" + token, token):
            row = {"hash": hashlib.sha256(made).digest(), "staff_id": colleague.staff_id}
            row |= {"expires_at": datetime.now(UTC) + timedelta(hours=1), "created_by": None}
            db.session.add(Invitation(**row))
        db.session.commit()
    path = f"/staff/invitation/{token_path(token)}"
    assert guest.get(path).status_code == 410
    assert guest.post(path, {"passphrase": OWN, "again": OWN}).status_code == 410
    assert colleague.get("/staff/").status_code == 200
