"""Another address: it counts when its owner presses the button, and then two become one."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.event import listen

from config.database import db
from contacts import tally
from contacts.consents import consents_of
from contacts.merging import merge
from contacts.models import AddressChange, Contact, CopyRequest, PrivateLink
from contacts.my_data import address_wishes, addresses, copies
from mail import outbox
from petitions.models import Signature
from tests.support.moments import NOW
from tests.support.visitor import form_token, mails
from tests.unit.contacts.my_data.conftest import ANNA, HOME, NEW, OTHER, Supporter, rows, words_of
from vault.models import VaultPair
from vault.services import vault


def ask(anna: Supporter, email: str = NEW) -> str:
    """Ask for another address; the path in the mail."""
    anna.open_link()
    answer = anna.press("/address", "/address", present=anna.email, email=email)
    assert answer.status_code == 303
    return anna.mails_of("address-change")[-1].params["path"]


def confirm(anna: Supporter, path: str) -> int:
    token = form_token(anna.client.get(path).text)
    return anna.client.post(path, data={"form_token": token}).status_code


def test_new_address_counts_once_confirmed(anna: Supporter) -> None:
    path = ask(anna)
    contact_id = anna.contact().id
    assert [mail.to for mail in anna.mails_of("address-change")] == [NEW]
    assert anna.client.get(path).status_code == 200
    assert anna.contact().id == contact_id  # a look changes nothing
    assert confirm(anna, path) == 200
    anna.email = NEW
    assert anna.contact().id == contact_id
    anna.open_link()
    assert "Signature" in anna.get().text


def test_links_to_the_old_address_end(anna: Supporter) -> None:
    path = ask(anna)
    confirm(anna, path)
    assert anna.get().status_code == 410
    anna.ask(ANNA)
    assert len(anna.mails_of("my-data")) == 1


def test_link_works_once_and_for_a_day(anna: Supporter) -> None:
    path = ask(anna)
    late = datetime.now(UTC) + address_wishes.WORKS
    assert not addresses.confirm_change(path.rsplit("/", 1)[1], late)
    db.session.rollback()
    assert confirm(anna, path) == 200
    assert anna.client.get(path).status_code == 410
    assert copies.drop_old(NOW) == 0


def test_newest_wish_counts(anna: Supporter) -> None:
    first = ask(anna, OTHER)
    second = ask(anna, NEW)
    assert anna.client.get(first).status_code == 410
    assert anna.client.get(second).status_code == 200


def test_button_wants_the_form(anna: Supporter) -> None:
    path = ask(anna)
    assert anna.client.post(path).status_code == 422
    assert anna.client.get(path).status_code == 200


def test_known_address_looks_like_an_unknown_one(anna: Supporter, other: Supporter) -> None:
    other.sign()
    seen = []
    for email in (OTHER, NEW):
        anna.open_link()
        answer = anna.press("/address", "/address", present=ANNA, email=email)
        page = anna.client.get(answer.headers["Location"])
        change = db.session.scalars(select(AddressChange)).one()
        seen.append((answer.status_code, words_of(page), len(change.sealed)))
    assert seen[0] == seen[1]


def test_two_contacts_become_one(anna: Supporter, other: Supporter) -> None:
    """Both signed the petition: the person counts once, and nothing that they agreed to is lost."""
    other.sign(newsletter="y")
    other.volunteer()
    assert tally.total("signature.confirmed") == 2
    stays = anna.contact().id
    assert confirm(anna, ask(anna, OTHER)) == 200
    (left,) = db.session.scalars(select(Contact)).all()
    # links to leave the news name the one who went, so they are not begun for the one who stays
    assert (left.id, left.newsletter) == (stays, False)
    assert tally.total("signature.confirmed") == 1
    assert tally.total("volunteer.new") == 1
    assert len(consents_of(stays)) == 4
    other.open_link()
    assert "Offer to help" in other.get().text


def test_links_of_the_one_who_goes_end(anna: Supporter, other: Supporter) -> None:
    other.sign()
    other.open_link()
    path = ask(anna, OTHER)
    confirm(anna, path)
    assert other.get().status_code == 410
    assert rows(PrivateLink) == 0


def test_copy_and_correction_move_with_the_person(anna: Supporter, other: Supporter) -> None:
    other.sign()
    other.open_link()
    other.press("/copy")
    other.press("/details", "/details", name="Canary")
    confirm(anna, ask(anna, OTHER))
    assert db.session.scalars(select(CopyRequest.contact_id)).all() == [anna_id(OTHER)]


def anna_id(email: str) -> object:
    index = vault().email_index(email)
    return db.session.scalar(select(Contact.id).where(Contact.email_index == index))


def test_refused_news_stay_refused(anna: Supporter, other: Supporter) -> None:
    """One address said no, on the same day as the other said yes: no counts."""
    anna.sign(newsletter="y")
    anna.open_link()
    anna.press("/news-off")
    other.sign(newsletter="y")
    merge(other.contact().id, anna.contact().id, NOW)
    db.session.commit()
    assert not anna.contact().newsletter


def test_nobody_is_merged_with_who_is_gone(anna: Supporter) -> None:
    assert not merge(anna.contact().id, anna.contact().id, NOW)


def test_without_the_index_key_it_cannot_be_done(anna: Supporter) -> None:
    anna.open_link()
    name = vault().active().index_key_name
    index_key, mail_key = vault().keys.get(name), vault().keys.get("mail")
    vault().keys.drop()
    vault().keys.put("mail", mail_key or b"")
    answer = anna.press("/address", "/address", present=ANNA, email=NEW)
    assert (answer.status_code, rows(AddressChange)) == (503, 0)
    assert "cannot check your present address" in answer.text
    assert f'value="{ANNA}"' in answer.text
    assert f'value="{NEW}"' in answer.text
    vault().keys.put(name, index_key or b"")
    assert anna.press("/address", "/address", present=ANNA, email=NEW).status_code == 303


@pytest.mark.parametrize("gone", [{"email_index": None}, {"sealed": b"\x01\x00\x07old"}])
def test_contact_that_is_not_indexed_yet_waits(anna: Supporter, gone: dict[str, object]) -> None:
    """Nobody is told that their right address is a wrong one."""
    anna.open_link()
    db.session.execute(update(Contact).values(gone))
    db.session.commit()
    assert anna.press("/address", "/address", present=ANNA, email=NEW).status_code == 503
    assert rows(AddressChange) == 0


def test_private_link_alone_changes_nothing(anna: Supporter) -> None:
    """Somebody to whom it was passed on: the same answer, and nothing is sent."""
    anna.open_link()
    seen = []
    for present in (OTHER, " Canary-ANNA@Example.org "):
        answer = anna.press("/address", "/address", present=present, email=NEW)
        page = words_of(anna.client.get(answer.headers["Location"]))
        seen.append((answer.status_code, answer.headers["Location"], page))
        sent = [mail for mail in mails() if mail.kind.startswith("address-")]
        assert (len(sent), rows(AddressChange)) == ((0, 0) if present == OTHER else (2, 1))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("wish", ["", "discreet-on"])
def test_present_address_is_told(anna: Supporter, wish: str) -> None:
    anna.open_link()
    if wish:
        anna.press(f"/{wish}")
    anna.press("/address", "/address", present=ANNA, email=NEW)
    (notice,) = anna.mails_of("address-asked")
    assert (notice.to, notice.language, notice.params["path"]) == (ANNA, "en", HOME)
    assert ("discreet" in notice.params) == bool(wish)
    assert NEW not in str(notice)


def test_nobody_changes_an_address_unseen(anna: Supporter) -> None:
    """Whoever first uses up the day's mails to the present address gets no link either."""
    anna.open_link()
    letter = {"kind": "my-data", "language": "en", "to": ANNA, "params": {}, "cap": 20}
    while outbox.enqueue(**letter, idem_key=str(uuid.uuid4()), now=datetime.now(UTC)):
        pass
    db.session.commit()
    answer = anna.press("/address", "/address", present=ANNA, email=NEW)
    assert (answer.status_code, rows(AddressChange)) == (303, 0)
    assert [mail.to for mail in mails() if mail.kind.startswith("address-")] == []


