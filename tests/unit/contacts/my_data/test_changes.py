"""What somebody changes on their own page: each counts, and only for themselves."""

from __future__ import annotations

import re
import uuid

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from config.database import db
from contacts import tally
from contacts.consents import consents_of
from contacts.models import Consent, Contact, Correction
from contacts.services import add_contact
from donate.models import Donation
from petitions.models import Signature
from tests.support.moments import NOW
from tests.unit.contacts.my_data.conftest import ANNA, HOME, OTHER, Supporter, rows, words_of
from volunteers.models import VolunteerSignup


def entry_path(page: str, kind: str) -> str:
    found = re.search(rf"/withdraw/{kind}/[0-9a-f-]{{36}}", page)
    assert found, page
    return found[0]


def test_page_shows_deeds_and_the_exact_words(anna: Supporter) -> None:
    anna.volunteer(newsletter="y")
    anna.open_link()
    page = anna.get()
    for words in ("Signature", "Offer to help", "confirmed", "To get the newsletter"):
        assert words in page.text, words
    for consent in consents_of(anna.contact().id):
        assert consent.words in page.text
    for sealed in (ANNA, "Kavalenka", "+370", "I can start"):
        assert sealed not in page.text
    assert "Our server cannot open them" in words_of(page)


def test_page_shows_nothing_of_others(anna: Supporter, other: Supporter) -> None:
    other.volunteer()
    anna.open_link()
    assert "Offer to help" not in anna.get().text


def test_withdrawn_signature_counts_no_longer(anna: Supporter) -> None:
    anna.open_link()
    path = entry_path(anna.get().text, "signature")
    assert "counts no longer" in words_of(anna.get(path))
    assert rows(Signature) == 1
    answer = anna.press(path, path)
    assert answer.status_code == 303
    assert (rows(Signature), tally.total("signature.confirmed")) == (0, 0)
    page = anna.client.get(answer.headers["Location"])
    assert "It is withdrawn" in page.text
    ledger = consents_of(anna.contact().id)
    assert [(row.purpose, row.is_given) for row in ledger] == [
        ("signature", False),
        ("signature", True),
    ]
    assert ledger[0].words == ledger[1].words


def test_second_press_withdraws_nothing_more(anna: Supporter) -> None:
    anna.open_link()
    path = entry_path(anna.get().text, "signature")
    for _ in range(2):
        assert anna.press(path).status_code == 303
    assert tally.total("signature.confirmed") == 0
    assert rows(Consent) == 2


def test_withdrawn_offer_is_gone_and_news_stay(anna: Supporter) -> None:
    anna.volunteer(newsletter="y")
    anna.open_link()
    anna.press(entry_path(anna.get().text, "volunteer"))
    assert rows(VolunteerSignup) == 0
    assert anna.contact().newsletter
    given = [row.purpose for row in consents_of(anna.contact().id) if not row.is_given]
    assert given == ["volunteering"]


@pytest.mark.parametrize("kind", ["signature", "volunteer", "donation", "no-such"])
def test_nobody_withdraws_what_is_not_theirs(anna: Supporter, other: Supporter, kind: str) -> None:
    other.sign()
    other.volunteer()
    anna.open_link()
    for model in (Signature, VolunteerSignup):
        for row in db.session.scalars(select(model)).all():
            if row.contact_id != anna.contact().id:
                path = f"/withdraw/{kind}/{row.id}"
                assert anna.get(path).status_code == 404
                anna.press(path)
    assert (rows(Signature), rows(VolunteerSignup)) == (2, 1)


def test_news_stop_and_the_ledger_says_so(anna: Supporter) -> None:
    anna.sign(newsletter="y")
    assert anna.contact().newsletter
    anna.open_link()
    assert "No more news" in anna.get().text
    anna.press("/news-off")
    assert not anna.contact().newsletter
    assert "No more news" not in anna.get().text
    assert sum(row.purpose == "newsletter" for row in consents_of(anna.contact().id)) == 2


def test_discreet_mails_are_chosen_and_given_up(anna: Supporter) -> None:
    anna.open_link()
    anna.press("/discreet-on")
    assert anna.contact().is_discreet
    anna.press("/discreet-off")
    assert not anna.contact().is_discreet


def test_corrected_details_are_sealed(anna: Supporter) -> None:
    anna.open_link()
    typed = {"name": "Hanna Canary", "phone": "+370 612 34567", "country": "PL", "note": "Hi"}
    answer = anna.press("/details", "/details", **typed)
    assert answer.headers["Location"].endswith("?done=details")
    correction = db.session.scalars(select(Correction)).one()
    assert (correction.contact_id, correction.day) == (anna.contact().id, NOW.date())
    assert b"Canary" not in correction.sealed
    assert "You last corrected your details on" in anna.get().text


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"name": "  "},
        {"phone": "12"},
        {"country": "XX"},
        {"note": "x" * 1001},
        {"name": "\u202e"},
    ],
)
def test_correction_that_is_none_is_told(anna: Supporter, typed: dict[str, str]) -> None:
    anna.open_link()
    answer = anna.press("/details", "/details", **typed)
    assert answer.status_code == 422
    assert answer.headers["Cache-Control"] == "no-store"
    assert rows(Correction) == 0


def test_gifts_open_by_a_link_of_their_own(anna: Supporter) -> None:
    gift = {"amount_minor": 2500, "currency": "EUR", "fund": "legal-help", "language": "en"}
    gift |= {"state": "paid", "day": NOW.date(), "created_at": NOW, "contact_id": anna.contact().id}
    anna.open_link()
    assert anna.press("/gifts").status_code == 404
    db.session.add(Donation(**gift))
    db.session.commit()
    page = anna.get()
    assert "€25" in page.text
    answer = anna.press("/gifts")
    assert answer.status_code == 303
    assert anna.token not in answer.headers["Location"]
    assert "€25" in anna.client.get(answer.headers["Location"]).text


def test_erasing_leaves_nobody(anna: Supporter, other: Supporter) -> None:
    anna.volunteer()
    other.sign()
    anna.open_link()
    assert "What stays" in anna.get("/erase").text
    answer = anna.press("/erase", "/erase")
    assert answer.headers["Location"] == f"{HOME}/erased"
    assert anna.get().status_code == 410
    (left,) = db.session.scalars(select(Contact)).all()
    assert left.id == other.contact().id
    assert {row.contact_id for row in db.session.scalars(select(Consent))} == {left.id}
    assert tally.total("signature.confirmed") == 1


def test_who_is_gone_gets_no_page(client: FlaskClient, other: Supporter) -> None:
    """A contact without any deed still has a page."""
    add_contact(OTHER, "en", "pending", NOW.date())
    db.session.commit()
    other.open_link()
    page = other.get()
    assert page.status_code == 200
    assert "There is nothing any more." in page.text
    assert other.get(f"/withdraw/signature/{uuid.uuid4()}").status_code == 404
