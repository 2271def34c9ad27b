"""Fields that no form has, given twice, or given in the address: what is kept is the same."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import JSON, Boolean, Date, Integer, String, Text, select
from werkzeug.datastructures import MultiDict

from config.database import db
from donate.books.models import Goal
from staff.models import AuditEvent, StaffMember
from tests.support.instances import Instance, InstanceMaker
from tests.support.visitor import HELPER, PERSON, PETITION, VOLUNTEER, mails, old_token
from tests.unit.staff.conftest import Browser, new_client
from vault.services import holder_from_recovery_code, vault

GIFT = {"amount": "25", "currency": "EUR", "frequency": "once", "fund": "families"}
FORMS = [(PETITION, PERSON, 303), (VOLUNTEER, HELPER, 303), ("/en/donate", GIFT, 503)]
PLANTED = str(uuid.uuid4())
# Columns of ours, and what other programs take for the rights of somebody.
STRAY = {
    **dict.fromkeys(
        ["id", "contact_id", "petition_id", "signup_id", "staff_id", "recurring_id", "holder_id",
         "gift_id", "stripe_session_id", "reference", "_method", "csrf_token"],
        PLANTED,
    ),
    **dict.fromkeys(["confirmed_at", "created_at", "paid_at", "started_at", "day"], "2001-01-01"),
    "state": "confirmed", "language": "uk", "review": "released", "method": "cash", "role": "admin",
    "is_admin": "1", "is_discreet": "1", "is_confirmed": "1", "totp_step": "1", "goal_minor": "1",
    "amount_minor": "1", "fee_cover_minor": "1", "email_index": "x", "sealed": "x", "at": "x",
    "agreed": "x", "note": "x", "subject": "x", "kind": "signature", "n": "9", "name.first": "x",
    "name[]": "Mallory", "email[]": "mallory@example.org", "__class__": "x", "slug": "x",
}  # fmt: skip
# What a form has, too, and what would be kept if the second or the address counted.
OTHER = {
    "name": "Mallory", "email": "mallory@example.org", "country": "DE", "newsletter": "y",
    "phone": "+49 30 901820", "languages": "German", "skills": "legal", "message": "No.",
    "availability": "once", "discreet": "y", "dedication": "Mallory", "cover_fee": "y",
    "amount": "99", "currency": "PLN", "frequency": "month", "fund": "legal-help",
}  # fmt: skip
PLAIN = (Boolean, Date, Integer, JSON, String, Text)
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
SEALED = ("contact", "signature", "volunteer_signup")


@pytest.fixture
def engine_name() -> str:
    """Which fields are read is the same on both."""
    return "sqlite"


def kept(instance: Instance) -> dict[str, list[str]]:
    """Each row: its words and numbers, what its boxes hold, and which of the rest it has."""
    opener = vault().open_with(holder_from_recovery_code(instance.first.recovery_code))
    found: dict[str, list[str]] = {}
    for table in db.metadata.sorted_tables:
        for row in db.session.execute(select(table)).mappings():
            assert PLANTED not in repr(dict(row))
            values: dict[str, Any] = {
                name: row[name] if isinstance(table.c[name].type, PLAIN) else row[name] is not None
                for name in table.c.keys()  # noqa: SIM118 - of columns, not of names
            }
            if table.name in SEALED:
                opened = dict(opener.open(table.name, row["id"], row["sealed"]))
                values["sealed"] = {**opened, "at": "at" in opened}
            told = ID.sub("*", repr(sorted(values.items())))
            found.setdefault(table.name, []).append(told)
    found["mails"] = [f"{mail.kind} {mail.language} {mail.to}" for mail in mails()]
    return {name: sorted(rows) for name, rows in found.items()}


def post(instance: Instance, path: str, pairs: list[tuple[str, str]]) -> tuple[int, Any]:
    """Send a form; the status, and what is kept then."""
    app = instance.app()
    with app.app_context():
        client = new_client(app)
        pairs = [*pairs, ("form_token", old_token(client, 10))]
        answer = client.post(path, data=MultiDict(pairs))
        left = kept(instance)
        db.session.remove()
        db.engine.dispose()
    return answer.status_code, left


def pairs_of(values: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields of a form, as a browser sends them."""
    return list(MultiDict(values).items(multi=True))


