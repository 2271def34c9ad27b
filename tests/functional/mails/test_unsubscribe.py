"""Leaving the news by one click (RFC 8058), also by a mail provider in one's name."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from config.database import db
from contacts.merging import merge
from contacts.models import Consent, Contact
from contacts.services import add_contact
from contacts.unsubscribe import contact_in, unsubscribe_path
from tests.support.letters import confirm, contact, give, header, pay
from tests.support.visitor import sign

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def reader(client: FlaskClient, deliver: Any) -> uuid.UUID:
    """Somebody who gets news."""
    sign(client, newsletter="y")
    [mail] = deliver()
    assert header(mail, "List-Unsubscribe") is None  # nothing to leave yet
    confirm(client, mail)
    assert contact().newsletter
    return contact().id


def test_one_click_leaves_the_news(app: Flask, client: FlaskClient, deliver: Any) -> None:
    reader(client, deliver)
    pay(give(client), datetime.now(UTC))
    [mail] = deliver()
    assert header(mail, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    address = (header(mail, "List-Unsubscribe") or "").strip("<>")
    assert address.startswith("https://vigil.example/en/unsubscribe/")
    assert address in mail.text
    app.extensions["vault"].keys.drop()  # works without index key
    provider = app.test_client()  # says neither Origin nor Sec-Fetch-Site
    path = urlsplit(address).path
    assert provider.get(path).status_code == 200
    assert contact().newsletter  # following the link changes nothing
    for _ in range(2):
        answer = provider.post(path, data=ONE_CLICK)
        assert (answer.status_code, answer.location) == (200, None)
        assert "Set-Cookie" not in answer.headers
    assert not contact().newsletter
    given = select(Consent.is_given).where(Consent.purpose == "newsletter")
    assert sorted(db.session.scalars(given)) == [False, True]
    db.session.rollback()
    pay(give(client), datetime.now(UTC))
    [mail] = deliver()
    assert header(mail, "List-Unsubscribe") is None


def test_form_data_of_several_parts_works_too(client: FlaskClient, deliver: Any) -> None:
    path = unsubscribe_path("be", reader(client, deliver))
    kind = "multipart/form-data"
    answer = client.post(path, data=ONE_CLICK, content_type=kind)
    assert answer.status_code == 200
    assert not contact().newsletter


def test_post_without_the_one_click_asks_first(client: FlaskClient, deliver: Any) -> None:
    path = unsubscribe_path("be", reader(client, deliver))
    assert client.post(path).status_code == 400
    assert contact().newsletter


@pytest.mark.parametrize("change", ["x", "", "id", "mac", "other"])
def test_forged_link_changes_nothing(client: FlaskClient, deliver: Any, change: str) -> None:
    path = unsubscribe_path("en", reader(client, deliver))
    start, _, mac = path.rpartition(".")
    forged = {
        "x": "/en/unsubscribe/x",
        "": f"{start}.",
        "id": f"/en/unsubscribe/AAAAAAAAAAAAAAAAAAAAAA.{mac}",
        "mac": f"{start}.{'A' * len(mac)}",
        "other": f"{start}.{unsubscribe_path('en', uuid.uuid4()).rpartition('.')[2]}",
    }[change]
    assert client.get(forged).status_code == 404
    assert client.post(forged, data=ONE_CLICK).status_code == 404
    assert contact().newsletter


def test_link_outlives_a_change_of_the_form_key(app: Flask) -> None:
    contact_id, keys = uuid.uuid4(), app.extensions["vigil_form_keys"]
    token = unsubscribe_path("en", contact_id).rpartition("/")[2]
    keys.append("n" * 40)  # the newest signs
    assert unsubscribe_path("en", contact_id).rpartition("/")[2] != token
    assert contact_in(token) == contact_id
    del keys[0]
    assert contact_in(token) is None


@pytest.mark.parametrize("language", ["en", "uk", "be"])
def test_link_of_somebody_merged_or_erased_does_not_say_that_it_is_done(
    app: Flask, client: FlaskClient, deliver: Any, language: str
) -> None:
    kept = reader(client, deliver)
    day = datetime.now(UTC).date()
    gone = add_contact("other@example.org", language, "confirmed", day)
    db.session.execute(update(Contact).values(newsletter=True))
    path = unsubscribe_path(language, gone)
    assert merge(gone, kept, datetime.now(UTC))
    db.session.commit()
    page = client.get(path)
    main = page.text.partition("<main")[2].partition("</main>")[0]
    assert (page.status_code, f'href="/{language}/my-data"' in main) == (200, True)
    assert "<form" not in main
    answer = client.post(path, data=ONE_CLICK)
    assert (answer.status_code, answer.text) == (410, page.text)
    assert contact().newsletter  # of the one who stays, by whose own link they end
    assert client.post(unsubscribe_path(language, kept), data=ONE_CLICK).status_code == 200
    assert not contact().newsletter
