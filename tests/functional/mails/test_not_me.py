"""Somebody else typed the address: the link in the mail erases it, and says what was done."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from config.database import db
from contacts.models import Consent, Contact
from mail.models import OutgoingEmail
from petitions.models import Signature
from tests.conftest import SAME_ORIGIN
from tests.support.letters import confirm, counted, path_of, rows
from tests.support.visitor import sign, volunteer
from volunteers.models import VolunteerSignup


def test_not_me_erases_what_was_entered(client: FlaskClient, deliver: Any) -> None:
    sign(client, newsletter="y")
    [mail] = deliver()
    link = path_of(mail, "not-me")
    assert client.get(link).status_code == 200
    assert (rows(Signature), counted()) == (1, (1, 0))  # following the link changes nothing
    answer = client.post(link)
    assert answer.status_code == 200
    assert "erased" in answer.text
    assert [rows(model) for model in (Signature, Consent, Contact)] == [0, 0, 0]
    assert counted() == (0, 0)
    assert db.session.scalars(select(OutgoingEmail.blob)).all() == [None]
    for path in (link, path_of(mail, "confirm")):
        assert client.post(path).status_code == 404
    assert "used before" in client.get(link).text
    assert deliver(days=2) == []


def test_not_me_keeps_what_else_the_person_did(client: FlaskClient, deliver: Any) -> None:
    volunteer(client)
    confirm(client, deliver()[0])
    sign(client)
    client.post(path_of(deliver()[0], "not-me"))
    assert [rows(model) for model in (Signature, VolunteerSignup, Contact)] == [0, 1, 1]
    assert rows(Consent) == 1


def test_not_me_after_confirming_says_so(client: FlaskClient, deliver: Any) -> None:
    sign(client)
    [mail] = deliver()
    confirm(client, mail)
    answer = client.post(path_of(mail, "not-me"))
    assert answer.status_code == 200
    assert "was confirmed" in answer.text
    assert counted() == (0, 1)


def test_not_me_works_while_the_expired_row_is_still_there(
    client: FlaskClient, deliver: Any
) -> None:
    sign(client)
    [mail] = deliver()
    db.session.execute(update(Signature).values(day=datetime.now(UTC).date() - timedelta(days=9)))
    db.session.commit()
    assert client.post(path_of(mail, "not-me")).status_code == 200
    assert rows(Contact) == 0


def test_not_me_from_another_site_is_refused(app: Flask, client: FlaskClient, deliver: Any) -> None:
    sign(client)
    [mail] = deliver()
    stranger = app.test_client()
    answer = stranger.post(path_of(mail, "not-me"))
    assert (answer.status_code, rows(Signature)) == (403, 1)


def test_confirming_and_disowning_at_once_leaves_one_of_both(
    app: Flask, client: FlaskClient, deliver: Any
) -> None:
    for number in range(4):
        sign(client, email=f"p{number}@example.org")
    mails = deliver()
    paths = [path_of(mail, page) for mail in mails for page in ("confirm", "not-me") * 2]
    gate = threading.Barrier(len(paths))
    statuses: list[int] = []

    def press(path: str) -> None:
        visitor = app.test_client()
        visitor.environ_base.update(SAME_ORIGIN)
        gate.wait()
        statuses.append(visitor.post(path).status_code)

    threads = [threading.Thread(target=press, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 303, 404}
    left = rows(Signature)
    assert counted() == (0, left)
    assert (rows(Contact), rows(Consent)) == (left, left)
