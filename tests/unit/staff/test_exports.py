"""The export: every row, safe in a spreadsheet, noted in the log before it leaves."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Iterator

import pyrage
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from pyrage import x25519
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from config.database import db
from mail.models import OutgoingEmail
from petitions.models import Signature
from staff.models import AuditEvent
from staff.people.export_age import seal_lines
from staff.people.exports import COLUMNS, safe_cell
from tests.unit.staff.conftest import Browser, People, change_sessions
from tests.unit.staff.giving import audited

FORMULAS = ["=1+1", "+370 612", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", '"=1', " =1"]  # noqa: RUF001


def rows_of(answer: TestResponse) -> list[dict[str, str]]:
    text = answer.data.decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


def test_export_holds_every_row_that_fits(admin: Browser, people: People) -> None:
    people.create_signature("Ада", days_ago=1)
    people.create_volunteer("Vera", details={"skills": ["legal", "it"], "phone": "+37061234567"})
    people.create_donation("Dora")
    answer = admin.post("/staff/contacts/export", {"file": "csv"})
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
    rows = rows_of(
        admin.post("/staff/contacts/export", {"file": "csv", "kind": "signature", "state": "?"})
    )
    assert [row["name"] for row in rows] == ["Ada"]
    with app.app_context():
        event = db.session.scalars(
            select(AuditEvent).where(AuditEvent.action == "contacts.exported")
        ).one()
        assert event.details == {"count": 1, "kind": "signature"}
        assert event.actor_id == admin.staff_id


def test_export_streams(admin: Browser, people: People) -> None:
    people.create_signature("Ada")
    assert admin.post("/staff/contacts/export", {"file": "csv"}).is_streamed


def test_row_that_does_not_open_is_exported_as_such(
    app: Flask, admin: Browser, people: People
) -> None:
    people.create_signature("Ada")
    with app.app_context():
        db.session.execute(update(Signature).values(sealed=b"junk"))
        db.session.commit()
    (row,) = rows_of(admin.post("/staff/contacts/export", {"file": "csv"}))
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


@pytest.fixture
def identity() -> x25519.Identity:
    """Whoever the file is for."""
    return x25519.Identity.generate()


def sealed_export(browser: Browser, recipient: object, path: str = "contacts") -> TestResponse:
    form = {"file": "age", "recipient": str(recipient)}
    return browser.post(f"/staff/{path}/export", form)


def test_sealed_file_opens_with_the_secret_half_alone(
    app: Flask, admin: Browser, people: People, identity: x25519.Identity
) -> None:
    people.create_signature("Ада")
    answer = sealed_export(admin, f"  {str(identity.to_public()).upper()} ")
    assert answer.is_streamed
    assert answer.headers["Content-Disposition"].endswith('.csv.age"')
    assert answer.mimetype == "application/octet-stream"
    sealed = answer.data
    assert sealed.startswith(b"age-encryption.org/v1\n")
    assert "Ада".encode() not in sealed
    opened = pyrage.decrypt(sealed, [identity]).decode()
    assert [row["name"] for row in csv.DictReader(io.StringIO(opened[1:]))] == ["Ада"]
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [x25519.Identity.generate()])
    with pytest.raises(pyrage.DecryptError):  # what broke off is no file at all
        pyrage.decrypt(sealed[:-20], [identity])
    (event,) = audited(app, "contacts.exported")
    assert event.details == {"count": 1, "recipient": str(identity.to_public())}


def test_gifts_can_be_sealed_too(admin: Browser, people: People, identity: x25519.Identity) -> None:
    people.create_donation("Dora")
    opened = pyrage.decrypt(
        sealed_export(admin, identity.to_public(), "donations").data, [identity]
    )
    assert b"25.00" in opened


@pytest.mark.parametrize("path", ["contacts", "donations"])
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Enter the public key"),
        ("age1qqqq", "This is no public key of age."),
        ("ssh-ed25519 AAAA", "This is no public key of age."),
        (f"{x25519.Identity.generate()}", "This is a secret key"),
    ],
    ids=["nothing", "cut", "of-ssh", "secret"],
)
def test_what_is_no_public_key_is_refused_and_nothing_leaves(
    app: Flask, admin: Browser, people: People, path: str, typed: str, words: str
) -> None:
    people.create_donation("Dora")
    answer = sealed_export(admin, typed, path)
    assert answer.status_code == 422
    assert words in answer.text
    assert "AGE-SECRET" not in answer.text
    assert audited(app, f"{path}.exported") == []


def test_export_is_logged_and_told_before_the_first_row_leaves(
    app: Flask, admin: Browser, people: People
) -> None:
    people.create_signature("Ada")
    answer = admin.post("/staff/contacts/export", {"file": "csv"})
    with app.app_context():
        db.session.execute(update(Signature).values(state="repeated"))
        db.session.commit()
    assert len(audited(app, "contacts.exported")) == 1  # and no row was read yet:
    assert rows_of(answer)[0]["state"] == "repeated"
    with app.app_context():
        kinds = db.session.scalars(select(OutgoingEmail.kind)).all()
        assert "export-alert" in kinds


@pytest.mark.parametrize("path", ["contacts", "donations"])
def test_export_wants_passphrase_and_code_anew(app: Flask, admin: Browser, path: str) -> None:
    with app.app_context():
        change_sessions(stepped_up_at=None)
    assert admin.post(f"/staff/{path}/export", {"file": "csv"}).mimetype != "text/csv"
    assert audited(app, f"{path}.exported") == []


def test_file_is_sealed_while_it_is_made(identity: x25519.Identity) -> None:
    drawn = []

    def lines() -> Iterator[str]:
        for n in range(100):
            drawn.append(n)
            yield f"{n}," + "x" * 20_000 + "\n"

    pieces = seal_lines(lines(), str(identity.to_public()))
    first = next(pieces)
    assert len(drawn) < 100
    assert pyrage.decrypt(first + b"".join(pieces), [identity]) == "".join(lines()).encode()


def test_thread_ends_where_nobody_listens_any_more(identity: x25519.Identity) -> None:
    before = threading.active_count()
    pieces = seal_lines(("x" * 100_000 for _ in range(100)), str(identity.to_public()))
    next(pieces)
    assert threading.active_count() == before + 1
    pieces.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_rows_that_cannot_be_read_break_the_file_off(identity: x25519.Identity) -> None:
    def lines() -> Iterator[str]:
        yield from ["x" * 200_000] * 9
        raise OSError("the database went away")

    left: list[bytes] = []
    with pytest.raises(OSError, match="went away"):
        left.extend(seal_lines(lines(), str(identity.to_public())))
    assert left
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(b"".join(left), [identity])


@pytest.mark.parametrize("path", ["contacts", "donations"])
def test_nothing_leaves_before_somebody_chose_how(
    app: Flask, admin: Browser, people: People, path: str
) -> None:
    people.create_signature("Ада")
    answer = admin.post(f"/staff/{path}/export")
    assert answer.status_code == 422
    assert "Choose from the list." in answer.text
    assert audited(app, f"{path}.exported") == []
