"""The export: every row, safe in a spreadsheet, noted in the log before it leaves."""

from __future__ import annotations

import csv
import io
import re

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from config.database import db
from petitions.models import Signature
from staff.exports import COLUMNS, safe_cell
from staff.models import AuditEvent
from tests.unit.staff.conftest import Browser, People

FORMULAS = ["=1+1", "+370 612", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", '"=1', " =1"]  # noqa: RUF001


def rows_of(answer: TestResponse) -> list[dict[str, str]]:
    text = answer.data.decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


def test_export_holds_every_row_that_fits(admin: Browser, people: People) -> None:
    people.create_signature("Ада", days_ago=1)
    people.create_volunteer("Vera", details={"skills": ["legal", "it"], "phone": "+37061234567"})
    people.create_donation("Dora")
    answer = admin.post("/staff/contacts/export")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="contacts-')
    rows = {row["name"]: row for row in rows_of(answer)}
    assert set(rows) == {"Ада", "Vera", "Dora"}
    assert tuple(rows["Ада"]) == COLUMNS
    assert rows["Ада"]["email"] == "ада@example.org"
    assert rows["Vera"]["phone"] == "'+37061234567"
    assert rows["Vera"]["skills"] == "legal, it"
    assert (rows["Dora"]["amount_minor"], rows["Dora"]["currency"]) == ("2500", "EUR")


def test_export_is_filtered_like_the_list(app: Flask, admin: Browser, people: People) -> None:
    people.create_signature("Ada")
    people.create_volunteer("Vera")
    rows = rows_of(admin.post("/staff/contacts/export", {"kind": "signature", "state": "?"}))
    assert [row["name"] for row in rows] == ["Ada"]
    with app.app_context():
        event = db.session.scalars(
            select(AuditEvent).where(AuditEvent.action == "contacts.exported")
        ).one()
        assert event.details == {"count": 1, "kind": "signature"}
        assert event.actor_id == admin.staff_id


def test_export_streams(admin: Browser, people: People) -> None:
    people.create_signature("Ada")
    assert admin.post("/staff/contacts/export").is_streamed


def test_row_that_does_not_open_is_exported_as_such(
    app: Flask, admin: Browser, people: People
) -> None:
    people.create_signature("Ada")
    with app.app_context():
        db.session.execute(update(Signature).values(sealed=b"junk"))
        db.session.commit()
    (row,) = rows_of(admin.post("/staff/contacts/export"))
    assert row["name"] == "cannot be opened"


def test_export_needs_the_form_token(admin: Browser) -> None:
    assert admin.client.post("/staff/contacts/export").status_code == 400
    assert admin.get("/staff/contacts/export").status_code == 405


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_become_text(text: str) -> None:
    assert "'" in safe_cell(text)
    assert safe_cell(text).lstrip(" \"\t\r'")[:1] == text.lstrip(' "\t\r')[:1]


def test_harmless_text_stays_as_it_is() -> None:
    for text in ("Ada", "a+b@example.org", "1-2", "so = so", "", "a, b"):
        assert safe_cell(text) == text


@given(st.text(alphabet=list("=+-@＝; ,|\t\r\n\"'ab")))  # noqa: RUF001
def test_no_cell_begins_like_a_formula_however_it_is_split(text: str) -> None:
    for separator in (None, ",", ";", "\t", "\n", "\r", "|"):
        parts = safe_cell(text).split(separator) if separator else [safe_cell(text)]
        assert not [part for part in parts if re.match(r'[\s"]*[=+\-@＝]', part)]  # noqa: RUF001
