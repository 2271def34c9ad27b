"""The team as administrators change it: invited, another role, removed; nobody is locked out."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from config.database import db
from staff.door import sessions
from staff.models import AuditEvent, Invitation, KnownBrowser, StaffMember, StaffSession
from staff.team import members as team
from tests.support.visitor import mails
from tests.unit.staff.conftest import Browser, change_sessions
from vault.models import Holder, VaultPair, VaultShare
from vault.services import enrol_holder, vault

LINK = re.compile(r"http://127\.0\.0\.1:8000(/staff/invitation/[A-Za-z0-9_-]{43})<")


@pytest.fixture
def holder_of(app: Flask, holder_key: bytes) -> Callable[[uuid.UUID], uuid.UUID]:
    """Gives a member a holder of their own with a share; returns its id."""

    def make(staff_id: uuid.UUID) -> uuid.UUID:
        with app.app_context():
            opener = vault().open_with(holder_key)
            holder = enrol_holder(opener, "staff", datetime.now(UTC)).holder
            db.session.get_one(StaffMember, staff_id).holder_id = holder.id
            db.session.commit()
            return holder.id

    return make


def count(app: Flask, model: type) -> int:
    """How many rows there are."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def member(app: Flask, name: str) -> StaffMember:
    """The row of somebody."""
    with app.app_context():
        return db.session.scalars(select(StaffMember).where(StaffMember.name == name)).one()


def invite(admin: Browser, name: str, role: str) -> str:
    """Invite somebody; the path of the link that the page shows."""
    answer = admin.post("/staff/team", {"name": name, "role": role})
    assert answer.status_code == 200, answer.text
    found = LINK.search(answer.text)
    assert found
    return found[1]


def test_link_for_contacts_carries_a_key_of_its_own(app: Flask, admin: Browser) -> None:
    shares = count(app, VaultShare)
    invite(admin, "Olena", "contacts")
    with app.app_context():
        holder = db.session.scalars(select(Holder).where(Holder.kind == "invitation")).one()
        assert holder.wrapped_key is None
        assert db.session.scalars(select(Invitation.holder_id)).one() == holder.id
    assert count(app, VaultShare) == shares + 1
    assert member(app, "olena").state == "invited"


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_link_for_totals_carries_no_key(app: Flask, admin: Browser, role: str) -> None:
    shares = count(app, VaultShare)
    invite(admin, "Vika", role)
    assert count(app, VaultShare) == shares


def test_link_is_shown_once_and_the_database_has_only_its_hash(app: Flask, admin: Browser) -> None:
    token = invite(admin, "Olena", "contacts").rsplit("/", 1)[1]
    assert token not in admin.get("/staff/team").text
    with app.app_context():
        row = db.session.scalars(select(Invitation)).one()
        assert token.encode() not in row.hash


@pytest.mark.parametrize("name", ["", " ", "a" * 81, "\u202e"])
def test_name_that_nobody_can_sign_in_with(app: Flask, admin: Browser, name: str) -> None:
    answer = admin.post("/staff/team", {"name": name, "role": "viewer"})
    assert answer.status_code == 422
    assert count(app, Invitation) == 0


def test_name_of_a_colleague_is_taken_however_it_is_typed(admin: Browser) -> None:
    invite(admin, "Olena", "viewer")
    answer = admin.post("/staff/team", {"name": "  OLENA ", "role": "viewer"})
    assert answer.status_code == 409
    assert "under this name" in answer.text


def test_role_that_there_is_not(app: Flask, admin: Browser) -> None:
    answer = admin.post("/staff/team", {"name": "Olena", "role": "root"})
    assert answer.status_code == 422
    assert count(app, Invitation) == 0


def test_new_link_ends_the_older_one(app: Flask, admin: Browser) -> None:
    old = invite(admin, "Olena", "contacts")
    address = f"/staff/team/{member(app, 'olena').id}/invitation"
    answer = admin.post(address)
    assert LINK.search(answer.text)
    assert admin.get(old).status_code == 410
    assert count(app, Invitation) == 1
    with app.app_context():
        kinds = db.session.scalars(select(Holder.kind)).all()
    assert kinds.count("invitation") == 1


