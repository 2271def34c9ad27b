"""Reconciling: sessions that we had not noted, and rows of ours that were left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from donate.books import missed
from donate.books.left_behind import look_again
from donate.books.missed import Run, adopt_sessions
from donate.books.models import LedgerLine
from donate.models import Donation, Method, RecurringDonation, RecurringState, State
from tests.unit.donate.desk import DEBIT_PAYS, Desk
from tests.unit.donate.reconciling import no_events, run, write

LONG_AGO = timedelta(days=2)

# Sessions


def forget_session(model: Any) -> list[Any]:
    """As where our process ended before it noted the session."""
    return [update(model).values(stripe_session_id=None, state="created")]


@pytest.mark.parametrize("frequency", ["once", "month"])
def test_session_is_found_by_our_mark(desk: Desk, frequency: str) -> None:
    session_id = desk.start(frequency=frequency)
    model: Any = Donation if frequency == "once" else RecurringDonation
    write(desk, *forget_session(model))
    assert run(desk).sessions == 1
    (row,) = desk.rows(model)
    assert (row.state, row.stripe_session_id) == (State.OPEN, session_id)
    assert run(desk).sessions == 0


def test_paid_session_is_found_by_our_mark(desk: Desk, untold: str) -> None:
    write(desk, *forget_session(Donation))
    with no_events(desk):
        assert run(desk).sessions == 1
    donation = desk.donation()
    assert (donation.state, donation.stripe_session_id) == (State.PAID, untold)
    desk.assert_books(1, 2_500)


def test_session_of_another_shop_is_left_alone(desk: Desk) -> None:
    desk.start()
    write(desk, delete(Donation))
    assert run(desk).sessions == 0


def test_adopting_goes_no_further_back_than_it_must(desk: Desk) -> None:
    now = datetime.now(UTC)
    with desk.app.app_context():
        adopt_sessions(Run(now))
        adopt_sessions(Run(now))
    (first, second) = desk.requests("GET")
    since = [int(asked["params"]["created"]["gte"]) for asked in (first, second)]
    assert since[0] == int((now - missed.KEPT - missed.OVERLAP).timestamp())
    assert since[1] == int((now - missed.OVERLAP).timestamp())


# Rows


def test_what_stripe_never_heard_of_expires_after_a_day(desk: Desk) -> None:
    with desk.trouble("500"):
        desk.give()
        desk.give(frequency="month")
    assert run(desk).expired == 0
    later = datetime.now(UTC) + timedelta(hours=25)
    assert run(desk, later).expired == 2
    assert desk.donation().state == State.EXPIRED
    assert desk.recurring().state == RecurringState.EXPIRED
    assert run(desk, later).expired == 0


def test_announced_transfer_is_waited_for(desk: Desk) -> None:
    desk.start()
    write(desk, *forget_session(Donation), update(Donation).values(method=Method.TRANSFER))
    desk.stand_in.account.ledger.execute("delete from objects where kind = 'checkout.session'")
    run(desk, datetime.now(UTC) + LONG_AGO)
    assert desk.donation().state == State.CREATED


def test_gift_left_behind_is_looked_at_again(desk: Desk) -> None:
    desk.debit(desk.start(), DEBIT_PAYS)
    with no_events(desk):
        run(desk)
        assert desk.donation().state == State.OPEN  # its webhooks are waited for
        run(desk, datetime.now(UTC) + timedelta(hours=2))
        assert desk.donation().state == State.PENDING
        desk.let_pass(10)
        run(desk, datetime.now(UTC) + timedelta(hours=2))
    assert desk.donation().state == State.PAID
    assert desk.lines() == [("gift", 2_500, 35)]


def test_paid_gift_without_its_line_is_looked_at_again(desk: Desk, booked: Donation) -> None:
    write(desk, delete(LedgerLine))
    with no_events(desk):
        run(desk)
        assert desk.lines() == []
        run(desk, datetime.now(UTC) + timedelta(hours=2))
    assert desk.lines() == [("gift", 2_500, 62)]


def test_dispute_is_looked_at_again(desk: Desk, booked: Donation) -> None:
    dispute = desk.control("dispute", charge=booked.stripe_charge_id)["id"]
    desk.tell_all()
    desk.control("dispute-close", dispute=dispute, outcome="won")
    with no_events(desk):
        run(desk)
    assert [one.status for one in desk.disputes()] == ["won"]


def test_recurring_gift_is_looked_at_again(desk: Desk) -> None:
    subscription = desk.begun().stripe_subscription_id
    desk.app.extensions["gateway"].cancel(subscription)
    with no_events(desk):
        run(desk, datetime.now(UTC) + timedelta(hours=2))
    assert desk.recurring().state == RecurringState.ENDED


def test_slices_go_round(desk: Desk) -> None:
    for _ in range(3):
        desk.start()
    asked = set()
    for _ in range(4):
        before = len(desk.requests("GET"))
        with desk.app.app_context():
            look_again(Run(datetime.now(UTC) + timedelta(hours=2)), 1)
        asked |= {request["path"] for request in desk.requests("GET")[before:]}
    assert asked == {f"/v1/checkout/sessions/{one.stripe_session_id}" for one in desk.donations()}