def test_mail_is_discreet_where_the_new_address_has_wished_so(
    anna: Supporter, other: Supporter
) -> None:
    """And the same statements run for an address that nobody knows."""
    other.sign(discreet="y")
    assert other.contact().is_discreet
    anna.open_link()
    ran: list[list[str]] = [[]]

    def note(*call: Any) -> None:
        ran[-1].append(call[2])

    listen(db.engine, "before_cursor_execute", note)
    for email in (NEW, OTHER):
        token = form_token(anna.get("/address").text)
        data = {"form_token": token, "present": ANNA, "email": email}
        vault().check()
        db.session.rollback()
        ran.append([])
        anna.client.post(f"{HOME}/{anna.token}/address", data=data)
        ran.append([])
    assert ran[1] == ran[3]
    sent = anna.mails_of("address-change")
    assert [(mail.to, "discreet" in mail.params) for mail in sent] == [(NEW, False), (OTHER, True)]


def test_link_that_was_used_up_meanwhile_adds_no_change(anna: Supporter) -> None:
    """Who asks while another change is confirmed: the private link no longer stands."""
    path = ask(anna)
    contact_id = anna.contact().id
    confirm(anna, path)
    now = datetime.now(UTC)
    assert not address_wishes.ask_to_change(contact_id, anna.token, NEW, OTHER, "en", now)
    assert rows(AddressChange) == 0


