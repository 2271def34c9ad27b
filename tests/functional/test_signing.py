"""Signing a petition, from the form to the count."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from config.database import db
from contacts import consents, tally
from contacts.models import Consent, ConsentText, Contact
from mail.models import OutgoingEmail
from petitions.models import Signature
from tests.conftest import SAME_ORIGIN
from tests.support.visitor import PETITION, errors, mails, old_token, sign

SLUG = "bring-the-children-home"


def count(model: type) -> int:
    """Rows of a table."""
    n = db.session.scalar(select(func.count()).select_from(model))
    db.session.rollback()
    return n or 0


def counts() -> tuple[int, int]:
    """Pending and confirmed signatures."""
    found = tally.total("signature.pending", SLUG), tally.total("signature.confirmed", SLUG)
    db.session.rollback()
    return found


def test_a_signature_counts_once_it_is_confirmed(client: FlaskClient) -> None:
    answer = sign(client)
    assert (answer.status_code, answer.location) == (303, "/en/check-inbox")
    assert counts() == (1, 0)
    (mail,) = mails()
    assert (mail.kind, mail.to, mail.language) == ("confirm-signature", "anna@example.org", "en")

    asked = client.get(mail.params["path"])
    assert asked.status_code == 200
    assert counts() == (1, 0)  # following the link changes nothing

    confirmed = client.post(mail.params["path"])
    assert (confirmed.status_code, confirmed.location) == (303, f"{PETITION}/thanks")
    assert counts() == (0, 1)
    assert client.get(confirmed.location).status_code == 200
    assert tally.by_country("signature.confirmed", least=1) == {"LT": 1}


def test_a_spent_link_says_so_and_counts_nothing(client: FlaskClient) -> None:
    sign(client)
    path = mails()[0].params["path"]
    client.post(path)
    again = client.post(path)
    assert again.status_code == 200
    assert "already" in again.text
    assert counts() == (0, 1)


def test_an_expired_link_says_so(client: FlaskClient) -> None:
    sign(client)
    db.session.execute(update(Signature).values(day=datetime.now(UTC).date() - timedelta(days=8)))
    db.session.commit()
    path = mails()[0].params["path"]
    assert client.get(path).status_code == 410
    assert client.post(path).status_code == 410
    assert counts() == (1, 0)


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "a" * 5000, "../../etc/passwd", "ё"])
def test_an_unknown_link_says_so(client: FlaskClient, token: str) -> None:
    for answer in (client.get(f"/en/confirm/{token}"), client.post(f"/en/confirm/{token}")):
        assert answer.status_code == 404
        assert "<h1" in answer.text


def test_one_person_counts_once_however_often_they_sign(client: FlaskClient) -> None:
    for email in ("anna@example.org", "Anna@Example.org", "anna@EXAMPLE.org"):
        sign(client, email=email)
    assert count(Contact) == 1
    assert count(Signature) == 3
    for mail in mails():
        assert client.post(mail.params["path"]).status_code == 303
    assert counts() == (0, 1)


def test_known_and_unknown_addresses_get_the_same_answer(client: FlaskClient) -> None:
    answers = [sign(client) for _ in range(5)]  # new, then known, then over the cap of mails
    assert {(a.status_code, a.location, a.text) for a in answers} == {
        (303, "/en/check-inbox", answers[0].text)
    }
    assert {tuple(sorted(a.headers.keys())) for a in answers} == {
        tuple(sorted(answers[0].headers.keys()))
    }


def test_an_address_gets_three_mails_a_day_whatever_is_typed(client: FlaskClient) -> None:
    for email in (
        "a.n.n.a+1@gmail.com",
        "anna+2@gmail.com",
        "anna@googlemail.com",
        "anna@gmail.com",
    ):
        sign(client, email=email)
    assert count(OutgoingEmail) == 3
    assert count(Signature) == 4


def test_fifty_at_once_with_one_address_are_one_contact(app: Flask, client: FlaskClient) -> None:
    token = old_token(client, 10)
    answers: list[int] = []

    def one() -> None:
        visitor = app.test_client()
        visitor.environ_base.update(SAME_ORIGIN)
        data = {"name": "A", "email": "anna@example.org", "country": "LT", "consent": "y"}
        answer = visitor.post(PETITION, data={**data, "form_token": token})
        answers.append(answer.status_code)

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [303] * 50
    assert count(Contact) == 1
    assert count(Signature) == 50
    assert 1 <= count(OutgoingEmail) <= 3
    assert counts() == (50, 0)


def test_two_confirmations_at_once_count_once(app: Flask, client: FlaskClient) -> None:
    sign(client)
    sign(client)
    paths = [mail.params["path"] for mail in mails()] * 4
    statuses: list[int] = []

    def one(path: str) -> None:
        visitor = app.test_client()
        visitor.environ_base.update(SAME_ORIGIN)
        statuses.append(visitor.post(path).status_code)

    threads = [threading.Thread(target=one, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 303}
    assert counts() == (0, 1)


def test_consents_are_kept_with_their_exact_words(client: FlaskClient) -> None:
    sign(client, newsletter="y")
    sign(client, email="other@example.org")
    assert count(Consent) == 3
    words = set(db.session.scalars(select(ConsentText.words)))
    page = client.get(PETITION).text
    assert len(words) == 2
    assert all(sentence in page for sentence in words)
    contact = select(Contact.newsletter)
    assert list(db.session.scalars(contact)) == [False, False]  # nothing before the confirmation
    db.session.rollback()
    for mail in mails():
        client.post(mail.params["path"])
    assert sorted(db.session.scalars(contact)) == [False, True]


def test_without_the_index_key_signing_goes_on(app: Flask, client: FlaskClient) -> None:
    app.extensions["vault"].keys.drop()
    assert sign(client).status_code == 303
    assert sign(client).status_code == 303
    assert list(db.session.scalars(select(Contact.email_index))) == [None, None]


def test_folding_changes_no_sum(client: FlaskClient) -> None:
    for number in range(7):
        sign(client, email=f"p{number}@example.org")
    for mail in mails()[:4]:
        client.post(mail.params["path"])
    before = counts(), tally.by_day("signature.confirmed")
    tally.fold(datetime.now(UTC))
    db.session.commit()
    assert (counts(), tally.by_day("signature.confirmed")) == before
    assert counts() == (3, 4)


def test_fewer_than_five_of_a_country_are_not_shown(client: FlaskClient) -> None:
    for number in range(5):
        sign(client, email=f"p{number}@example.org", country="LT" if number else "PL")
    for mail in mails():
        client.post(mail.params["path"])
    assert tally.by_country("signature.confirmed") == {}
    sign(client, email="p6@example.org")
    client.post(mails()[-1].params["path"])
    assert tally.by_country("signature.confirmed") == {"LT": 5}


def test_the_honeypot_stores_nothing(client: FlaskClient) -> None:
    answer = sign(client, website="https://spam.example")
    assert answer.status_code == 422
    assert count(Signature) == 0


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("email", "", "name@example.org"),
        ("email", "anna", "name@example.org"),
        ("email", "anna@exa\x00mple.org", "name@example.org"),
        ("email", "anna\u202e@example.org", "name@example.org"),
        ("email", "a" * 10_000 + "@example.org", "name@example.org"),
        ("email", "anna@example.org\r\nBcc: x@example.org", "name@example.org"),
        ("email", "anna@-example-.org", "name@example.org"),
        ("name", "", "name"),
        ("name", "A" * 201, "200"),
        ("name", "A\x00", "hidden"),
        ("name", "\u2067evil", "hidden"),
        ("country", "ZZ", "Choose a country"),
        ("country", "", "Choose a country"),
        ("country", "Lithuania", "Choose a country"),
        ("consent", "", "Tick the box"),
    ],
)
def test_bad_input_is_told_and_kept(client: FlaskClient, field: str, value: str, says: str) -> None:
    answer = sign(client, **{field: value, "name": value if field == "name" else "Kept Name"})
    assert answer.status_code == 422
    assert any(says in sentence for sentence in errors(answer.text)), errors(answer.text)
    if field != "name":
        assert "Kept Name" in answer.text
    assert count(Signature) == count(Contact) == count(OutgoingEmail) == 0


def test_a_stale_form_keeps_what_was_typed(client: FlaskClient) -> None:
    answer = client.post(PETITION, data={"form_token": old_token(client, 5 * 3600), "name": "Kept"})
    assert answer.status_code == 422
    assert "Kept" in answer.text
    assert "open for a long time" in answer.text


@pytest.mark.parametrize("token", ["", "form.x.y", "forged", "form.AAAA.\x00"])
def test_a_forged_form_is_refused(client: FlaskClient, token: str) -> None:
    answer = client.post(PETITION, data={"form_token": token, "name": "Kept"})
    assert answer.status_code == 400
    assert "Kept" in answer.text
    assert count(Signature) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_posts_of_other_sites_are_refused(app: Flask, headers: dict[str, str]) -> None:
    stranger = app.test_client()
    answer = stranger.post(PETITION, headers=headers, base_url="http://127.0.0.1:8000")
    assert answer.status_code == 403
    assert count(Signature) == 0


def test_an_old_browser_with_only_an_origin_is_let_in(app: Flask, client: FlaskClient) -> None:
    token = old_token(client, 5)
    old = app.test_client()
    data = {"name": "A", "email": "a@example.org", "country": "UA", "consent": "y"}
    answer = old.post(
        PETITION,
        data={**data, "form_token": token},
        headers={"Origin": "http://127.0.0.1:8000"},
        base_url="http://127.0.0.1:8000",
    )
    assert answer.status_code == 303


def test_who_has_unsubscribed_meanwhile_gets_no_news_by_confirming(client: FlaskClient) -> None:
    sign(client, newsletter="y")
    contact = db.session.scalars(select(Contact)).one()
    consents.stop_news(contact.id, contact.day)
    db.session.commit()
    token = mails()[-1].params["path"]
    assert client.post(token).status_code == 303
    db.session.expire_all()
    assert db.session.scalars(select(Contact.newsletter)).one() is False
