"""What the table of permissions says, and what happens where nothing was said."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import func, select

from config.database import db
from config.settings import ROOT
from staff.models import ROLES
from staff.permissions import KNOWN, PERMISSIONS, needs
from tests.unit.staff.conftest import Browser, new_client
from vault.models import VaultShare

CONTACTS = {"see-contacts", "review-volunteers", "export-contacts", "release-copies"}
GIFTS = {"see-donations", "manage-donations", "lift-guard"}
# What the columns of the printed table stand for.
COLUMNS = {
    "sees totals": {"be-signed-in", "see-totals"},
    "goals": {"set-goals"},
    "people, gifts, exports": CONTACTS | GIFTS | {"manage-mail"},
    "team, audit log, safety": {"manage-staff", "see-audit", "see-safety"},
}


@pytest.fixture(scope="module")
def printed() -> dict[str, dict[str, str]]:
    """The table of roles in docs/security.md: for each role what stands in each column."""
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    table = re.search(r"^\| role \|.*\n(?:\|.*\n)+", text, re.M)
    assert table
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()
    ]
    assert head == ["role", *COLUMNS, "key"]
    called = {"administrator": "admin"}
    return {called.get(row[0], row[0]): dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def test_printed_table_knows_each_role_and_permission(printed: dict[str, dict[str, str]]) -> None:
    assert set(printed) == set(PERMISSIONS) == set(ROLES)
    assert sorted(name for names in COLUMNS.values() for name in names) == sorted(KNOWN)


@pytest.mark.parametrize("role", ROLES)
def test_printed_table_says_what_each_role_may(
    app: Flask, admin: Browser, printed: dict[str, dict[str, str]], role: str
) -> None:
    cells = printed[role]
    allowed = {name for column, names in COLUMNS.items() if cells[column] for name in names}
    assert allowed == PERMISSIONS[role]
    assert {cells[column] for column in COLUMNS} <= {"", "yes"}
    before = shares(app)
    assert admin.post("/staff/team", {"name": "Olena", "role": role}).status_code == 200
    assert shares(app) - before == {"yes": 1, "no": 0}[cells["key"]]


def shares(app: Flask) -> int:
    """How many keys open the vault."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(VaultShare)) or 0


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
