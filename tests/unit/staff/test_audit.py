"""The audit log holds ids and declared keys, and is read by administrators."""

from __future__ import annotations

import uuid

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from config.database import db
from staff import audit
from staff.log import audit_check
from staff.models import AuditChain, AuditEvent
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.unit.staff import chains
from tests.unit.staff.conftest import Browser
from tests.unit.staff.giving import audited

NOBODY = uuid.uuid4()


@pytest.mark.parametrize(
    ("action", "details"), [("contact.deleted", {}), ("volunteer.moved", {"name": "Ada"})]
)
def test_what_is_not_declared_is_not_written(
    app: Flask, action: str, details: dict[str, str]
) -> None:
    with app.app_context(), pytest.raises(ValueError, match="not declared"):
        audit.record(action, NOW, actor=None, subject=("x", None), **details)


def test_log_is_paged_newest_first(app: Flask, admin: Browser) -> None:
    subject = uuid.uuid4()
    with app.app_context():
        for _ in range(audit.PAGE + 3):
            audit.record("mail.requeued", NOW, actor=admin.staff_id, subject=("mail", subject))
        db.session.commit()
        highest = max(db.session.scalars(select(AuditEvent.seq)))
    first = admin.get("/staff/audit").text
    assert first.count(str(subject)) == audit.PAGE
    following = f"/staff/audit?before={highest - audit.PAGE + 1}"
    assert following in first
    second = admin.get(following).text
    assert second.count(str(subject)) == 3
    assert "Vault made" in second
    assert 'rel="next"' not in second


def test_log_is_written_in_words(app: Flask, admin: Browser) -> None:
    with app.app_context():
        moved = {"from": "new", "to": "contacted"}
        audit.record(
            "volunteer.moved", NOW, actor=None, subject=("volunteer", uuid.uuid4()), **moved
        )
        taken = {"count": 3, "kind": "donation"}
        audit.record("contacts.exported", NOW, actor=None, subject=("contacts", None), **taken)
        db.session.commit()
    words = " ".join(admin.get("/staff/audit").text.split())
    assert "State before: new, State after: contacted" in words
    assert "Rows: 3, Kind: Donation" in words
    assert "from: new" not in words


@pytest.mark.parametrize("before", ["9" * 30, "-1", "x", "%00"])
def test_impossible_number_of_a_page_breaks_nothing(admin: Browser, before: str) -> None:
    assert admin.get(f"/staff/audit?before={before}").status_code == 200


def verify(browser: Browser, head: str = "") -> str:
    """What the page says after a check."""
    assert browser.post("/staff/audit/verify", {"head": head}).status_code == 303
    return " ".join(browser.get("/staff/audit").text.split())


def test_administrator_checks_the_log_with_their_own_key(app: Flask, admin: Browser) -> None:
    assert "The log holds: every event up to number" in verify(admin)
    with app.app_context():
        head = str(audit_check.head_now())
        db.session.execute(update(AuditEvent).where(AuditEvent.seq == 2).values(actor_id=NOBODY))
        db.session.commit()
    assert "Number 2 was changed" in verify(admin)
    assert "is no mark from a mail" in verify(admin, "17")
    assert "Number 2 was changed" in verify(admin, head)
    found = [event.details.get("fault") for event in audited(app, "audit.verified")]
    assert found == [None, "changed", "changed"]


NONSENSE = {
    "details": ["'tampered'", "'[1]'", "'5'", "'null'", "'{\"contacts\": 5}'", "x'ff'",
                "'{\"amount_minor\": \"x\", \"currency\": \"y\"}'", "'\"\\ud800\"'",
                "CAST(x'ff' AS TEXT)", "'" + "[" * 100_000 + "'"],
    "at": ["'x'", "5"],
    "actor_id": ["'zz'", "5"],
    "action": ["x'00'"],
    "mac": ["'tampered'"],
    "hash": ["'tampered'"],
}  # fmt: skip


