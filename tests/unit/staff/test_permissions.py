"""What the table of permissions says, and what happens where nothing was said."""

from __future__ import annotations

import pytest
from flask import Flask

from staff.permissions import PERMISSIONS, needs
from tests.unit.staff.conftest import Browser, new_client

CONTACTS = {"see-contacts", "review-volunteers", "export-contacts", "release-copies"}
GIFTS = {"see-donations", "manage-donations", "lift-guard"}


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_viewers_hold_no_permission_for_contacts(role: str) -> None:
    assert not PERMISSIONS[role] & (CONTACTS | GIFTS)


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