@pytest.mark.parametrize("way", ["stray", "stray in front", "twice", "in the address"])
@pytest.mark.parametrize(("path", "values", "status"), FORMS, ids=lambda value: str(value)[:14])
def test_what_is_kept_is_the_same(
    instance: Instance, instance_maker: InstanceMaker, path: str, values: dict[str, Any],
    status: int, way: str,
) -> None:  # fmt: skip
    twin, right = instance_maker.make("sqlite"), pairs_of(values)
    others = [(name, words) for name, words in OTHER.items() if name in values]
    sent = {
        "stray": [*right, *STRAY.items()],
        "stray in front": [*STRAY.items(), *right],
        "twice": [*right, *((name, words) for name, words in others if name != "skills")],
        "in the address": right,
    }[way]
    query = f"?{urlencode({**STRAY, **OTHER})}" if way == "in the address" else ""
    try:
        assert post(instance, path + query, sent) == post(twin, path, right)
        assert post(twin, path, right)[0] == status
    finally:
        instance_maker.drop(twin)


@pytest.mark.parametrize(("path", "values"), [form[:2] for form in FORMS[:2]])
def test_what_stands_in_the_address_alone_was_not_said(
    instance: Instance, path: str, values: dict[str, Any]
) -> None:
    for name in ("name", "email", "country", "consent"):
        right = [pair for pair in pairs_of(values) if pair[0] != name]
        status, left = post(instance, f"{path}?{urlencode({name: values[name]})}", right)
        assert (status, left.get("contact"), left.get("consent")) == (422, None, None), name
    assert post(instance, f"{path}?{urlencode(values, doseq=True)}", [])[0] == 422


@pytest.mark.parametrize("way", ["stray", "twice", "in the address"])
def test_role_is_all_that_its_form_changes(
    app: Flask, browser_of: Callable[[str], Browser], way: str
) -> None:
    admin, colleague = browser_of("admin"), browser_of("viewer")
    before = member(app, colleague)
    sent, query = spoilt(way, {"role": "editor"}, {"role": "admin"}, {"name": "mallory"})
    answer = admin.post(f"/staff/team/{colleague.staff_id}/role{query}", sent)
    assert answer.status_code == 303
    assert member(app, colleague) == {**before, "role": "editor"}
    with app.app_context():
        event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.seq.desc())).first()
        assert event
        assert event.details == {"role_before": "viewer", "role": "editor"}
        assert (event.actor_id, event.subject_id) == (admin.staff_id, colleague.staff_id)


@pytest.mark.parametrize("way", ["stray", "twice", "in the address"])
def test_goal_is_what_its_form_says(
    app: Flask, browser_of: Callable[[str], Browser], way: str
) -> None:
    right = {"campaign": "", "fund": "families", "amount": "90", "currency": "EUR"}
    other = {"fund": "legal-help", "amount": "7", "currency": "PLN"}
    sent, query = spoilt(way, right, other, {})
    assert browser_of("editor").post(f"/staff/giving/goals{query}", sent).status_code == 303
    with app.app_context():
        (goal,) = db.session.scalars(select(Goal))
        told = (goal.campaign, goal.fund, goal.currency, goal.goal_minor)
        assert told == ("", "families", "EUR", 9000)
        assert str(goal.id) != PLANTED


def spoilt(
    way: str, right: dict[str, str], other: dict[str, str], more: dict[str, str]
) -> tuple[dict[str, Any], str]:
    """A form of staff with what it has not, with other words behind its own, or in its address."""
    stray = {name: words for name, words in STRAY.items() if name not in {*right, "csrf_token"}}
    if way == "stray":
        return {**right, **stray, **more}, ""
    if way == "twice":
        return {name: [words, other.get(name, words)] for name, words in right.items()}, ""
    return dict(right), f"?{urlencode({**stray, **more, **other})}"


def member(app: Flask, browser: Browser) -> dict[str, Any]:
    """All columns of somebody who works here."""
    with app.app_context():
        row = db.session.execute(
            select(StaffMember.__table__).where(StaffMember.id == browser.staff_id)
        )
        return dict(row.mappings().one())
