"""The ledger of consents: rows are added, with the exact words, and nothing else touches them."""

from __future__ import annotations

import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError

from config.database import db
from config.settings import ROOT
from contacts import consents
from contacts.consents import consents_of
from contacts.models import Consent, Contact
from contacts.services import Agreed, add_contact, consent_text
from tests.support.moments import NOW

TODAY = NOW.date()
SIGNED, OFFERED = uuid.uuid4(), uuid.uuid4()


@pytest.fixture
def contact_id(app: Flask) -> uuid.UUID:
    """Somebody who agreed to three things, with two deeds."""
    made = add_contact("canary@example.org", "en", "confirmed", TODAY)
    for purpose, words, deed_id in (
        ("signature", "Count me.", SIGNED),
        ("newsletter", "Write to me.", SIGNED),
        ("volunteering", "Call me.", OFFERED),
    ):
        text_hash = consent_text(Agreed(purpose, words), "en", TODAY)
        consents.give(made, purpose, text_hash, deed_id, TODAY)
    db.session.commit()
    return made


def ledger(contact_id: uuid.UUID) -> list[tuple[str, bool]]:
    return sorted((row.purpose, row.is_given) for row in consents_of(contact_id))


def rows() -> dict[uuid.UUID, tuple[object, ...]]:
    """All rows as they stand."""
    db.session.expire_all()
    found = db.session.scalars(select(Consent)).all()
    return {
        row.id: (row.contact_id, row.deed_id, row.purpose, row.text_hash, row.is_given, row.day)
        for row in found
    }


def test_withdrawing_adds_a_row_with_the_same_words(contact_id: uuid.UUID) -> None:
    before = rows()
    assert consents.withdraw(contact_id, TODAY, deed_id=OFFERED) == 1
    after = rows()
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1
    assert [(row.is_given, row.words) for row in consents_of(contact_id)][-2:] == [
        (False, "Call me."),
        (True, "Call me."),
    ]


def test_what_is_withdrawn_is_not_withdrawn_again(contact_id: uuid.UUID) -> None:
    assert consents.withdraw(contact_id, TODAY, deed_id=OFFERED) == 1
    assert consents.withdraw(contact_id, TODAY, deed_id=OFFERED) == 0


def test_what_is_given_anew_can_be_withdrawn_anew(contact_id: uuid.UUID) -> None:
    consents.withdraw(contact_id, TODAY, deed_id=OFFERED)
    text_hash = consent_text(Agreed("volunteering", "Call me."), "en", TODAY)
    consents.give(contact_id, "volunteering", text_hash, OFFERED, TODAY)
    assert consents.stands(contact_id, "volunteering")
    assert consents.withdraw(contact_id, TODAY, deed_id=OFFERED) == 1
    assert not consents.stands(contact_id, "volunteering")


def test_news_outlast_the_deed_they_came_with(contact_id: uuid.UUID) -> None:
    assert consents.withdraw(contact_id, TODAY, deed_id=SIGNED) == 1
    assert ("newsletter", False) not in ledger(contact_id)
    assert consents.stands(contact_id, "newsletter")


def test_stopping_news_leaves_the_deed(contact_id: uuid.UUID) -> None:
    db.session.get_one(Contact, contact_id).newsletter = True
    db.session.flush()
    consents.stop_news(contact_id, TODAY)
    assert not db.session.get_one(Contact, contact_id).newsletter
    assert ("newsletter", False) in ledger(contact_id)
    assert ("signature", False) not in ledger(contact_id)


def test_nobody_withdraws_for_others(contact_id: uuid.UUID) -> None:
    other = add_contact("other@example.org", "en", "confirmed", TODAY)
    assert consents.withdraw(other, TODAY, deed_id=SIGNED) == 0
    assert len(rows()) == 3


def test_two_at_once_withdraw_once(app: Flask, contact_id: uuid.UUID) -> None:
    start = threading.Barrier(2)

    def withdraw(_: int) -> int:
        with app.app_context():
            start.wait(5)
            count = consents.withdraw(contact_id, TODAY, deed_id=OFFERED)
            db.session.commit()
            return count

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(withdraw, range(2))) == [0, 1]


def test_moved_consents_keep_everything_else(contact_id: uuid.UUID) -> None:
    other = add_contact("other@example.org", "en", "confirmed", TODAY)
    before = rows()
    consents.move(contact_id, other)
    assert rows() == {key: (other, *row[1:]) for key, row in before.items()}


def test_erasing_takes_all(contact_id: uuid.UUID) -> None:
    consents.erase_with_deeds([OFFERED])
    assert ledger(contact_id) == [("newsletter", True), ("signature", True)]
    consents.erase([contact_id])
    assert rows() == {}


CHANGES = re.compile(r"(?:update|delete)\(\s*Consent\b|(?i:update consent\b|delete from consent\b)")
ADDS = re.compile(r"insert\(\s*[Cc]onsent\s*\)|insert_or_update\(\s*Consent\s*\)")
LEDGER = ROOT / "contacts" / "consents.py"
HOT_PATH = ROOT / "contacts" / "deed_statements.py"  # compiled once, for those who sign


def source_files() -> list[Path]:
    rooms = [path for path in ROOT.iterdir() if (path / "__init__.py").exists()]
    files = [path for room in rooms if room.name != "tests" for path in room.rglob("*.py")]
    return [*files, ROOT / "app.py"]


def test_nothing_else_touches_the_ledger() -> None:
    """No other file changes rows by a statement; a row that was read is never written to."""
    texts = {path: path.read_text("utf-8") for path in source_files()}
    assert [path for path, text in texts.items() if CHANGES.search(text)] == [LEDGER]
    assert {path for path, text in texts.items() if ADDS.search(text)} == {LEDGER, HOT_PATH}
    assert texts[LEDGER].count("update(Consent)") == 1  # `move` alone: the person, nothing else
    assert "rows.values(contact_id=to_id)" in texts[LEDGER]
    for path, text in texts.items():
        if re.search(r"\bConsent\b", text):
            assert not re.search(r"\.(?:is_given|text_hash|purpose)\s*=[^=]", text), path


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consent_text SET words = 'I agree to everything.'",
        "UPDATE consent_text SET language = 'be'",
        "DELETE FROM consent_text",
        "UPDATE consent SET is_given = NOT is_given",
        "UPDATE consent SET day = '2020-01-01'",
        "UPDATE consent SET purpose = 'newsletter'",
        "UPDATE consent SET text_hash = (SELECT hash FROM consent_text LIMIT 1)",
    ],
)
def test_database_refuses_to_change_a_row(contact_id: uuid.UUID, statement: str) -> None:
    before = rows(), consents_of(contact_id)
    with pytest.raises(DBAPIError, match="kept as they were given"):
        db.session.execute(sql(statement))
    db.session.rollback()
    assert (rows(), consents_of(contact_id)) == before


def test_words_that_were_changed_all_the_same_are_told(contact_id: uuid.UUID) -> None:
    """By somebody who owns the database, and takes the triggers away first."""
    on = "" if db.engine.dialect.name == "sqlite" else " ON consent_text"
    db.session.execute(sql(f"DROP TRIGGER consent_text_is_not_changed{on}"))
    assert all(one.is_genuine for one in consents_of(contact_id))
    changed = "UPDATE consent_text SET words = 'Anything.' WHERE purpose = 'newsletter'"
    db.session.execute(sql(changed))
    told = {one.purpose: one.is_genuine for one in consents_of(contact_id)}
    assert told == {"signature": True, "newsletter": False, "volunteering": True}
