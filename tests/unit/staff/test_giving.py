"""The state of giving: guard, gifts to look at, what reconciling found, goals."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from config.database import db
from donate.books.models import Goal, Reconciliation
from donate.guard.models import Decline, GuardState
from tests.support.moments import NOW
from tests.unit.staff.conftest import Browser
from tests.unit.staff.giving import Gifts, audited

GOAL = {"campaign": "", "fund": "families", "amount": "10 000", "currency": "EUR"}


def goals(app: Flask) -> list[tuple[str, str, str, int]]:
    columns = (Goal.campaign, Goal.fund, Goal.currency, Goal.goal_minor)
    with app.app_context():
        return [tuple(row) for row in db.session.execute(select(*columns).order_by(*columns))]


def set_goal(browser: Browser, **more: str) -> TestResponse:
    return browser.post("/staff/giving/goals", {**GOAL, **more})


def decline(app: Flask, count: int) -> None:
    now = datetime.now(UTC)
    with app.app_context():
        for n in range(count):
            at = now - timedelta(seconds=n)
            db.session.add(Decline(id=uuid.uuid4().hex, gift_id=uuid.uuid4(), at=at))
        db.session.commit()


# The guard


def test_guard_is_shown_lifted_and_put_back(app: Flask, admin: Browser) -> None:
    assert "Calm" in admin.get("/staff/giving").text
    decline(app, 30)
    page = admin.get("/staff/giving").text
    assert "a proof of work is asked for" in page
    assert "30 since" in page
    assert admin.post("/staff/giving/lift").status_code == 303
    page = admin.get("/staff/giving").text
    assert "The guard is lifted." in page
    assert "Lifted until" in page
    with app.app_context():
        (until,) = db.session.scalars(select(GuardState.lifted_until))
        assert until > datetime.now(UTC)
    assert admin.post("/staff/giving/restore").status_code == 303
    assert "a proof of work is asked for" in admin.get("/staff/giving").text
    (lifted,) = audited(app, "guard.lifted")
    assert (lifted.actor_id, set(lifted.details)) == (admin.staff_id, {"until"})
    assert len(audited(app, "guard.restored")) == 1


def test_editors_cannot_lift_the_guard(app: Flask, browser_of: Callable[[str], Browser]) -> None:
    decline(app, 30)
    editor = browser_of("editor")
    assert "/staff/giving/lift" not in editor.get("/staff/giving").text
    assert editor.post("/staff/giving/lift").status_code == 403
    assert audited(app, "guard.lifted") == []


# What a person should look at


def test_held_gifts_are_listed_and_told_of(admin: Browser, gifts: Gifts) -> None:
    held = gifts.create(300, review="held")
    released = gifts.create(400, review="released")
    page = admin.get("/staff/giving").text
    assert f"/staff/donations/{held}" in page
    assert f"/staff/donations/{released}" not in page
    assert "1 gift waits for somebody to look at it." in admin.get("/staff/").text


def test_disputes_to_be_answered_are_listed_and_told_of(admin: Browser, gifts: Gifts) -> None:
    states = ("needs_response", "warning_needs_response", "under_review", "lost")
    told = [gifts.create(300 + n) for n in range(len(states))]
    for gift, status in zip(told, states, strict=True):
        gifts.dispute(gift, status)
    assert "2 disputed gifts wait for an answer at Stripe." in admin.get("/staff/").text
    page = admin.get("/staff/giving").text
    assert [str(gift) in page for gift in told] == [True, True, False, False]


def test_differences_are_listed_and_told_of(app: Flask, admin: Browser, gifts: Gifts) -> None:
    gift = gifts.create()
    found = [
        {"what": "missing", "id": "txn_1", "theirs": 2500, "theirs_fee": 103, "currency": "EUR"},
        {
            "what": "amounts", "id": "txn_2", "ours": 700, "ours_fee": 1, "theirs": 701,
            "theirs_fee": 2, "currency": "KWD", "donation": str(gift),
        },
        {"what": "event", "id": "evt_1"},
        {"what": "something-new", "id": "x"},
    ]  # fmt: skip
    with app.app_context():
        db.session.add(Reconciliation(name="books", cursor_at=NOW, ran_at=NOW, differences=found))
        db.session.add(Reconciliation(name="events", cursor_at=NOW, ran_at=NOW))
        db.session.commit()
    page = admin.get("/staff/giving").text
    for words in ("Missing in our books", "txn_1", "€1.03", "KWD\xa00.701", "something-new"):
        assert words in page
    assert page.count(f"/staff/donations/{gift}") == 1
    assert "Nothing differs." in page
    assert "Our books differ from Stripe’s in 4 places." in admin.get("/staff/").text


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_single_gifts_are_not_for_all(
    app: Flask, browser_of: Callable[[str], Browser], gifts: Gifts, role: str
) -> None:
    held = gifts.create(300, review="held")
    difference = {"what": "missing", "id": "txn_1", "donation": str(held)}
    with app.app_context():
        db.session.add(
            Reconciliation(name="books", cursor_at=NOW, ran_at=NOW, differences=[difference])
        )
        db.session.commit()
    browser = browser_of(role)
    for address in ("/staff/giving", "/staff/"):
        page = browser.get(address)
        assert page.status_code == 200
        assert str(held) not in page.text
        assert "txn_1" not in page.text
        assert "/staff/donations" not in page.text


# Goals


def test_goal_is_set_changed_and_removed(
    app: Flask, browser_of: Callable[[str], Browser], gifts: Gifts
) -> None:
    gifts.create(2500)
    gifts.refund(gifts.create(1000), 400, "succeeded")
    gifts.create(700, currency="PLN")
    editor = browser_of("editor")
    assert set_goal(editor).status_code == 303
    assert goals(app) == [("", "families", "EUR", 1_000_000)]
    page = editor.get("/staff/giving").text
    assert "€31.00 of €10,000.00" in page
    assert set_goal(editor, amount="90", currency="PLN").status_code == 303
    assert goals(app) == [("", "families", "PLN", 9000)]
    assert "PLN\xa07.00 of PLN\xa090.00" in editor.get("/staff/giving").text
    with app.app_context():
        (goal_id,) = db.session.scalars(select(Goal.id))
    page = editor.get(f"/staff/giving?goal={goal_id}").text
    assert 'value="90.00"' in page
    for _ in range(2):
        assert editor.post(f"/staff/giving/goals/{goal_id}/remove").status_code == 303
    assert goals(app) == []
    assert [event.details.get("amount_minor") for event in audited(app, "goal.set")] == [
        1_000_000, 9000,
    ]  # fmt: skip
    (removed,) = audited(app, "goal.removed")
    assert removed.details == {"campaign": "", "fund": "families"}


def test_goal_of_a_campaign_counts_its_own_gifts(app: Flask, admin: Browser, gifts: Gifts) -> None:
    gifts.create(2500, campaign="stolen-childhood")
    gifts.create(1000)
    set_goal(admin, campaign="stolen-childhood", amount="50")
    set_goal(admin, amount="60")
    page = admin.get("/staff/giving").text
    assert "€25.00 of €50.00" in page
    assert "€35.00 of €60.00" in page
    assert len(goals(app)) == 2


def test_bar_of_a_goal_that_is_passed_is_full(admin: Browser, gifts: Gifts) -> None:
    gifts.create(9000)
    set_goal(admin, amount="50")
    assert re.search(r'<progress max="5000"\s+value="5000"', admin.get("/staff/giving").text)


@pytest.mark.parametrize(
    "typed",
    [{"amount": "0"}, {"amount": "many"}, {"fund": "x"}, {"campaign": "x"}, {"currency": "XXX"}],
)
def test_goal_that_is_none(app: Flask, admin: Browser, typed: dict[str, str]) -> None:
    answer = set_goal(admin, **typed)
    assert answer.status_code == 422
    assert 'class="oops"' in answer.text
    assert goals(app) == []


@pytest.mark.parametrize("role", ["viewer", "contacts"])
def test_others_set_no_goals(app: Flask, browser_of: Callable[[str], Browser], role: str) -> None:
    browser = browser_of(role)
    assert 'id="set-goal"' not in browser.get("/staff/giving").text
    assert set_goal(browser).status_code == 403
    assert goals(app) == []
