"""Every address of the staff pages, for every role: closed unless opened."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.routing import Rule

from staff.models import ROLES
from staff.permissions import NOBODY_SIGNED_IN, PERMISSIONS, needs, permission_of
from tests.unit.staff.conftest import Browser, People, new_client
from volunteers.models import VolunteerSignup

CONTACTS = {"see-contacts", "review-volunteers", "export-contacts"}
GIFTS = {"see-donations", "manage-donations", "lift-guard"}


def staff_rules(app: Flask) -> list[tuple[Rule, str]]:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/staff")]
    return [
        (rule, method)
        for rule in rules
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def address_of(app: Flask, rule: Rule) -> str:
    values = {name: uuid.uuid4() for name in rule.arguments}
    if "name" in values:
        return "/staff/charts/signatures.svg"
    with app.test_request_context():
        found: str = app.url_map.bind("localhost").build(rule.endpoint, values)
        return found


def test_every_view_names_a_permission(app: Flask) -> None:
    rules = staff_rules(app)
    assert len(rules) >= 30
    named = [permission_of(app.view_functions[rule.endpoint]) for rule, _ in rules]
    assert None not in named


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reaches_what_it_may_and_nothing_else(
    app: Flask, browser_of: Callable[[str], Browser], role: str
) -> None:
    browser = browser_of(role)
    for rule, method in staff_rules(app):
        permission = permission_of(app.view_functions[rule.endpoint]) or ""
        if permission == NOBODY_SIGNED_IN or rule.endpoint == "staff.sign_out":
            continue
        ask = browser.get if method == "GET" else browser.post
        status = ask(address_of(app, rule)).status_code
        is_allowed = permission in PERMISSIONS[role]
        assert (status == 403) is not is_allowed, (role, method, rule.rule, status)
        assert status < 500


def test_nobody_signed_in_reaches_nothing(app: Flask) -> None:
    visitor = Browser(new_client(app))
    for rule, method in staff_rules(app):
        if permission_of(app.view_functions[rule.endpoint]) == NOBODY_SIGNED_IN:
            continue
        ask = visitor.get if method == "GET" else visitor.post
        answer = ask(address_of(app, rule))
        assert answer.status_code == 303
        assert answer.location.startswith("/staff/sign-in")


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_viewers_hold_no_permission_for_contacts(role: str) -> None:
    assert not PERMISSIONS[role] & (CONTACTS | GIFTS)


def test_viewers_read_no_name(
    app: Flask, browser_of: Callable[[str], Browser], people: People
) -> None:
    signup = people.create_volunteer("Canary Bird", "canary@example.org")
    contact = people.contact_of(VolunteerSignup, signup)
    viewer = browser_of("viewer")
    for rule, method in staff_rules(app):
        if method == "GET":
            assert "anary" not in viewer.get(address_of(app, rule)).text
    assert "anary" not in viewer.get(f"/staff/contacts/{contact}").text


def test_view_without_a_permission_is_refused(app: Flask, admin: Browser) -> None:
    view = app.view_functions["staff.today"]
    app.view_functions["staff.today"] = lambda: "open"
    try:
        assert admin.get("/staff/").status_code == 403
    finally:
        app.view_functions["staff.today"] = view


def test_permission_that_no_role_has_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="see-everything"):
        needs("see-everything")


def test_unknown_address_is_answered_within_the_staff_pages(app: Flask, admin: Browser) -> None:
    answer = admin.get("/staff/nothing/here")
    assert answer.status_code == 404
    assert "There is nothing at this address." in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert new_client(app).get("/staff/nothing/here").status_code == 303
    refused = admin.get("/staff/sign-out")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
