"""Whoever ticks the box gets mails that do not show what they are about, all of them."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.database import begin_write, db
from contacts import links
from contacts.services import add_contact
from mail import claims, outbox
from mail.worker import Worker
from tests.support.letters import SLUG, confirm, contact, give, header, path_of, pay
from tests.support.visitor import sign, volunteer
from vault.services import vault

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


@pytest.mark.parametrize("kind", ["gift-expired", "gift-pending", "gift-failed", "recurring-ended"])
def test_every_mail_to_a_discreet_person_is_discreet_whatever_queued_it(
    client: FlaskClient, deliver: Any, kind: str
) -> None:
    """Before a gift is paid, and once the person is erased, it hangs on no contact."""
    for email, is_discreet in (("anna@example.org", True), ("other@example.org", False)):
        add_contact(email, "en", "confirmed", datetime.now(UTC).date(), is_discreet)
        outbox.enqueue(
            kind=kind,
            idem_key=f"{kind}:{email}",
            language="en",
            to=email,
            params={"amount": "€25.00", "fund": "X", "path": "/en/donate", "reason": "donor"},
            now=datetime.now(UTC),
        )
    db.session.commit()
    quiet, usual = sorted(deliver(), key=lambda mail: bool(mail.html))
    assert (quiet.subject, quiet.html) == (NEUTRAL["en"], "")
    assert (header(quiet, "To"), header(usual, "To")) == ("anna@example.org", "other@example.org")
    assert usual.html


def test_looking_for_the_wish_waits_for_nobody_who_writes(app: Flask, client: FlaskClient) -> None:
    """It is one look for each mail: SQLite's write lock is not taken for it."""
    sign(client)
    now = datetime.now(UTC)
    worker, key = Worker(app, clock=lambda: now), vault().mail_key()
    [email] = claims.claim(now + timedelta(seconds=1), 1)
    db.session.commit()
    begin_write()  # somebody signs at this moment
    started = time.monotonic()
    assert worker._write(email, key).subject
    assert time.monotonic() - started < 2  # whoever waits for the lock waits 5 seconds
    db.session.rollback()
