"""Two clicks on one button are one gift; two people, or two wishes, are two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from config.database import db
from donate import repeats
from donate.models import BegunGift
from tests.unit.donate.desk import Desk, in_parallel

FORM = {"amount": "25", "currency": "EUR", "frequency": "once", "fund": "families"}


def click(desk: Desk, token: str, browser: str = "one", **typed: str) -> str:
    """Send the form; where it leads."""
    form = {**FORM, **typed, "form_token": token}
    answer = desk.visitor(browser).post("/en/donate", data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


@pytest.fixture
def token(desk: Desk) -> str:
    """The token of one cached page, the same for all who got it."""
    return desk.filled()["form_token"]


@pytest.mark.parametrize("frequency", ["once", "month"])
def test_second_click_leads_to_the_page_of_the_first(
    desk: Desk, token: str, frequency: str
) -> None:
    click_so = lambda _=None: click(desk, token, frequency=frequency)  # noqa: E731
    assert len({click_so() for _ in range(3)}) == 1
    assert len(desk.stand_in.account.ledger.all("checkout.session")) == 1


def test_clicks_at_the_same_moment_are_one_gift(desk: Desk, token: str) -> None:
    pages = in_parallel(*[lambda: click(desk, token)] * 4)
    assert len(set(pages)) == 1
    assert len(desk.donations()) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"browser": "another"},
        {"amount": "26"},
        {"fund": "publicity"},
        {"frequency": "month"},
        {"dedication": "Anna"},
    ],
)
def test_another_wish_or_browser_is_another_gift(
    desk: Desk, token: str, other: dict[str, str]
) -> None:
    assert click(desk, token) != click(desk, token, **other)


def test_answers_to_the_guard_do_not_make_another_gift(desk: Desk, token: str) -> None:
    assert click(desk, token, altcha="a", waited="b") == click(desk, token, altcha="c")


def test_after_some_seconds_it_is_another_gift(desk: Desk, token: str) -> None:
    first = click(desk, token)
    with desk.app.app_context():
        db.session.execute(update(BegunGift).values(expires_at=datetime.now(UTC)))
        db.session.commit()
    assert click(desk, token) != first


def test_after_paying_it_is_another_gift(desk: Desk, token: str) -> None:
    session_id = click(desk, token).rsplit("/", 1)[1]
    desk.pay(session_id)
    desk.come_back(session_id)
    assert not click(desk, token).endswith(session_id)
    assert len(desk.donations()) == 2


def test_what_is_kept_says_nothing_and_soon_goes(desk: Desk, token: str) -> None:
    click(desk, token)
    later = datetime.now(UTC) + repeats.WITHIN + timedelta(seconds=1)
    with desk.app.app_context():
        (kept,) = db.session.scalars(select(BegunGift))
        assert len(kept.hash) == 32
        repeats.drop_old(later)
        assert db.session.scalars(select(BegunGift)).all() == []