def test_colleague_whose_laptop_was_lost_is_signed_out_everywhere(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser], holder_key: bytes
) -> None:
    colleague, bystander = browser_of("contacts"), browser_of("viewer")
    assert colleague.staff_id
    with app.app_context():
        now = datetime.now(UTC)
        sessions.start_session(colleague.staff_id, holder_key, now, "Firefox, Linux")
        browser = {"token_hash": bytes(32), "staff_id": colleague.staff_id, "day": now.date()}
        db.session.add(KnownBrowser(**browser))
        db.session.commit()
    page = admin.get(f"/staff/team/{colleague.staff_id}").text
    assert "Firefox, Linux" in page
    answer = admin.post(f"/staff/team/{colleague.staff_id}/sessions/end")
    assert answer.location == f"/staff/team/{colleague.staff_id}"
    page = admin.get(answer.location).text
    assert "2 sessions ended." in page
    assert "Firefox, Linux" not in page
    assert colleague.get("/staff/").location.startswith("/staff/sign-in")
    assert bystander.get("/staff/").status_code == 200
    assert count(app, KnownBrowser) == 0
    with app.app_context():
        ended = select(AuditEvent).where(AuditEvent.action == "staff.sessions-ended")
        (event,) = db.session.scalars(ended)
        assert (event.actor_id, event.subject_id) == (admin.staff_id, colleague.staff_id)
        assert event.details == {"count": 2}
        state = db.session.get_one(StaffMember, colleague.staff_id).state
        assert state == "active"  # they sign in again as before


def test_who_is_signed_in_nowhere_has_nothing_to_end(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser]
) -> None:
    colleague = browser_of("viewer")
    address = f"/staff/team/{colleague.staff_id}/sessions/end"
    assert "1 session ended." in admin.get(admin.post(address).location).text
    page = admin.get(admin.post(address).location).text
    assert "They were signed in nowhere." in page
    assert "/sessions/end" not in page


def test_own_sessions_and_those_of_nobody_are_not_ended_here(app: Flask, admin: Browser) -> None:
    answer = admin.post(f"/staff/team/{admin.staff_id}/sessions/end")
    assert "Another administrator must do this" in admin.get(answer.location).text
    admin.post(f"/staff/team/{uuid.uuid4()}/sessions/end")
    assert count(app, StaffSession) == 1


def test_ending_sessions_of_others_wants_a_step_up(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser]
) -> None:
    colleague = browser_of("viewer")
    with app.app_context():
        change_sessions(stepped_up_at=None)
    assert admin.post(f"/staff/team/{colleague.staff_id}/sessions/end").status_code == 422
    assert colleague.get("/staff/").status_code == 200


def test_removed_colleague_is_out_at_once_and_the_vault_has_a_new_key(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser]
) -> None:
    colleague = browser_of("viewer")
    assert colleague.get("/staff/").status_code == 200
    assert admin.post(f"/staff/team/{colleague.staff_id}/remove").status_code == 303
    assert colleague.get("/staff/").status_code == 303
    with app.app_context():
        row = db.session.get_one(StaffMember, colleague.staff_id)
        assert (row.state, row.holder_id) == ("removed", None)
        sessions = select(StaffSession).where(StaffSession.staff_id == colleague.staff_id)
        assert not db.session.scalars(sessions).all()
        # a viewer never had a key: nothing to rotate
        assert len(db.session.scalars(select(VaultPair.id)).all()) == 1


def test_key_holder_who_is_removed_leaves_a_rotated_vault(
    app: Flask, admin: Browser, holder_of: Callable[[uuid.UUID], uuid.UUID],
    browser_of: Callable[[str], Browser],
) -> None:  # fmt: skip
    colleague = browser_of("contacts")
    assert colleague.staff_id
    holder_id = holder_of(colleague.staff_id)
    assert admin.post(f"/staff/team/{colleague.staff_id}/remove").status_code == 303
    with app.app_context():
        assert db.session.get(Holder, holder_id) is None
        shares = select(VaultShare).where(VaultShare.holder_id == holder_id)
        assert not db.session.scalars(shares).all()
        active = select(VaultPair.id).where(VaultPair.retired_at.is_(None))
        assert db.session.scalars(active).all() == [2]
    assert admin.get("/staff/contacts").status_code == 200  # who stays opens the new one, too


def test_removed_name_can_be_invited_again_as_the_same_person(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser]
) -> None:
    colleague = browser_of("viewer")
    with app.app_context():
        name = db.session.get_one(StaffMember, colleague.staff_id).name
    admin.post(f"/staff/team/{colleague.staff_id}/remove")
    invite(admin, name, "editor")
    again = member(app, name)
    assert (again.id, again.role, again.state) == (colleague.staff_id, "editor", "invited")


def test_own_account_is_left_to_another_administrator(app: Flask, admin: Browser) -> None:
    for what, data in (("remove", {}), ("role", {"role": "viewer"})):
        admin.post(f"/staff/team/{admin.staff_id}/{what}", data)
    with app.app_context():
        row = db.session.get_one(StaffMember, admin.staff_id)
        assert (row.role, row.state) == ("admin", "active")


def test_last_administrator_stays(app: Flask, admin: Browser) -> None:
    first = member(app, "admin")
    with app.app_context():  # somebody without a role that lets others in asks by a made-up post
        db.session.get_one(StaffMember, admin.staff_id).state = "removed"
        db.session.commit()
    with app.app_context(), pytest.raises(team.LastOne):
        team.remove(first.id, uuid.uuid4(), first.created_at)


