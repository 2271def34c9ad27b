"""The way of a supporter to all that is kept of them, and out: as processes run, without a script.

With the real worker, mail and pages; a key holder releases the copy.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from config.database import db
from contacts import tally
from contacts.models import Consent, Contact, CopyRequest
from donate.models import Donation
from mail.models import OutgoingEmail
from mail.render import render
from mail.worker import Worker
from petitions.models import Signature
from staff.models import StaffMember
from staff.people import copies as releasing
from tests.support.instances import Instance
from tests.support.visitor import Mail, form_token, mails, post_form, sign, volunteer
from vault.models import Holder
from vault.services import unlock, vault
from volunteers.models import VolunteerSignup

ANNA = "canary-anna@example.org"
NAME = "Canary Кавалёнак"


def newest(kind: str) -> Mail:
    return [mail for mail in mails() if mail.kind == kind][-1]


def confirm(client: FlaskClient) -> None:
    asked = [mail for mail in mails() if mail.kind.startswith("confirm-si")][-1]
    assert client.post(asked.params["path"]).status_code == 303


def press(client: FlaskClient, address: str, page: str) -> str:
    """Press a button of a page; where it leads."""
    token = form_token(client.get(page).text)
    answer = client.post(address, data={"form_token": token})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


@pytest.fixture
def link(app: Flask, client: FlaskClient) -> str:
    """The private address of somebody who signed in Belarusian, offered help and gave."""
    sign(client, "/be/petitions/bring-the-children-home", email=ANNA, name=NAME, newsletter="y")
    confirm(client)
    volunteer(client, email=ANNA, name=NAME, message="canary-message")
    confirm(client)
    now = datetime.now(UTC)
    contact_id = db.session.scalars(select(Contact.id)).one()
    gift = {"amount_minor": 2500, "currency": "EUR", "fund": "legal-help", "language": "be"}
    gift |= {"state": "paid", "day": now.date(), "created_at": now, "paid_at": now}
    db.session.add(Donation(**gift, contact_id=contact_id))
    db.session.commit()
    assert post_form(client, "/be/my-data", {"email": ANNA}).status_code == 303
    Worker(app, pause=lambda seconds: None).run_jobs()
    return newest("my-data").params["path"]


def test_whole_way(app: Flask, instance: Instance, client: FlaskClient, link: str) -> None:
    page = client.get(link)
    assert page.status_code == 200
    assert '<html lang="be"' in page.text
    assert "<script" not in page.text
    for sealed in ("canary", NAME):
        assert sealed not in page.text
    press(client, f"{link}/copy", link)
    path = release(app, instance)
    content = json.loads(client.get(f"{path}/my-data.json").text)
    assert content["contact"]["email"] == ANNA
    assert "canary-message" in client.get(f"{path}/my-data.html").text
    entry = re.search(r"/withdraw/signature/[0-9a-f-]{36}", page.text)
    assert entry
    press(client, link + entry[0], link + entry[0])
    assert tally.total("signature.confirmed") == 0
    press(client, f"{link}/news-off", link)
    assert not db.session.scalars(select(Contact.newsletter)).one()
    assert press(client, f"{link}/erase", f"{link}/erase") == "/be/my-data/erased"
    assert client.get(link).status_code == 410
    assert client.get(path).status_code == 410
    for model in (Contact, Consent, CopyRequest, Signature, VolunteerSignup):
        assert db.session.scalars(select(model)).all() == []
    gift = db.session.scalars(select(Donation)).one()
    assert (gift.amount_minor, gift.contact_id, gift.sealed) == (2500, None, None)


def release(app: Flask, instance: Instance) -> str:
    """A key holder releases the only copy that waits; the address in the mail."""
    holder = db.session.scalars(select(Holder).where(Holder.kind == "staff")).one()
    member_id = db.session.scalars(select(StaffMember.id)).one()
    unlocked = unlock(holder, instance.first.passphrase)
    assert unlocked
    (wish,) = releasing.waiting_copies()
    now, opener = datetime.now(UTC), vault().open_with(unlocked.key)
    asked, email, files = releasing.write_copy(wish.id, opener, now)
    with app.test_request_context():
        releasing.release_copy(asked, email, files, member_id, now)
        db.session.commit()
    mail = newest("my-copy")
    assert (mail.to, mail.language) == (ANNA, "be")
    written = render(mail.kind, mail.language, mail.params, "https://vigil.example.org")
    assert mail.params["path"] in written.text
    return mail.params["path"]


def test_nothing_typed_stands_anywhere_in_clear(
    instance: Instance, client: FlaskClient, link: str
) -> None:
    """Neither a correction nor a new address, in the database or beside it."""
    token = form_token(client.get(f"{link}/details").text)
    typed = {"form_token": token, "name": "Canary-Corrected", "note": "canary-noted"}
    assert client.post(f"{link}/details", data=typed).status_code == 303
    token = form_token(client.get(f"{link}/address").text)
    db.session.execute(update(OutgoingEmail).values(cap_key=None, cap_slot=None))  # a day later
    db.session.commit()
    typed = {"form_token": token, "present": ANNA, "email": "canary-new@example.org"}
    assert client.post(f"{link}/address", data=typed).status_code == 303
    assert newest("address-change").to == "canary-new@example.org"
    for path in instance.files():
        content = path.read_bytes().lower()
        for secret in (b"canary-corrected", b"canary-noted", b"canary-new@", ANNA.encode()):
            assert secret not in content, (path.name, secret)
    for row in db.session.scalars(select(OutgoingEmail)):
        assert "canary" not in row.idem_key


def test_footer_of_every_page_leads_there(client: FlaskClient) -> None:
    for language in ("en", "uk", "be"):
        assert f'href="/{language}/my-data"' in client.get(f"/{language}/privacy").text


def test_robots_are_asked_to_stay_out(client: FlaskClient) -> None:
    robots = client.get("/robots.txt").text
    for language in ("en", "uk", "be"):
        assert f"Disallow: /{language}/my-data/" in robots
