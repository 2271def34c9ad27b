"""Private links: the same work for every address, one link for one request, gone in time."""

from __future__ import annotations

import secrets
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from config.database import db
from config.settings import settings
from contacts import links
from contacts.links import LIFETIME, WAITS, LinkPurpose
from contacts.models import Contact, LinkRequest, PrivateLink
from contacts.services import add_contact, hash_of, token_from_path, token_path
from mail.models import OutgoingEmail
from tests.support.moments import NOW
from tests.support.visitor import mails
from vault.services import VaultMissing, VolatileKeysUnreachable, vault

KNOWN, UNKNOWN = "canary-known@example.org", "canary-unknown@example.org"


@pytest.fixture(autouse=True)
def contact_id(app: Flask) -> uuid.UUID:
    """A contact who has something to see, for the purpose "test"."""
    made = add_contact(KNOWN, "be", "confirmed", NOW.date())
    db.session.commit()
    app.extensions["vigil_link_purposes"] = {
        "test": LinkPurpose(
            mail="manage-giving",
            path=lambda language, token: f"/{language}/test/{token}",
            has_something=lambda contact_id: contact_id == made,
        ),
        "other": LinkPurpose("manage-giving", lambda language, token: "", lambda _: False),
    }
    return made


def ask(email: str = KNOWN, purpose: str = "test") -> None:
    links.ask(purpose, email, "be", NOW)
    db.session.commit()


def answer(after: timedelta = timedelta(0)) -> int:
    queued = links.answer_requests(NOW + after)
    db.session.commit()
    return queued