def put_nonsense(app: Flask, column: str, value: str, seq: int = 2) -> None:
    """Write SQL into a column of one event."""
    with app.app_context():
        statement = f"UPDATE audit_event SET {column} = {value} WHERE seq = {seq}"  # noqa: S608
        db.session.connection().exec_driver_sql(statement)
        db.session.commit()


def check_pages(admin: Browser) -> None:
    """The log and the check of it say which event was changed; the first page opens too."""
    assert "Number 2 was changed" in verify(admin)
    page = admin.get("/staff/audit")
    assert (page.status_code, "Vault made" in page.text) == (200, True)
    assert admin.get("/staff/").status_code == 200


@pytest.mark.parametrize(
    ("column", "value"), [(name, value) for name, values in NONSENSE.items() for value in values]
)
def test_nonsense_in_an_event_is_named(
    app: Flask, instance: Instance, admin: Browser, column: str, value: str
) -> None:
    if instance.engine == "postgresql":
        pytest.skip("its columns have types")
    put_nonsense(app, column, value)
    check_pages(admin)


@pytest.mark.parametrize(
    ("column", "value"),
    [("details", "'[1]'"), ("details", "'\"x\"'"), ("details", "'{\"contacts\": 5}'"),
     ("at", "'infinity'"), ("at", "'4000-01-01 BC'")],
)  # fmt: skip
def test_nonsense_that_has_the_right_type_is_named(
    app: Flask, instance: Instance, admin: Browser, column: str, value: str
) -> None:
    if instance.engine == "sqlite":
        pytest.skip("see above")
    put_nonsense(app, column, value)
    check_pages(admin)


@pytest.mark.parametrize("details", ["5", '{"count": "x", "number": "x", "head": 7}'])
@pytest.mark.parametrize("action", ["contacts.exported", "audit.looked", "audit.head-mailed"])
def test_nonsense_in_what_administrators_are_told_of_breaks_no_page(
    app: Flask, admin: Browser, action: str, details: str
) -> None:
    kinds = {"contacts.exported": "contacts", "audit.looked": "staff", "audit.head-mailed": "audit"}
    subject = (kinds[action], admin.staff_id if action == "audit.looked" else None)
    with app.app_context():
        audit.record(action, NOW, actor=NOBODY, subject=subject)
        db.session.commit()
        seq = chains.end().seq
        db.session.rollback()
    put_nonsense(app, "details", f"'{details}'", seq)
    assert f"Number {seq} was changed" in verify(admin)
    assert admin.get("/staff/").status_code == 200


def test_unreadable_event_leaves_the_others_on_the_page(app: Flask, admin: Browser) -> None:
    put_nonsense(app, "details", "'[1]'")
    rows = " ".join(admin.get("/staff/audit").text.split()).split("<tr")[2:]
    broken = [row for row in rows if "was changed: it is not what was written" in row]
    assert (len(broken), len(rows)) == (1, len(rows))
    assert "Number 2 was changed" in broken[0]
    assert any("Vault made" in row for row in rows)


def test_log_whose_chain_is_gone_is_told_as_broken(app: Flask, admin: Browser) -> None:
    with app.app_context():
        db.session.execute(delete(AuditChain))
        db.session.commit()
    assert "The log was cut: number" in verify(admin)


def test_cut_end_is_seen_on_the_page_with_a_mark(app: Flask, admin: Browser) -> None:
    gone = f"9999:{'0' * 64}"
    assert "The log was cut: number" in verify(admin, gone)


def test_log_is_narrowed(app: Flask, admin: Browser) -> None:
    with app.app_context():
        audit.record("contact.seen", NOW, actor=None, subject=("contact", NOBODY))
        audit.record("donations.exported", NOW, actor=None, subject=("donations", None), count=5)
        db.session.commit()
    table = slice(admin.get("/staff/audit?show=exports").text.index("<tbody"), None)
    page = admin.get("/staff/audit?show=exports").text[table]
    assert "Gifts exported" in page
    assert "Person seen" not in page
    assert "Vault made" in admin.get("/staff/audit?show=nonsense").text
