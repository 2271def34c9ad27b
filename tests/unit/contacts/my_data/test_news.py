"""A wish for news that came with a gift: the owner of the address is asked, once."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.database import db
from contacts import consents
from contacts.models import Contact, PrivateLink
from contacts.my_data import news
from contacts.services import Agreed, add_contact, consent_text
from tests.support.moments import NOW
from tests.support.visitor import Mail, form_token, mails
from tests.unit.contacts.my_data.conftest import ANNA, rows

GIFT = uuid.uuid4()


@pytest.fixture
def contact_id(app: Flask) -> uuid.UUID:
    """Somebody who gave and ticked the news."""
    made = add_contact(ANNA, "be", "confirmed", NOW.date())
    text_hash = consent_text(Agreed("newsletter", "Write to me."), "be", NOW.date())
    consents.give(made, "newsletter", text_hash, GIFT, NOW.date())
    db.session.commit()
    return made


def ask(contact_id: uuid.UUID, **more: bool) -> bool:
    asked = news.ask_to_confirm(contact_id, GIFT, ANNA, "be", NOW, **more)
    db.session.commit()
    return asked


def asked() -> Mail:
    (mail,) = mails()
    assert mail.kind == "confirm-newsletter"
    return mail


def wants_news(contact_id: uuid.UUID) -> bool:
    db.session.expire_all()
    return db.session.get_one(Contact, contact_id).newsletter


def test_news_begin_with_the_press_of_the_button(
    client: FlaskClient, contact_id: uuid.UUID
) -> None:
    assert ask(contact_id)
    mail = asked()
    assert (mail.to, mail.language) == (ANNA, "be")
    page = client.get(mail.params["path"])
    assert page.status_code == 200
    assert not wants_news(contact_id)
    assert client.post(mail.params["path"]).status_code == 422
    assert not wants_news(contact_id)
    sent = {"form_token": form_token(page.text)}
    assert client.post(mail.params["path"], data=sent).status_code == 200
    assert wants_news(contact_id)
    assert client.get(mail.params["path"]).status_code == 410


def test_one_mail_for_one_wish(contact_id: uuid.UUID) -> None:
    assert ask(contact_id)
    assert not ask(contact_id)
    asked()
    assert rows(PrivateLink) == 1


def test_who_gets_news_is_not_asked(contact_id: uuid.UUID) -> None:
    db.session.get_one(Contact, contact_id).newsletter = True
    db.session.commit()
    assert not ask(contact_id)
    assert (mails(), rows(PrivateLink)) == ([], 0)


def test_who_said_no_is_not_asked(contact_id: uuid.UUID) -> None:
    consents.stop_news(contact_id, NOW.date())
    assert not ask(contact_id)
    assert mails() == []


def test_who_said_no_meanwhile_gets_none(contact_id: uuid.UUID) -> None:
    ask(contact_id)
    consents.stop_news(contact_id, NOW.date())
    db.session.commit()
    assert not news.confirm(asked().params["path"].rsplit("/", 1)[1], NOW)
    db.session.commit()
    assert not wants_news(contact_id)


def test_link_works_for_a_week(contact_id: uuid.UUID) -> None:
    ask(contact_id)
    token = asked().params["path"].rsplit("/", 1)[1]
    assert not news.confirm(token, NOW + news.WORKS)
    db.session.rollback()
    assert news.confirm(token, NOW + news.WORKS - timedelta(seconds=1))


def test_discreet_gift_is_asked_about_discreetly(contact_id: uuid.UUID) -> None:
    ask(contact_id, is_discreet=True)
    assert asked().params["discreet"]
