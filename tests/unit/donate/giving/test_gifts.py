"""The page for a link, and the page behind it: the same for everyone, then only for one."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from config.database import Base, db
from config.settings import settings
from contacts import links
from contacts.models import Contact, LinkRequest, PrivateLink
from contacts.services import add_contact
from donate.books.models import Dispute, Refund
from donate.giving.queries import gifts_of, has_giving
from mail.models import OutgoingEmail
from mail.render import render
from tests.support.moments import NOW
from tests.support.visitor import errors, form_token, post_form
from tests.unit.donate.giving.conftest import (
    GIVER,
    MANAGE,
    OTHER,
    Giver,
    create_donation,
    create_recurring,
    private_link,
    text_of,
)
from tests.unit.donate.giving.pdf import Pdf
from vault.services import vault


@pytest.fixture
def linked(giver: Giver, stranger_id: uuid.UUID) -> Giver:
    """Somebody with a link to the gifts of the stranger."""
    giver.token = private_link(stranger_id)
    return giver


def rows(model: type[Base]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_answer_is_the_same_for_known_and_unknown(giver: Giver, stranger_id: uuid.UUID) -> None:
    kinds = (Contact, LinkRequest, PrivateLink, OutgoingEmail)
    seen = []
    for email in (OTHER, "nobody@example.org"):
        before = [rows(kind) for kind in kinds]
        db.session.rollback()
        answer = giver.ask(email)
        added = [rows(kind) - was for kind, was in zip(kinds, before, strict=True)]
        seen.append((answer.status_code, answer.headers["Location"], answer.data, added))
    assert seen[0] == seen[1]
    assert seen[0][:2] == (303, f"{MANAGE}/sent")
    assert seen[0][3] == [0, 1, 0, 0]
    assert giver.client.get(f"{MANAGE}/sent").status_code == 200


def test_address_is_nowhere_in_the_database(giver: Giver) -> None:
    giver.ask()
    request = db.session.scalars(select(LinkRequest)).one()
    assert b"canary" not in request.blob
    assert request.language == "en"


def test_link_comes_by_mail_and_opens_the_gifts(giver: Giver) -> None:
    giver.give()
    giver.ask(GIVER.upper(), "/uk/donate/manage")
    assert links.answer_requests(NOW) == 1
    db.session.commit()
    (mail,) = giver.mails_of("manage-giving")
    assert (mail.to.lower(), mail.language) == (GIVER, "uk")
    written = render(mail.kind, mail.language, mail.params, "https://vigil.example.org")
    assert f"https://vigil.example.org{mail.params['path']}" in written.text
    page = giver.client.get(mail.params["path"])
    assert page.status_code == 200
    assert "25,00" in page.text


def test_who_never_gave_gets_no_mail(giver: Giver) -> None:
    giver.ask("nobody@example.org")
    assert links.answer_requests(NOW) == 0
    db.session.commit()
    assert giver.mails_of("manage-giving") == []


@pytest.mark.parametrize(
    ("made", "is_shown"),
    [
        (create_donation, {"paid": True, "pending": True, "created": False, "expired": False}),
        (create_recurring, {"active": True, "ended": True, "created": False, "expired": False}),
    ],
)
def test_what_was_only_begun_is_nothing_to_show(
    app: Flask, made: Callable[..., Any], is_shown: dict[str, bool]
) -> None:
    for state, expected in is_shown.items():
        email = f"{state}@example.org"
        contact_id = add_contact(email, "en", "confirmed", NOW.date())
        db.session.add(made(contact_id, state=state))
        db.session.flush()
        assert has_giving(contact_id) is expected
    nobody = add_contact("nobody@example.org", "en", "confirmed", NOW.date())
    assert not has_giving(nobody)


@pytest.mark.parametrize("email", ["", "x", "a@", "a b@example.org", "x" * 300 + "@example.org"])
def test_what_is_no_address_is_said_at_the_field(giver: Giver, email: str) -> None:
    answer = giver.ask(email)
    assert answer.status_code == 422
    assert errors(answer.text) == ["Enter an address like name@example.org."]
    assert rows(LinkRequest) == 0


def test_without_keys_nothing_is_taken(giver: Giver) -> None:
    token = form_token(giver.client.get(MANAGE).text)
    place = Path(settings().volatile_keys)
    vault().keys.drop()
    place.rename(place.with_suffix(".away"))
    place.write_text("")
    answer = giver.client.post(MANAGE, data={"form_token": token, "email": GIVER})
    assert answer.status_code == 503
    assert GIVER in answer.text


def test_pages_around_are_the_same_for_everyone(giver: Giver) -> None:
    for path in (MANAGE, f"{MANAGE}/sent", f"{MANAGE}/back"):
        page = giver.client.get(path)
        assert page.status_code == 200
        assert page.headers["Cache-Control"].startswith("public")
        assert "Set-Cookie" not in page.headers


def test_page_is_for_no_cache_no_index_and_nobody_else(linked: Giver) -> None:
    page = linked.get()
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert '<meta name="robots" content="noindex">' in page.text
    assert "Set-Cookie" not in page.headers
    places = re.findall(r'(?:src|href|action)="([^"]*)"', page.text)
    assert {place.split("/")[2] for place in places if "//" in place} <= {"127.0.0.1:8000"}


@pytest.mark.parametrize("token", ["x", "A" * 43, "ключ", "sent-not", "A" * 2_000])
def test_unknown_link_is_told_calmly(giver: Giver, token: str) -> None:
    giver.token = token
    page = giver.get()
    assert page.status_code == 410
    assert page.headers["Cache-Control"] == "no-store"
    assert "Get another link" in text_of(page)
    assert giver.post("/statement").status_code == 410


def test_link_works_for_an_hour(linked: Giver) -> None:
    assert linked.get().status_code == 200
    past = NOW - timedelta(hours=2)
    db.session.execute(db.update(PrivateLink).values(expires_at=past + links.LIFETIME))
    db.session.commit()
    assert linked.get().status_code == 410


def test_gifts_stand_by_year_the_newest_first(linked: Giver, stranger_id: uuid.UUID) -> None:
    for days, fund in ((400, "publicity"), (800, "families"), (401, "humanitarian-aid")):
        at = NOW - timedelta(days=days)
        db.session.add(create_donation(stranger_id, paid_at=at, day=at.date(), fund=fund))
    db.session.commit()
    found = gifts_of(stranger_id)
    assert [gift.fund for gift in found] == [
        "families", "publicity", "humanitarian-aid", "families",
    ]  # fmt: skip
    page = text_of(linked.get())
    heads = re.findall(r"Gifts in (\d{4})", page)
    assert heads == sorted({str(gift.day.year) for gift in found}, reverse=True)


def test_page_shows_nobody_elses_gifts(linked: Giver) -> None:
    linked.give(amount="77")
    assert "77" not in text_of(linked.get()).replace(linked.token, "")
    assert "€50.00" in text_of(linked.get())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"state": "paid"}, "Online · received"),
        ({"state": "pending"}, "Online · on its way"),
        ({"state": "failed"}, "Online · did not go through"),
        ({"state": "created", "method": "transfer"}, "Bank transfer · announced, not here yet"),
        ({"state": "paid", "method": "cash"}, "Cash · received"),
        ({"state": "created"}, None),
        ({"state": "open"}, None),
        ({"state": "expired"}, None),
    ],
)
def test_state_is_said_in_words(
    linked: Giver, stranger_id: uuid.UUID, given: dict[str, Any], words: str | None
) -> None:
    db.session.add(create_donation(stranger_id, amount_minor=12_345, **given))
    db.session.commit()
    page = text_of(linked.get())
    assert (f"€123.45 {_today()} · {words}" in page) is (words is not None)
    assert ("€123.45" in page) is (words is not None)


def _today() -> str:
    return f"{NOW:%B} {NOW.day}, {NOW.year}"


def refund(donation_id: uuid.UUID, minor: int, state: str) -> Refund:
    return Refund(
        donation_id=donation_id, amount_minor=minor, currency="EUR", reason="wish",
        state=state, created_at=NOW, day=NOW.date(),
    )  # fmt: skip


def dispute(donation_id: uuid.UUID, minor: int, status: str) -> Dispute:
    is_open = status in {"needs_response", "under_review"}
    return Dispute(
        donation_id=donation_id, amount_minor=minor, currency="EUR", reason="fraudulent",
        status=status, is_open=is_open, stripe_dispute_id=f"dp_{uuid.uuid4().hex}",
        day=NOW.date(), asked_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("states", "kept"),
    [
        (["succeeded"], 4_000),
        (["pending", "succeeded"], 3_000),
        (["requested"], 4_000),
        (["failed", "canceled", "refused"], 5_000),
    ],
)
def test_what_went_back(
    linked: Giver, stranger_id: uuid.UUID, states: list[str], kept: int
) -> None:
    (gift,) = gifts_of(stranger_id)
    db.session.add_all(refund(gift.id, 1_000, state) for state in states)
    db.session.commit()
    (gift,) = gifts_of(stranger_id)
    assert gift.kept_minor == kept
    words = f"€{(5_000 - kept) // 100}.00 went back to you"
    assert (words in text_of(linked.get())) is (kept < 5_000)


@pytest.mark.parametrize(
    ("status", "kept", "words"),
    [
        ("needs_response", 0, "that is not decided yet"),
        ("under_review", 0, "that is not decided yet"),
        ("lost", 0, "€50.00 was taken back by your bank"),
        ("won", 5_000, None),
        ("warning_needs_response", 5_000, None),
    ],
)
def test_what_the_bank_took_back(
    linked: Giver, stranger_id: uuid.UUID, status: str, kept: int, words: str | None
) -> None:
    (gift,) = gifts_of(stranger_id)
    db.session.add(dispute(gift.id, 5_000, status))
    db.session.commit()
    (gift,) = gifts_of(stranger_id)
    assert gift.kept_minor == kept
    page = text_of(linked.get())
    assert (words or "") in page
    assert ("bank wants it back" in page or "by your bank" in page) is (words is not None)
    assert ("Statement for a year" in page) is (kept > 0)


def ask_statement(giver: Giver, **typed: str) -> Any:
    path = f"{MANAGE}/{giver.token}"
    token = form_token(giver.client.get(path).text)
    wish = {"form_token": token, "year": str(NOW.year), "name": "Ганна Кавалёва"}
    return giver.client.post(f"{path}/statement", data=wish | typed)


def test_statement_is_made_for_the_name_that_is_typed(linked: Giver) -> None:
    answer = ask_statement(linked, address="вул. Вільня 1-2\r\n\r\nVilnius")
    assert answer.status_code == 200
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    disposition = f'attachment; filename="gifts-{NOW.year}.pdf"'
    assert answer.headers["Content-Disposition"] == disposition
    lines = Pdf(answer.data).lines()
    assert lines[0] == "Night Watch"
    assert {"Ганна Кавалёва", "вул. Вільня 1-2", "Vilnius", "Total in EUR€50.00"} <= set(lines)


def test_statement_leaves_no_trace(linked: Giver, caplog: pytest.LogCaptureFixture) -> None:
    kinds = [mapper.class_ for mapper in Base.registry.mappers]
    before = {kind.__name__: rows(kind) for kind in kinds}
    ask_statement(linked, name="Canary Name")
    assert {kind.__name__: rows(kind) for kind in kinds} == before
    assert "Canary" not in caplog.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": ""}, "Enter the name that is to stand on the statement."),
        ({"name": "x" * 121}, "This is too long: at most 120 characters."),
        ({"name": "岡本"}, "“岡” cannot be printed."),
        ({"name": "a\u202eb"}, "There are hidden characters"),
        ({"address": "\n".join("abcdef")}, "At most 5 lines, please."),
        ({"address": "😀"}, "“😀” cannot be printed."),
        ({"address": "x" * 301}, "This is too long"),
        ({"year": "1999"}, "Choose from the list."),
        ({"year": "x"}, "Choose from the list."),
    ],
)
def test_statement_that_cannot_be_made(linked: Giver, typed: dict[str, str], said: str) -> None:
    answer = ask_statement(linked, **typed)
    assert answer.status_code == 422
    assert any(said in error for error in errors(answer.text)), errors(answer.text)


def test_names_of_other_scripts_are_printed(linked: Giver) -> None:
    for name in ("שרה כהן-לוי", "محمد بن عبد الله", "Łukasz Żółć", "Ελένη", "Ўладзімір Ґ. Їжак"):
        assert ask_statement(linked, name=name).status_code == 200


def test_form_that_is_not_ours_makes_no_statement(linked: Giver) -> None:
    assert ask_statement(linked, form_token="made up").status_code == 400  # noqa: S106
    assert ask_statement(linked, website="x").status_code == 422


def test_statement_address_that_is_loaded_again_leads_to_the_page(linked: Giver) -> None:
    assert linked.get("/statement").headers["Location"].endswith(linked.token)


def test_page_in_each_language(linked: Giver, stranger_id: uuid.UUID) -> None:
    db.session.add(create_recurring(stranger_id, state="at-risk"))
    db.session.commit()
    for language in ("en", "uk", "be"):
        page = linked.get(language=language)
        assert page.status_code == 200
        assert f'<html lang="{language}"' in page.text


def test_unknown_word_of_what_was_done_says_nothing(linked: Giver) -> None:
    assert 'role="status"' in linked.get("?done=pause").text
    assert 'role="status"' not in linked.get("?done=%3Cscript%3E").text


def test_form_works_through_the_visitors_own_helper(giver: Giver) -> None:
    assert post_form(giver.client, "/be/donate/manage", {"email": GIVER}).status_code == 303
