"""What harms most wants passphrase and code anew; nothing that was typed is lost over it."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, request
from sqlalchemy import select, update

from config.database import db
from staff.access import opener
from staff.door.step_up import FRESH, is_fresh, stepped_up, wants_step_up
from staff.models import AuditEvent, KnownBrowser, SignInDelay, StaffMember, StaffSession
from staff.people import views_contacts
from staff.permissions import NOBODY_SIGNED_IN, permission_of
from tests.support.instances import Instance
from tests.unit.staff.conftest import Browser, change_sessions, code_now, new_client

EXPORT = "/staff/contacts/export"
FILTERS = {"kind": "signature", "campaign": "", "state": "", "newsletter": ""}
# What harms most: SAFETY.md, C. Whoever takes a mark away has to take it from here, too.
MARKED = {
    "staff.export_contacts", "staff.export_donations", "staff.refund_donation",
    "staff.end_recurring", "staff.invite", "staff.invite_again", "staff.change_role",
    "staff.remove_member", "staff.enter_donation", "staff.passphrase", "staff.change_passphrase",
    "staff.release_copy", "staff.end_session", "staff.end_other_sessions",
}  # fmt: skip


@pytest.fixture(autouse=True)
def echo(app: Flask) -> None:
    """Says what reached it, in the place of the export."""

    @stepped_up
    def view() -> dict[str, object]:
        opener()
        return {"reached": list(request.form.items(multi=True))}

    view.permission = "export-contacts"  # type: ignore[attr-defined]
    app.view_functions["staff.export_contacts"] = view


@pytest.fixture
def worker(app: Flask, instance: Instance) -> Browser:
    """Somebody who signed in more than five minutes ago."""
    browser = Browser(new_client(app))
    browser.sign_in("admin", instance.first.passphrase)
    grow_stale(app)
    return browser


def grow_stale(app: Flask) -> None:
    with app.app_context():
        then = datetime.now(UTC) - FRESH
        change_sessions(stepped_up_at=then)


def fields(page: str) -> list[tuple[str, str]]:
    """What the page carries on, as a browser would send it."""
    form = page[page.index('id="step-up"') :]
    hidden = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form)
    return [(html.unescape(name), html.unescape(value)) for name, value in hidden]


def test_signing_in_counts(app: Flask, instance: Instance) -> None:
    browser = Browser(new_client(app))
    browser.sign_in("admin", instance.first.passphrase)
    assert "reached" in browser.post(EXPORT, FILTERS).text


def test_what_was_posted_goes_on_after_the_passphrase(
    app: Flask, worker: Browser, instance: Instance
) -> None:
    before = worker.client.get_cookie("vigil_staff")
    asked = worker.post(EXPORT, FILTERS)
    assert asked.status_code == 422
    assert "Is it you?" in asked.text
    assert "reached" not in asked.text
    assert 'name="step_up_code"' not in asked.text  # put off: there is nothing to ask for
    carried = dict(fields(asked.text))
    assert {name: carried[name] for name in FILTERS} == FILTERS
    form = {**carried, "step_up_passphrase": instance.first.passphrase}
    answer = worker.client.post(EXPORT, data=form)
    assert dict(answer.json["reached"]).items() >= FILTERS.items()
    after = worker.client.get_cookie("vigil_staff")
    assert before
    assert after
    assert before.value != after.value
    assert worker.get("/staff/contacts").status_code == 200  # the new token opens contacts
    assert worker.post(EXPORT, FILTERS).status_code == 200  # and holds for a while
    worker.client.set_cookie("vigil_staff", before.value)
    assert worker.get("/staff/").status_code == 303  # the old one opens nothing
    with app.app_context():
        assert "staff.stepped-up" in set(db.session.scalars(select(AuditEvent.action)))


def test_every_field_is_carried_on_in_order_and_escaped(worker: Browser) -> None:
    posted = {"a": ["1", "2"], 'b"<': ["<script>\n'\"&"], "step_up_x": ["no"]}
    page = worker.post(EXPORT, posted).text
    carried = [pair for pair in fields(page) if pair[0] != "csrf_token"]
    assert carried == [("a", "1"), ("a", "2"), ('b"<', "<script>\n'\"&")]
    assert "<script>" not in page


def test_passphrases_are_not_carried_on(worker: Browser) -> None:
    posted = {"current": "canary one", "passphrase": "canary two", "again": "canary two", "a": "1"}
    page = worker.post("/staff/passphrase", posted).text
    assert "Is it you?" in page
    assert "canary" not in page
    assert dict(fields(page))["a"] == "1"
    assert "Is it you?" in worker.get("/staff/passphrase").text


def test_moment_to_come_is_not_fresh() -> None:
    now = datetime.now(UTC)
    assert is_fresh(now, now)
    assert not is_fresh(now + timedelta(seconds=1), now)
    assert not is_fresh(now - FRESH, now)


def test_wrong_passphrase_changes_nothing_and_makes_wait(app: Flask, worker: Browser) -> None:
    form = {**FILTERS, "step_up_passphrase": "wrong words"}
    answer = worker.post(EXPORT, form)
    assert answer.status_code == 422
    assert "That was not right." in answer.text
    assert "wrong words" not in answer.text
    assert dict(fields(answer.text))["kind"] == "signature"
    with app.app_context():
        later = datetime.now(UTC) + timedelta(minutes=1)
        db.session.execute(update(KnownBrowser).values(not_before=later))
        db.session.commit()
    assert worker.post(EXPORT, form).status_code == 429
    with app.app_context():
        session = db.session.scalars(select(StaffSession)).one()
        assert session.stepped_up_at
        assert session.stepped_up_at <= datetime.now(UTC) - FRESH
        assert db.session.scalars(select(KnownBrowser.attempts)).one() == 1
        assert not db.session.scalars(select(SignInDelay)).all()


def test_code_is_asked_for_and_used_up(app: Flask, worker: Browser, instance: Instance) -> None:
    secret = worker.enrol()
    grow_stale(app)
    with app.app_context():
        db.session.execute(update(StaffMember).values(totp_step=1))
        db.session.commit()
    assert 'name="step_up_code"' in worker.post(EXPORT, FILTERS).text
    form = {**FILTERS, "step_up_passphrase": instance.first.passphrase}
    assert worker.post(EXPORT, form).status_code == 422
    with app.app_context():
        db.session.execute(update(KnownBrowser).values(attempts=0, not_before=None))
        db.session.commit()
    form["step_up_code"] = code_now(secret)
    assert worker.post(EXPORT, form).status_code == 200
    grow_stale(app)
    assert worker.post(EXPORT, form).status_code == 422


def test_page_that_is_only_read_is_come_back_to(
    app: Flask, worker: Browser, instance: Instance
) -> None:
    view = app.view_functions["staff.mail"]

    @stepped_up
    def marked() -> object:
        return view()

    marked.permission = permission_of(view)  # type: ignore[attr-defined]
    app.view_functions["staff.mail"] = marked
    asked = worker.get("/staff/mail?state=failed")
    action = re.search(r'action="(/staff/step-up[^"]*)"', asked.text)
    assert action
    form = {"step_up_passphrase": instance.first.passphrase}
    answer = worker.post(html.unescape(action[1]), form)
    assert (answer.status_code, answer.location) == (303, "/staff/mail?state=failed")
    assert worker.get("/staff/mail?state=failed").status_code == 200


def test_form_token_comes_first(worker: Browser, instance: Instance) -> None:
    form = {**FILTERS, "step_up_passphrase": instance.first.passphrase}
    assert worker.client.post(EXPORT, data=form).status_code == 400


def test_role_comes_first(app: Flask, instance: Instance, worker: Browser) -> None:
    with app.app_context():
        db.session.execute(update(StaffMember).values(role="viewer"))
        db.session.commit()
    form = {**FILTERS, "step_up_passphrase": instance.first.passphrase}
    assert worker.post(EXPORT, form).status_code == 403


def test_marked_are_the_views_that_harm_most(app: Flask) -> None:
    marked = {name for name, view in app.view_functions.items() if wants_step_up(view)}
    assert wants_step_up(views_contacts.export_contacts)
    assert marked >= MARKED
    assert all(permission_of(app.view_functions[name]) != NOBODY_SIGNED_IN for name in marked)


def test_five_minutes(app: Flask, worker: Browser) -> None:
    with app.app_context():
        then = datetime.now(UTC) - FRESH + timedelta(seconds=20)
        change_sessions(stepped_up_at=then)
    assert worker.post(EXPORT, FILTERS).status_code == 200
