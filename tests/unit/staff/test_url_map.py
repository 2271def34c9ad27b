"""The whole URL map for every role: allowed or refused as the table of permissions says."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from config.database import db
from contacts.models import Contact
from staff.models import ROLES
from staff.permissions import NOBODY_SIGNED_IN, PERMISSIONS, permission_of
from staff.team.members import remove
from tests.support.moments import NOW
from tests.unit.staff.conftest import Browser, People, new_client
from volunteers.models import VolunteerSignup

# Before anybody is signed in. Whoever opens another door has to open it here, too.
OPEN = {"staff.sign_in", "staff.signed_in_now", "staff.invitation", "staff.invitation_accepted"}
ENDS_THE_WALK = {"staff.sign_out"}
CANARY = b"anary"
BrowserOf = Callable[[str], Browser]


@pytest.fixture
def ids(app: Flask, people: People) -> dict[str, uuid.UUID]:
    """People whose names are canaries, by the argument of the address that shows them."""
    details = {"phone": "+37060000000", "message": "Canary message"}
    signup = people.create_volunteer("Canary Vera", "canary@example.org", details=details)
    people.create_signature("Canary Ada", "canary@example.org")
    donation = people.create_donation("Canary Dora", "canary@example.org")
    contact = people.contact_of(VolunteerSignup, signup)
    return {"contact_id": contact, "signup_id": signup, "donation_id": donation}


def rules(app: Flask) -> Iterator[Rule]:
    """The addresses of staff."""
    yield from (rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("staff."))


def address_of(app: Flask, rule: Rule, ids: dict[str, uuid.UUID]) -> str:
    values: dict[str, object] = {name: ids.get(name, uuid.uuid4()) for name in rule.arguments}
    if rule.endpoint == "staff.chart":
        values["name"] = "signatures"
    with app.test_request_context():
        found: str = app.url_map.bind("localhost").build(rule.endpoint, values)
        return found


def ask(browser: Browser, method: str, address: str) -> TestResponse:
    if method == "POST":
        return browser.post(address)
    return browser.client.open(address, method=method)


def permission(app: Flask, rule: Rule) -> str | None:
    return permission_of(app.view_functions[rule.endpoint])


def test_every_address_names_a_permission(app: Flask) -> None:
    found = list(rules(app))
    assert len(found) >= 40
    assert [rule.rule for rule in found if permission(app, rule) is None] == []
    under = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/staff")}
    assert under == {rule.rule for rule in found}


def test_nothing_is_open_but_the_door(app: Flask) -> None:
    is_open = {rule.endpoint for rule in rules(app) if permission(app, rule) == NOBODY_SIGNED_IN}
    assert is_open == OPEN


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reaches_what_the_table_says(
    app: Flask, browser_of: BrowserOf, role: str
) -> None:
    browser = browser_of(role)
    for rule in rules(app):
        if rule.endpoint in OPEN | ENDS_THE_WALK:
            continue
        is_allowed = permission(app, rule) in PERMISSIONS[role]
        for method in sorted(rule.methods or set()):
            answer = ask(browser, method, address_of(app, rule, {}))
            told = (role, method, rule.rule, answer.status)
            assert (answer.status_code == 403) is not is_allowed, told
            assert answer.status_code < 500, told
            assert "/staff/sign-in" not in (answer.location or ""), told


@pytest.mark.parametrize("role", ROLES)
def test_no_method_but_the_named_ones_does_anything(
    app: Flask, browser_of: BrowserOf, role: str, ids: dict[str, uuid.UUID]
) -> None:
    browser = browser_of(role)
    for rule in rules(app):
        address = address_of(app, rule, ids)
        named = {
            method
            for other in rules(app)
            if address_of(app, other, ids) == address
            for method in other.methods or ()
        }
        for method in {"PUT", "PATCH", "DELETE"} - named:
            answer = browser.client.open(address, method=method)
            assert answer.status_code in {400, 403, 404, 405}, (method, rule.rule, answer.status)
            assert CANARY not in answer.data


def test_nobody_signed_in_is_sent_to_the_door(app: Flask, ids: dict[str, uuid.UUID]) -> None:
    visitor = Browser(new_client(app))
    for rule in rules(app):
        for method in sorted(rule.methods or set()):
            answer = ask(visitor, method, address_of(app, rule, ids))
            assert CANARY not in answer.data
            if rule.endpoint not in OPEN:
                told = (method, rule.rule, answer.status)
                assert answer.status_code == 303, told
                assert (answer.location or "").startswith("/staff/sign-in"), told


@pytest.mark.parametrize("role", ["viewer", "editor"])
@pytest.mark.parametrize("table", ["as it is", "with everything, by mistake"])
def test_who_holds_no_key_reads_no_contact_anywhere(
    app: Flask,
    browser_of: BrowserOf,
    ids: dict[str, uuid.UUID],
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    table: str,
) -> None:
    """Not even where the table let them in: the session has no key to open anything with."""
    browser = browser_of(role)
    if table != "as it is":
        monkeypatch.setitem(PERMISSIONS, role, PERMISSIONS["admin"])
    for rule in rules(app):
        if rule.endpoint in ENDS_THE_WALK:
            continue
        for method in sorted(rule.methods or set()):
            answer = ask(browser, method, address_of(app, rule, ids))
            read = answer.data + str(answer.headers).encode()
            assert CANARY not in read, (method, rule.rule)
            assert answer.status_code < 500, (method, rule.rule)


def test_the_same_walk_shows_contacts_to_who_may_see_them(
    app: Flask, browser_of: BrowserOf, ids: dict[str, uuid.UUID]
) -> None:
    browser = browser_of("contacts")
    seen = {
        rule.endpoint
        for rule in rules(app)
        if "GET" in (rule.methods or ()) and CANARY in browser.get(address_of(app, rule, ids)).data
    }
    assert seen >= {"staff.contacts", "staff.person", "staff.volunteers", "staff.donation"}


def test_who_was_removed_reaches_nothing(
    app: Flask, browser_of: BrowserOf, ids: dict[str, uuid.UUID]
) -> None:
    admin, colleague = browser_of("admin"), browser_of("admin")
    assert colleague.get(f"/staff/contacts/{ids['contact_id']}").status_code == 200
    assert admin.staff_id
    assert colleague.staff_id
    with app.app_context():
        remove(colleague.staff_id, admin.staff_id, NOW)
        db.session.commit()
        assert db.session.scalars(select(Contact.id)).all()
    for rule in rules(app):
        if rule.endpoint not in OPEN:
            for method in sorted(rule.methods or set()):
                answer = ask(colleague, method, address_of(app, rule, ids))
                assert answer.status_code == 303, rule.rule
                assert (answer.location or "").startswith("/staff/sign-in")