def test_confirming_ends_every_other_change(anna: Supporter) -> None:
    path = ask(anna)
    change = db.session.scalars(select(AddressChange)).one()
    second = {"contact_id": change.contact_id, "sealed": change.sealed}
    second |= {"expires_at": change.expires_at, "email_index": b"another-index-16"}
    db.session.add(AddressChange(hash=b"2" * 32, **second))
    db.session.commit()
    assert confirm(anna, path) == 200
    assert rows(AddressChange) == 0


def test_two_who_ask_at_once_leave_one_link(app: Flask, anna: Supporter) -> None:
    anna.open_link()
    contact_id, start = anna.contact().id, threading.Barrier(2)
    db.session.rollback()

    def press(new: str) -> bool:
        with app.test_request_context(method="POST"):
            start.wait(5)
            now = datetime.now(UTC)
            asked = address_wishes.ask_to_change(contact_id, anna.token, ANNA, new, "en", now)
            db.session.commit()
            return asked

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(press, (NEW, OTHER))) == [True, True]
    assert rows(AddressChange) == 1


def test_who_asks_while_another_change_is_confirmed_waits(app: Flask, anna: Supporter) -> None:
    """And finds the private link gone: no second link stays alive."""
    path, contact_id = ask(anna).rsplit("/", 1)[1], anna.contact().id
    db.session.rollback()
    now = datetime.now(UTC)

    def press() -> bool:
        with app.test_request_context(method="POST"):
            link = anna.token
            asked = address_wishes.ask_to_change(contact_id, link, ANNA, OTHER, "en", now)
            db.session.commit()
            return asked

    with ThreadPoolExecutor(1) as threads:
        assert addresses.confirm_change(path, now)
        asked = threads.submit(press)
        assert not wait([asked], 0.5).done
        db.session.commit()
        assert not asked.result(5)
    assert rows(AddressChange) == 0


def test_released_copy_ends_with_the_old_address(anna: Supporter) -> None:
    path = ask(anna)
    contact_id, now = anna.contact().id, datetime.now(UTC)
    assert copies.ask_for_copy(contact_id, "en", now)
    wish = db.session.scalars(select(CopyRequest.id)).one()
    token = copies.release_copy(wish, {"my-data.json": "{}"}, now)
    assert copies.ask_for_copy(contact_id, "en", now)  # another, that waits
    db.session.commit()
    assert anna.client.get(f"{HOME}/copy/{token}").status_code == 200
    assert confirm(anna, path) == 200
    assert anna.client.get(f"{HOME}/copy/{token}").status_code == 410
    (waiting,) = db.session.scalars(select(CopyRequest)).all()
    assert waiting.released_at is None


def test_erasing_empties_the_mails_that_wait(anna: Supporter) -> None:
    ask(anna)
    anna.press("/erase", "/erase")
    assert not [mail for mail in mails() if mail.kind.startswith("address-")]


def test_change_of_a_replaced_vault_is_outdated(anna: Supporter) -> None:
    """Its box could not be opened for long: the key of an old vault goes."""
    path = ask(anna).rsplit("/", 1)[1]
    assert addresses.find_change(path, NOW)
    db.session.execute(update(VaultPair).values(retired_at=NOW))
    change = db.session.scalars(select(AddressChange)).one()
    change.sealed = change.sealed[:1] + (7).to_bytes(2, "big") + change.sealed[3:]
    db.session.flush()
    vault()  # the vault that seals is still the one that was checked a moment ago
    assert addresses.find_change(path, NOW) is None


def test_somebody_signs_with_the_new_address_meanwhile(app: Flask, anna: Supporter) -> None:
    """Two who press at once: one works, and nobody is lost."""
    path = ask(anna).rsplit("/", 1)[1]
    start = threading.Barrier(2)

    def press(_: int) -> bool:
        with app.app_context():
            start.wait(5)
            worked = addresses.confirm_change(path, NOW)
            db.session.commit()
            return worked

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(press, range(2))) == [False, True]
    assert (rows(Contact), rows(Signature)) == (1, 1)


@pytest.mark.parametrize("email", ["", "no address", "a@b"])
def test_bad_address_is_told(anna: Supporter, email: str) -> None:
    anna.open_link()
    answer = anna.press("/address", "/address", present=ANNA, email=email)
    assert answer.status_code == 422
    assert rows(AddressChange) == 0
    assert not anna.mails_of("address-change")


def test_mail_is_discreet_for_who_wished_so(anna: Supporter) -> None:
    anna.open_link()
    anna.press("/discreet-on")
    anna.press("/address", "/address", present=ANNA, email=NEW)
    (mail,) = [mail for mail in mails() if mail.kind == "address-change"]
    assert mail.params["discreet"]
    assert mail.params["path"].startswith(f"{HOME}/address/")


def test_old_changes_are_dropped(anna: Supporter) -> None:
    ask(anna)
    ends = datetime.now(UTC) + address_wishes.WORKS
    assert copies.drop_old(ends - timedelta(minutes=1)) == 0
    assert copies.drop_old(ends) == 1
