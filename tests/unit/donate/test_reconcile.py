"""Bringing our books in line with Stripe's: what was missed, what was left behind, each line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import delete, func, select, update

from config.database import db
from demo.stripe import listing
from demo.stripe.faults import Fault
from donate.books import missed
from donate.books.comparison import Comparison, compare_books
from donate.books.cursors import place_cursor, read_cursor
from donate.books.left_behind import look_again
from donate.books.missed import Run, adopt_sessions
from donate.books.models import LedgerLine, Reconciliation
from donate.books.reconcile import compare_now, reconcile, reconcile_now
from donate.cli import donate_commands
from donate.facts import Facts
from donate.gateway import Event, GatewayRefused, GatewayUnavailable
from donate.models import Donation, Method, RecurringDonation, RecurringState, State
from mail.models import OutgoingEmail
from tests.unit.donate.desk import DEBIT_PAYS, Desk, in_parallel

LONG_AGO = timedelta(days=2)


def command(desk: Desk, *args: str) -> Result:
    """flask donate reconcile."""
    return desk.app.test_cli_runner().invoke(donate_commands, ["reconcile", *args])


def run(desk: Desk, now: datetime | None = None, **options: Any) -> Run:
    with desk.app.app_context():
        return reconcile(now or datetime.now(UTC), **options)


def compare(desk: Desk, *, is_whole: bool = True) -> Comparison:
    with desk.app.app_context():
        return compare_books(datetime.now(UTC), is_whole=is_whole)


def cursor(desk: Desk, name: str = "events") -> datetime | None:
    with desk.app.app_context():
        return read_cursor(name)


def kept(desk: Desk, name: str) -> Reconciliation:
    (found,) = [row for row in desk.rows(Reconciliation) if row.name == name]
    return found


def write(desk: Desk, *statements: Any) -> None:
    """Something happens to our database."""
    with desk.app.app_context():
        for statement in statements:
            db.session.execute(statement)
        db.session.commit()


@contextmanager
def no_events(desk: Desk) -> Iterator[None]:
    """Stripe has forgotten them."""
    age, listing.EVENT_AGE = listing.EVENT_AGE, -1
    try:
        yield
    finally:
        listing.EVENT_AGE = age


@pytest.fixture
def untold(desk: Desk) -> str:
    """The session of a gift that was paid, of which nobody has told us."""
    session_id = desk.start()
    desk.pay(session_id)
    desk.let_pass()
    return session_id


@pytest.fixture
def booked(desk: Desk) -> Donation:
    """A gift in the books."""
    return desk.paid()


# Events


def test_missed_events_are_found_once(desk: Desk, untold: str) -> None:
    first, second = command(desk), command(desk)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "Events: 2 that nobody had told us of, 0 known." in first.output
    assert "Events: 0 that nobody had told us of, 2 known." in second.output
    assert desk.donation().state == State.PAID
    desk.assert_books(1, 2_500)


def test_what_webhooks_brought_is_not_looked_at_again(desk: Desk, booked: Donation) -> None:
    before = len(desk.requests("GET", "/v1/c"))
    done = run(desk)
    assert (done.events, done.known) == (0, 2)
    assert len(desk.requests("GET", "/v1/c")) == before + 1  # the list of sessions


def test_event_that_stripe_refuses_to_show_holds_the_cursor_and_nothing_else(
    desk: Desk, untold: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    another = desk.start()
    desk.let_pass(600)
    desk.pay(another)
    desk.let_pass()
    gateway = desk.app.extensions["gateway"]
    look: Callable[[Event], tuple[Facts, ...]] = gateway.look
    (bad, *_) = desk.events("charge.updated")

    def refuse(event: Event) -> tuple[Facts, ...]:
        if event.id == bad["id"]:
            raise GatewayRefused("parameter_unknown")
        return look(event)

    now = datetime.now(UTC) + timedelta(hours=3)
    with monkeypatch.context() as patch:
        patch.setattr(gateway, "look", refuse)
        assert run(desk, now).failed == [bad["id"]]
    assert kept(desk, "events").differences == [{"what": "event", "id": bad["id"]}]
    reached = cursor(desk)
    assert reached is not None
    assert reached.timestamp() <= bad["created"]
    assert bad["id"] not in desk.event_ids()
    assert len(desk.event_ids()) == 3  # those after it are dealt with
    assert run(desk, now).events == 1
    assert kept(desk, "events").differences == []
    reached = cursor(desk)
    assert reached is not None
    assert reached.timestamp() > bad["created"]


def test_event_about_nothing_is_noted(desk: Desk, untold: str) -> None:
    desk.stand_in.account.ledger.execute("delete from objects where kind = 'checkout.session'")
    assert run(desk).failed == []
    assert len(desk.event_ids()) == 2


def test_quiet_time_moves_the_cursor_and_never_back(desk: Desk) -> None:
    now = datetime.now(UTC)
    run(desk, now)
    assert cursor(desk) == now - missed.OVERLAP
    run(desk, now - timedelta(days=1))
    assert cursor(desk) == now - missed.OVERLAP


def test_gap_longer_than_stripes_memory_is_told(desk: Desk) -> None:
    now = datetime.now(UTC)
    with desk.app.app_context():
        place_cursor("events", now - timedelta(days=42), now)
        db.session.commit()
    told = command(desk)
    assert "those of the 12 days before were missed" in told.output
    assert run(desk, now).gap is None


def test_time_is_up_and_the_next_run_goes_on(
    desk: Desk, untold: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 5))
    monkeypatch.setattr("donate.books.missed.monotonic", lambda: next(clock))
    first = run(desk, patience=7)
    assert (first.events, first.is_whole) == (1, False)
    assert run(desk, patience=60_000).events == 1
    desk.assert_books(1, 2_500)


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


# When something is away


def test_stripe_is_away(desk: Desk, untold: str) -> None:
    with desk.trouble("500"):
        told = command(desk, "--books")
    assert told.exit_code == 2
    assert "Stripe does not answer" in told.stderr
    assert cursor(desk) is None
    assert command(desk).exit_code == 0
    desk.assert_books(1, 2_500)


def test_stripe_goes_away_on_the_way(desk: Desk, untold: str) -> None:
    desk.stand_in.app.extensions["faults"].order(Fault("500", 9, "/v1/checkout/sessions/"))
    assert command(desk).exit_code == 2
    assert cursor(desk) is None
    assert desk.event_ids() == set()
    desk.stand_in.app.extensions["faults"].clear()
    assert command(desk).exit_code == 0
    desk.assert_books(1, 2_500)


def test_vault_is_away(desk: Desk, untold: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from vault.services import VaultMissing

    def missing(*_: object) -> None:
        raise VaultMissing

    with monkeypatch.context() as patch:
        patch.setattr("donate.givers.note_giver", missing)
        told = command(desk)
    assert told.exit_code == 2
    assert "vault's keys" in told.stderr
    assert desk.event_ids() == set()
    assert command(desk).exit_code == 0
    desk.assert_books(1, 2_500)


def test_without_a_key_there_is_nothing_to_compare(open_desk: Callable[..., Desk]) -> None:
    off = open_desk(stripe_secret_key="")
    told = command(off)
    assert told.exit_code == 2
    assert "no STRIPE_SECRET_KEY" in told.stderr
    with off.app.app_context():
        reconcile_now(datetime.now(UTC))
        compare_now(datetime.now(UTC))


def test_job_lets_the_worker_know_that_stripe_is_away(desk: Desk) -> None:
    with desk.trouble("500"), desk.app.app_context(), pytest.raises(GatewayUnavailable):
        reconcile_now(datetime.now(UTC))


# At once


def test_beside_live_webhooks_and_beside_itself(desk: Desk, untold: str) -> None:
    events = [event for event in desk.events("") if event["type"] == "checkout.session.completed"]
    works = [lambda: run(desk), lambda: compare(desk), *[lambda: desk.tell(events[0])] * 3]
    in_parallel(*works, *works)
    run(desk)
    assert compare(desk).differences == []
    assert desk.lines() == [("gift", 2_500, 62)]
    desk.assert_books(1, 2_500)


# The books


def test_books_agree(desk: Desk, booked: Donation) -> None:
    told = command(desk, "--books")
    assert told.exit_code == 0
    assert "at Stripe       1 lines  gross 25.00 EUR  fees 0.62 EUR  net 24.38 EUR" in told.output
    assert "here            1 lines  gross 25.00 EUR  fees 0.62 EUR  net 24.38 EUR" in told.output
    assert told.output.endswith("The books agree.\n")


def test_missing_line_is_recorded_and_told(desk: Desk, untold: str) -> None:
    with no_events(desk):
        told = command(desk, "--books")
    assert told.exit_code == 0
    assert "25.00 EUR) was missing; recorded now." in told.output
    assert told.output.endswith("The books agree.\n")
    desk.assert_books(1, 2_500)


def test_other_amounts_are_told_once_a_day(desk: Desk, booked: Donation) -> None:
    write(desk, update(LedgerLine).values(fee_minor=61, gross_minor=2_499))
    for _ in range(2):
        told = command(desk, "--books")
        assert told.exit_code == 1
        assert "with other amounts here than at Stripe: theirs 25.00 EUR (fee 0.62 EUR), ours " in (
            told.output
        )
        assert told.output.endswith("Differences: 1.\n")
    (difference,) = kept(desk, "books").differences
    assert difference["what"] == "amounts"
    assert difference["donation"] == str(booked.id)
    assert (difference["ours"], difference["theirs"]) == (2_499, 2_500)
    assert [kind for kind in desk.kinds() if kind == "giving-alert"] == ["giving-alert"]
    write(desk, update(LedgerLine).values(fee_minor=62, gross_minor=2_500))
    assert command(desk, "--books").exit_code == 0
    assert kept(desk, "books").differences == []


def test_line_that_stripe_does_not_know(desk: Desk, booked: Donation) -> None:
    write(desk, update(LedgerLine).values(stripe_balance_transaction_id="txn_made_up"))
    (unknown,) = [one for one in compare(desk).differences if one["what"] == "unknown"]
    assert unknown["id"] == "txn_made_up"


def test_line_that_bears_our_mark_but_has_no_row(desk: Desk, untold: str) -> None:
    write(desk, delete(Donation))
    (missing,) = compare(desk).differences
    assert missing["what"] == "missing"
    assert missing["theirs"] == 2_500


def test_another_shop_in_the_same_account_is_counted_apart(desk: Desk, booked: Donation) -> None:
    session_id = desk.start()
    ledger = desk.stand_in.account.ledger
    private = ledger.private(session_id)
    private["payment_intent_data"]["metadata"] = {}
    ledger.save_private(session_id, private)
    ledger.save(ledger.get("checkout.session", session_id) | {"metadata": {}})
    desk.pay(session_id)
    desk.let_pass()
    told = command(desk, "--books")
    assert told.exit_code == 0
    assert "Lines of the same account that are not ours: 1." in told.output
    assert "at Stripe       1 lines" in told.output


def test_daily_comparison_begins_where_the_books_agreed(desk: Desk, booked: Donation) -> None:
    with desk.app.app_context():
        compare_now(datetime.now(UTC))
        compare_now(datetime.now(UTC) + timedelta(days=60))
    compared = compare(desk, is_whole=False)
    assert (compared.ours, compared.theirs) == ({}, {})
    write(desk, update(LedgerLine).values(fee_minor=0))
    assert compare(desk, is_whole=False).differences == []
    assert len(compare(desk).differences) == 1
    assert len(compare(desk, is_whole=False).differences) == 1  # it goes back to them


def test_adopting_goes_no_further_back_than_it_must(desk: Desk) -> None:
    now = datetime.now(UTC)
    with desk.app.app_context():
        adopt_sessions(Run(now))
        adopt_sessions(Run(now))
    (first, second) = desk.requests("GET")
    since = [int(asked["params"]["created"]["gte"]) for asked in (first, second)]
    assert since[0] == int((now - missed.KEPT - missed.OVERLAP).timestamp())
    assert since[1] == int((now - missed.OVERLAP).timestamp())


def test_nothing_of_a_person_is_kept_or_printed(desk: Desk, untold: str) -> None:
    told = command(desk, "--books")
    assert "canary" not in told.output.lower()
    with desk.app.app_context():
        assert db.session.scalar(select(func.count()).select_from(OutgoingEmail)) == 1
    assert "canary" not in str([row.differences for row in desk.rows(Reconciliation)]).lower()
