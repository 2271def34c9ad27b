"""Whoever ticks the box gets mails that do not show what they are about, all of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.database import db
from contacts import links
from contacts.services import add_contact
from tests.support.letters import SLUG, confirm, contact, give, path_of, pay
from tests.support.visitor import sign, volunteer

NEUTRAL = {"en": "About your request", "uk": "Щодо вашого звернення", "be": "Наконт вашага звароту"}


@pytest.mark.parametrize("language", ["en", "uk", "be"])
def test_discreet_visitor_gets_discreet_mails(
    client: FlaskClient, deliver: Any, language: str
) -> None:
    sign(client, path=f"/{language}/petitions/{SLUG}", discreet="y")
    assert contact().is_discreet
    found = [*deliver(), *deliver(days=2)]
    assert len(found) == 2
    for mail in found:
        assert (mail.subject, mail.html) == (NEUTRAL[language], "")
        assert "Night Watch" not in str(mail.headers) + mail.text
        assert "post@vigil.example" in mail.from_
    confirm(client, found[1])


def test_absent_tick_means_ordinary_mails(client: FlaskClient, deliver: Any) -> None:
    sign(client)
    assert not contact().is_discreet
    [mail] = deliver()
    assert "Night Watch" in mail.from_ + mail.html
    confirm(client, mail)
    assert not contact().is_discreet


def test_known_contact_becomes_discreet_only_by_its_own_mail(
    client: FlaskClient, deliver: Any
) -> None:
    sign(client)
    deliver()
    volunteer(client, discreet="y")
    [mail] = deliver()
    assert mail.html == ""  # the mail that asks is discreet at once
    assert not contact().is_discreet
    confirm(client, mail)
    assert contact().is_discreet
    sign(client)  # a form sent without the tick takes nothing back
    [mail] = deliver()
    assert mail.html == ""
    confirm(client, mail)
    assert contact().is_discreet


def test_without_the_index_key_a_mail_is_as_its_form_said(
    app: Flask, client: FlaskClient, deliver: Any
) -> None:
    sign(client, discreet="y")
    confirm(client, deliver()[0])
    app.extensions["vault"].keys.drop()
    sign(client)
    assert deliver()[0].html


def test_private_link_for_a_discreet_contact_tells_nothing(
    app: Flask, client: FlaskClient, deliver: Any
) -> None:
    now = datetime.now(UTC)
    donation = give(client, discreet="y")
    pay(donation, now)
    deliver()
    db.session.commit()
    links.ask("giving", "anna@example.org", "be", now)
    db.session.commit()
    links.answer_requests(now)
    db.session.commit()
    [mail] = deliver()
    assert (mail.subject, mail.html) == (NEUTRAL["be"], "")
    opened = client.get(path_of(mail, "open"))
    assert opened.status_code == 303
    assert opened.location.startswith("/be/donate/manage/")
    assert client.get(opened.location).status_code == 200
    assert client.get("/be/open/unknown").status_code == 410


def test_discreet_gift_is_thanked_for_discreetly(client: FlaskClient, deliver: Any) -> None:
    donation = give(client, discreet="y")
    pay(donation, datetime.now(UTC))
    [mail] = deliver()
    assert (mail.subject, mail.html) == (NEUTRAL["en"], "")
    assert not re.search("gift|25|EUR|€|donat", mail.text)
    assert contact().is_discreet


def test_wish_of_a_gift_changes_no_contact_that_was_there(
    client: FlaskClient, deliver: Any
) -> None:
    """Anybody may pay with somebody else's address."""
    add_contact("anna@example.org", "en", "confirmed", datetime.now(UTC).date())
    db.session.commit()
    pay(give(client, discreet="y"), datetime.now(UTC))
    assert not contact().is_discreet
    assert deliver()[0].html == ""