def rows(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def token_in_mail() -> str:
    (mail,) = mails()
    return mail.params["path"].rsplit("/", 1)[1]


def test_link_opens_the_contact(contact_id: uuid.UUID) -> None:
    ask()
    assert answer() == 1
    (mail,) = mails()
    assert (mail.kind, mail.language, mail.to) == ("manage-giving", "be", KNOWN)
    assert mail.params["minutes"] == "60"
    assert mail.params["path"].startswith("/be/test/")
    assert links.find_contact("test", token_in_mail(), NOW) == contact_id
    assert rows(LinkRequest) == 0


def test_address_is_found_in_whatever_case_it_is_typed(contact_id: uuid.UUID) -> None:
    ask(f"  {KNOWN.upper()} ")
    answer()
    assert links.find_contact("test", token_in_mail(), NOW) == contact_id


def test_asking_is_the_same_for_known_and_unknown(app: Flask) -> None:
    """As many rows, of the same lengths, and the address in none of them."""
    kinds = (Contact, LinkRequest, PrivateLink, OutgoingEmail)
    seen = []
    for email in (KNOWN, UNKNOWN):
        before = [rows(kind) for kind in kinds]
        ask(email)
        after = [rows(kind) for kind in kinds]
        request = db.session.scalars(select(LinkRequest)).one()
        assert email.encode() not in request.blob
        seen.append(([b - a for a, b in zip(before, after, strict=True)], len(request.blob)))
        db.session.delete(request)
        db.session.commit()
    assert seen[0] == seen[1]
    assert seen[0][0] == [0, 1, 0, 0]


@pytest.mark.parametrize(("email", "purpose"), [(UNKNOWN, "test"), (KNOWN, "other")])
def test_nothing_to_see_sends_nothing(email: str, purpose: str) -> None:
    ask(email, purpose)
    assert answer() == 0
    assert mails() == []
    assert (rows(LinkRequest), rows(PrivateLink)) == (0, 0)


def test_link_is_of_one_purpose_and_one_hour() -> None:
    ask()
    answer()
    token = token_in_mail()
    assert links.find_contact("other", token, NOW) is None
    assert links.find_contact("test", token, NOW + LIFETIME - timedelta(seconds=1))
    assert links.find_contact("test", token, NOW + LIFETIME) is None


@pytest.mark.parametrize("path", ["", "x", "ключ", "A" * 43, "A" * 44, "../..", "A" * 10_000])
def test_made_up_token_opens_nothing(path: str) -> None:
    ask()
    answer()
    assert links.find_contact("test", path, NOW) is None


def test_only_the_hash_of_a_token_is_kept() -> None:
    ask()
    answer()
    token = token_from_path(token_in_mail())
    assert len(token) == 32
    link = db.session.scalars(select(PrivateLink)).one()
    assert link.hash == hash_of(token)
    assert links.find_contact("test", token_path(link.hash), NOW) is None


def test_mailbox_of_a_link_is_known_to_who_has_the_token(contact_id: uuid.UUID) -> None:
    """And stays with the link, whatever else somebody writes into the row."""
    ask(KNOWN.upper())
    answer()
    token = token_in_mail()
    assert links.find_address(token) == KNOWN.upper()
    link = db.session.scalars(select(PrivateLink)).one()
    assert link.address
    assert len(link.address) == len(_wrapped("a@b.example")) == len(_wrapped("a" * 99))
    assert b"canary" not in link.address.lower()
    link.address = _wrapped("canary-writer@example.org")
    db.session.flush()
    assert links.find_address(token) == ""
    assert links.find_address(links.make_link("test", contact_id, NOW)) == ""
    assert links.find_address("made up") == ""


def _wrapped(email: str) -> bytes:
    """The column of a link that somebody makes for a token of their own."""
    token = secrets.token_bytes(32)
    links.keep_link(token, "test", db.session.scalars(select(Contact.id)).one(), NOW, email)
    db.session.flush()
    return db.session.get_one(PrivateLink, hash_of(token)).address or b""


def test_request_waits_for_the_index_key(app: Flask) -> None:
    ask()
    name = vault().active().index_key_name
    key = vault().keys.get(name)
    mail_key = vault().keys.get("mail")
    assert key
    assert mail_key
    vault().keys.drop()
    vault().keys.put("mail", mail_key)
    assert answer() == 0
    assert rows(LinkRequest) == 1
    vault().keys.put(name, key)
    assert answer(WAITS - timedelta(minutes=1)) == 1


def test_request_waits_for_the_vault(app: Flask) -> None:
    ask()
    pin = settings().keys_dir / "pin"
    pin.rename(pin.with_suffix(".away"))
    with pytest.raises(VaultMissing):
        vault().check()
    assert answer() == 0
    assert rows(LinkRequest) == 1


def test_request_that_waited_in_vain_is_dropped() -> None:
    ask()
    assert answer(WAITS) == 0
    assert links.drop_old(NOW + WAITS - timedelta(seconds=1)).requests == 0
    assert links.drop_old(NOW + WAITS).requests == 1
    db.session.commit()
    assert (rows(LinkRequest), mails()) == (0, [])


def test_request_under_a_lost_mail_key_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    ask()
    name = vault().active().index_key_name
    index_key = vault().keys.get(name)
    vault().keys.drop()
    vault().keys.put(name, index_key or b"")
    assert answer() == 0
    assert rows(LinkRequest) == 0
    assert "another one" in caplog.text
    assert "canary" not in caplog.text


def test_purpose_that_is_gone_stops_no_other_request(app: Flask) -> None:
    ask(purpose="gone")
    ask()
    assert answer() == 1
    assert rows(LinkRequest) == 0


def test_one_address_gets_three_mails_a_day(app: Flask) -> None:
    for _ in range(5):
        ask()
    assert answer() == 3
    assert (rows(LinkRequest), rows(PrivateLink)) == (0, 3)


def test_answer_is_whole_or_nothing() -> None:
    ask()
    assert links.answer_requests(NOW) == 1
    db.session.rollback()
    assert (rows(LinkRequest), rows(PrivateLink), mails()) == (1, 0, [])
    assert answer() == 1


def test_two_workers_answer_each_request_once(app: Flask) -> None:
    names = [f"canary-{n}@example.org" for n in range(6)]
    seen = {add_contact(name, "en", "confirmed", NOW.date()) for name in names}
    purpose = app.extensions["vigil_link_purposes"]["test"]
    app.extensions["vigil_link_purposes"]["test"] = replace(
        purpose, has_something=seen.__contains__
    )
    for name in names:
        ask(name)
    start = threading.Barrier(2)

    def work(_: int) -> int:
        with app.app_context():
            start.wait(5)
            return answer()

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(work, range(2))) == len(names)
    assert sorted(mail.to for mail in mails()) == names
    assert (rows(LinkRequest), rows(PrivateLink)) == (0, len(names))


def test_mail_is_not_sent_after_the_link_has_run_out() -> None:
    ask()
    answer()
    mail = db.session.scalars(select(OutgoingEmail)).one()
    assert mail.expires_at == NOW + LIFETIME


def test_old_links_are_dropped() -> None:
    ask()
    answer()
    assert links.drop_old(NOW + LIFETIME - timedelta(seconds=1)) == (0, 0)
    assert links.drop_old(NOW + LIFETIME) == (1, 0)
    db.session.commit()
    assert rows(PrivateLink) == 0


def test_without_the_keys_nothing_is_written(app: Flask) -> None:
    vault().keys.drop()
    place = Path(settings().volatile_keys)
    place.rename(place.with_suffix(".away"))
    place.write_text("a file where the folder was")
    with pytest.raises(VolatileKeysUnreachable):
        ask()
    db.session.rollback()
    assert rows(LinkRequest) == 0