def test_role_without_contacts_loses_the_key_at_once(
    app: Flask, admin: Browser, holder_of: Callable[[uuid.UUID], uuid.UUID],
    browser_of: Callable[[str], Browser],
) -> None:  # fmt: skip
    colleague = browser_of("contacts")
    assert colleague.staff_id
    holder_id = holder_of(colleague.staff_id)
    answer = admin.post(f"/staff/team/{colleague.staff_id}/role", {"role": "viewer"})
    assert LINK.search(answer.text)
    with app.app_context():
        assert db.session.get(Holder, holder_id) is None
    assert colleague.get("/staff/contacts").status_code == 303


def test_role_of_the_same_kind_changes_without_a_link(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser]
) -> None:
    colleague = browser_of("viewer")
    answer = admin.post(f"/staff/team/{colleague.staff_id}/role", {"role": "editor"})
    assert answer.status_code == 303
    with app.app_context():
        assert db.session.get_one(StaffMember, colleague.staff_id).role == "editor"


def test_each_step_is_in_the_log_by_ids(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser]
) -> None:
    colleague = browser_of("viewer")
    admin.post(f"/staff/team/{colleague.staff_id}/role", {"role": "editor"})
    admin.post(f"/staff/team/{colleague.staff_id}/remove")
    with app.app_context():
        rows = select(AuditEvent).where(AuditEvent.subject_id == colleague.staff_id)
        events = {row.action: row for row in db.session.scalars(rows)}
    assert set(events) == {"staff.role-changed", "staff.removed"}
    assert events["staff.role-changed"].details == {"role_before": "viewer", "role": "editor"}
    assert {row.actor_id for row in events.values()} == {admin.staff_id}


def demote(admin: Browser, colleague: Browser) -> TestResponse:
    return admin.post(f"/staff/team/{colleague.staff_id}/role", {"role": "contacts"})


def dismiss(admin: Browser, colleague: Browser) -> TestResponse:
    return admin.post(f"/staff/team/{colleague.staff_id}/remove")


@pytest.mark.parametrize("end", [demote, dismiss])
def test_links_that_an_administrator_made_end_with_the_role(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser],
    end: Callable[[Browser, Browser], TestResponse],
) -> None:  # fmt: skip
    colleague = browser_of("admin")
    link, kept = invite(colleague, "Backdoor", "admin"), invite(admin, "Olena", "contacts")
    assert end(admin, colleague).status_code == 303
    assert admin.get(link).status_code == 410
    assert admin.get(kept).status_code == 200
    assert "backdoor" in admin.get("/staff/team").text
    with app.app_context():
        assert db.session.scalars(select(Invitation.created_by)).all() == [admin.staff_id]
        invited = select(func.count()).where(Holder.kind == "invitation")
        assert db.session.scalar(invited) == 1


def test_it_says_whose_links_ended(admin: Browser, browser_of: Callable[[str], Browser]) -> None:
    colleague = browser_of("admin")
    invite(colleague, "Backdoor", "viewer")
    answer = dismiss(admin, colleague)
    assert "Invite anew: backdoor." in admin.get(answer.headers["Location"]).text


def test_link_made_while_its_maker_was_removed_opens_nothing(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser]
) -> None:
    colleague = browser_of("admin")
    link = invite(colleague, "Backdoor", "admin")
    with app.app_context():
        db.session.get_one(StaffMember, colleague.staff_id).state = "removed"
        db.session.commit()
    assert admin.get(link).status_code == 410


def test_readers_are_told_of_links_and_roles(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser]
) -> None:
    colleague = browser_of("viewer")
    invite(admin, "Olena", "viewer")
    admin.post(f"/staff/team/{colleague.staff_id}/invitation")
    admin.post(f"/staff/team/{colleague.staff_id}/role", {"role": "editor"})
    with app.app_context():
        told = [mail.params["what"] for mail in mails() if mail.kind == "team-alert"]
    assert told == ["invited", "invited", "role-changed"]


def test_promotion_waits_for_the_link(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser]
) -> None:
    colleague = browser_of("viewer")
    address = f"/staff/team/{colleague.staff_id}/role"
    assert LINK.search(admin.post(address, {"role": "admin"}).text)
    assert colleague.get("/staff/").status_code == 303
    with app.app_context():
        row = db.session.get_one(StaffMember, colleague.staff_id)
        assert (row.state, row.holder_id) == ("invited", None)


def test_administrator_without_a_share_is_nobody_to_leave_it_to(
    app: Flask, admin: Browser, browser_of: Callable[[str], Browser]
) -> None:
    browser_of("admin")  # active, and opens nothing
    first = member(app, "admin")
    with app.app_context(), pytest.raises(team.LastOne):
        team.remove(first.id, uuid.uuid4(), first.created_at)


@pytest.mark.parametrize("role", ["viewer", "editor", "contacts"])
def test_team_is_for_administrators(browser_of: Callable[[str], Browser], role: str) -> None:
    assert browser_of(role).get("/staff/team").status_code == 403
