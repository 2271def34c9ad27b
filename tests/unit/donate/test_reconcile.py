"""Reconciling: the events that were missed, and what waits while something is away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from config.database import db
from demo.stripe.faults import Fault
from donate.books import missed
from donate.books.cursors import place_cursor, read_cursor
from donate.books.reconcile import compare_now, reconcile_now
from donate.facts import Facts
from donate.gateway import Event, GatewayRefused, GatewayUnavailable
from donate.models import Donation, State
from tests.unit.donate.desk import Desk, in_parallel
from tests.unit.donate.reconciling import command, compare, kept, run


def cursor(desk: Desk, name: str = "events") -> datetime | None:
    with desk.app.app_context():
        return read_cursor(name)


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
