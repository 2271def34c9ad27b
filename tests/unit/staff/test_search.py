"""Free-text search through sealed boxes, and the page that grows while it goes on."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterable

import pytest
from flask import Flask
from sqlalchemy import event, insert, select, update

from config.database import db
from contacts.models import Contact, Correction
from donate.models import Donation
from petitions.models import Signature
from staff.models import AuditEvent
from staff.people import search as searching
from staff.people import views_search
from staff.people.folding import fold, phone_digits
from staff.people.search import End, Hit, Terms, search
from tests.support.moments import NOW
from tests.unit.staff.conftest import PETITION, Browser, People
from tests.unit.staff.keyed import Desk
from vault.services import vault

OTHER_PETITION = "home-to-their-children"


@pytest.mark.parametrize(
    ("typed", "found_in"),
    [
        ("ковалёва", "Анна КОВАЛЕВА"),
        ("ковалева", "Анна Ковалёва"),
        ("anna kaval", "Kavalenka,  ANNA"),
        ("mar'yana", "Mar’yana"),  # noqa: RUF001
        ("мар’яна", "Марʼяна"),  # noqa: RUF001
        ("zofia", "Żofia"),
        ("lukasz", "Łukasz"),
        ("straße", "STRASSE"),
        ("ﬁona", "Fiona"),
        ("анна", "А́нна"),
        ("e\u0301va", "éva"),
    ],
)
def test_folding_makes_one_of_what_people_take_for_the_same(typed: str, found_in: str) -> None:
    assert Terms(typed).are_in({"name": found_in})


@pytest.mark.parametrize(
    ("typed", "not_in"),
    [("мой", "мои"), ("ўлад", "улад"), ("їжак", "іжак"), ("anna petrenka", "Anna Kavalenka")],
)
def test_other_letters_stay_other_letters(typed: str, not_in: str) -> None:
    assert not Terms(typed).are_in({"name": not_in})


@pytest.mark.parametrize("typed", ["+370 612", "37061234567", "612-34567", "(612) 345 67"])
def test_phone_is_found_however_it_is_written(typed: str) -> None:
    assert Terms(typed).are_in({"phone": "+370 612 34567"})


def test_words_of_a_form_that_no_visitor_wrote_are_not_searched() -> None:
    given = {"name": "Ada", "country": "LT", "agreed": ["ab12cd"], "at": "2026-01-01T00:00:00Z"}
    for word in ("lt", "ab12cd", "2026", "name", "agreed"):
        assert not Terms(word).are_in(given)
    assert not Terms(" \u200b")
    assert fold("A\u00a0 b") == "a b"
    assert phone_digits("1234") == ""


@pytest.fixture
def desk(app: Flask, holder_key: bytes) -> Desk:
    """A key holder."""
    return Desk(app, holder_key)


def found(desk: Desk, words: str, campaign: str = "", after: str = "") -> tuple[list[str], End]:
    """The names that a search finds, and its end."""
    with desk.app.app_context():
        opener = vault().open_with(desk.key)
        events = list(search(Terms(words), campaign, opener, after))
    end = events[-1]
    assert isinstance(end, End)
    return [str(one.details["name"]) for one in events if isinstance(one, Hit)], end


def test_every_kind_of_deed_is_searched_in_every_field(
    app: Flask, desk: Desk, people: People
) -> None:
    people.create_signature("Ada Jasna")
    people.create_donation("Dora Jasna")
    people.create_volunteer("Vera", details={"message": "I know Jasna."})
    people.create_volunteer("Vita", details={"languages": "jasnaŭ"})
    people.create_volunteer("Vlada", "jasna@example.org")
    with app.app_context():
        contact_id = db.session.scalars(select(Contact.id).limit(1)).one()
        row_id = uuid.uuid4()
        box = vault().seal("correction", row_id, {"name": "Corrected Jasna"})
        row = {"contact_id": contact_id, "sealed": box, "day": NOW.date()}
        db.session.execute(insert(Correction).values(id=row_id, **row))
        db.session.commit()
    names, end = found(desk, "JASNA")
    assert sorted(names) == [
        "Ada Jasna", "Corrected Jasna", "Dora Jasna", "Vera", "Vita", "Vlada",
    ]  # fmt: skip
    assert (end.searched, end.total, end.found, end.place) == (6, 6, 6, None)
    assert found(desk, "nobody")[0] == []


def test_campaign_narrows_the_search(desk: Desk, people: People) -> None:
    people.create_signature("Ada")
    people.create_signature("Ada Other", "ada@example.org", petition=OTHER_PETITION)
    people.create_donation("Ada Donor", "ada@example.org")
    people.create_volunteer("Ada Helps", "ada@example.org")
    expected = {
        PETITION: ["Ada"], OTHER_PETITION: ["Ada Other"], "families": ["Ada Donor"],
        "volunteer": ["Ada Helps"], "legal-help": [],
    }  # fmt: skip
    for campaign, names in expected.items():
        assert found(desk, "ada", campaign)[0] == names
    assert found(desk, "ada", PETITION)[1].total == 1


def test_pages_go_on_where_the_last_one_ended(
    desk: Desk, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "SIZE", 4)
    monkeypatch.setattr(searching.search, "__defaults__", ("", 5))
    for n in range(7):
        people.create_signature(f"Ada S{n}", f"s{n}@example.org", days_ago=n % 3)
        people.create_volunteer(f"Ada V{n}", f"v{n}@example.org", days_ago=n % 2)
    names, place = [], ""
    while place is not None:
        page, end = found(desk, "ada", after=place)
        assert len(page) <= 5
        names, place = names + page, end.place
    assert sorted(names) == sorted(f"Ada {kind}{n}" for kind in "SV" for n in range(7))


def test_place_that_is_none_begins_anew(desk: Desk, people: People) -> None:
    people.create_signature("Ada")
    for place in ("x", "signature.2026-01-01.x", "contact.2026-01-01." + "0" * 32):
        assert found(desk, "ada", after=place)[0] == ["Ada"]


def test_box_that_does_not_open_is_counted_and_passed_over(
    app: Flask, desk: Desk, people: People
) -> None:
    people.create_signature("Ada")
    broken = people.create_signature("Ada Broken", "eva@example.org")
    with app.app_context():
        junk = update(Signature).where(Signature.id == broken).values(sealed=b"\x01\x00\x01junk")
        db.session.execute(junk)
        db.session.commit()
    names, end = found(desk, "ada")
    assert (names, end.unreadable) == (["Ada"], 1)


def names_on(page: str) -> list[str]:
    return re.findall(r"<bdi>([^<]*)</bdi>", page)


def test_page_shows_who_was_found_and_where_they_are(admin: Browser, people: People) -> None:
    volunteer = people.create_volunteer(
        "Vera <b>", details={"message": "My sister Jasna & I", "phone": "+37061234567"}
    )
    people.create_signature("Ada")
    answer = admin.post("/staff/contacts/find", {"words": "jasna"})
    page = answer.text
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert names_on(page) == ["Vera &lt;b&gt;"]
    assert "My sister Jasna &amp; I" in page
    assert "1 entry found." in page
    assert "All 2 looked through." in page
    found_at = re.search(r'href="(/staff/contacts/[0-9a-f-]{36})"', page)
    assert found_at
    assert "Vera" in admin.get(found_at[1]).text
    assert volunteer


def test_next_page_is_reached_by_a_button_that_carries_the_words(
    admin: Browser, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching.search, "__defaults__", ("", 2))
    for n in range(3):
        people.create_signature(f"Ada {n}", f"s{n}@example.org", days_ago=n)
    first = admin.post("/staff/contacts/find", {"words": "ada", "campaign": PETITION}).text
    assert names_on(first) == ["Ada 0", "Ada 1"]
    last_form = first[first.rindex("<form") :]
    carried = dict(re.findall(r'name="(\w+)"\s+value="([^"]*)"', last_form))
    carried.pop("csrf_token")
    assert carried["words"] == "ada"
    second = admin.post("/staff/contacts/find", carried).text
    assert names_on(second) == ["Ada 2"]
    assert "Go on from here" not in second


def test_hits_leave_before_the_search_is_over(
    app: Flask, admin: Browser, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "SIZE", 1)
    for n in range(3):
        people.create_signature(f"Ada {n}", f"s{n}@example.org", days_ago=n)
    opened: list[int] = []
    one = searching._open
    monkeypatch.setattr(
        searching, "_open", lambda *given: (opened.append(len(opened)), one(*given))[1]
    )
    token = re.search(r'name="csrf_token"\s+value="([^"]+)"', admin.get("/staff/sign-in").text)
    assert token
    answer = admin.client.post(
        "/staff/contacts/find", data={"csrf_token": token[1], "words": "ada"}, buffered=False
    )
    pieces: Iterable[bytes] = answer.response
    seen = b""
    for piece in pieces:
        seen += piece if isinstance(piece, bytes) else piece.encode()
        if b"Ada 0" in seen:
            break
    assert len(opened) <= 2, "the rest is still sealed"
    assert b"Ada 1" not in seen
    answer.close()


def test_no_words_get_an_error_and_no_search(admin: Browser, people: People) -> None:
    people.create_signature("Ada")
    for words in ("", "  ", "\u200b"):
        answer = admin.post("/staff/contacts/find", {"words": words})
        assert answer.status_code == 422
        assert 'class="error"' in answer.text
        assert 'class="found"' not in answer.text


def test_whoever_is_shown_is_in_the_audit_log_and_the_words_are_nowhere(
    app: Flask, admin: Browser, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    signature = people.create_signature("Ada Sekretnaja", "ada@example.org")
    contact = people.contact_of(Signature, signature)
    statements: list[str] = []
    with app.app_context():
        engine = db.engine
    listener = lambda *given: statements.append(f"{given[2]} {given[3]}")  # noqa: E731
    event.listen(engine, "before_cursor_execute", listener)
    try:
        answer = admin.post("/staff/contacts/find", {"words": "sekretnaja"})
        assert "1 entry found." in answer.text
    finally:
        event.remove(engine, "before_cursor_execute", listener)
    assert "sekretnaja" not in "".join(statements).lower()
    assert "sekretnaja" not in caplog.text.lower()
    with app.app_context():
        (noted,) = db.session.scalars(
            select(AuditEvent).where(AuditEvent.action == "contacts.listed")
        ).all()
        assert noted.details["contacts"] == [str(contact)]
        assert noted.details["by"] == "words"


def test_gift_of_nobody_known_is_noted_by_its_own_id(
    app: Flask, admin: Browser, people: People
) -> None:
    """An announced transfer has no contact yet, and its box has a name."""
    gift = people.create_donation("Dora")
    with app.app_context():
        db.session.execute(update(Donation).values(contact_id=None))
        db.session.commit()
    assert "1 entry found." in admin.post("/staff/contacts/find", {"words": "dora"}).text
    with app.app_context():
        seen = select(AuditEvent).where(AuditEvent.action == "contact.seen")
        (noted,) = db.session.scalars(seen).all()
        assert (noted.subject_kind, noted.subject_id) == ("donation", gift)


def test_empty_page_asks_and_searches_nothing(admin: Browser) -> None:
    page = admin.get("/staff/contacts/find?words=ada").text
    assert 'name="words"' in page
    assert 'class="found"' not in page
    assert views_search.find


def test_exact_search_says_in_the_log_that_it_put_the_index_key_back(
    app: Flask, admin: Browser, people: People
) -> None:
    people.create_signature("Ada", "ada@example.org")
    with app.app_context():
        vault().keys.drop()
    for _ in range(2):
        assert admin.post("/staff/contacts/search", {"email": "ada@example.org"}).location
    with app.app_context():
        actions = db.session.scalars(select(AuditEvent.action)).all()
        assert list(actions).count("index-key.restored") == 1
