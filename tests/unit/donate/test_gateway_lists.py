"""What Stripe lists of the events, the sessions and the lines of its books, over HTTP."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from demo.stripe.gate import Gate
from donate.at_stripe.looks import Look
from donate.gateway import LOOKS, MarkedSession
from tests.unit.donate.till import ALWAYS, DECLINED, Till, charge_of


def test_events_come_oldest_first_and_only_those_that_we_book(till: Till) -> None:
    till.give()
    till.wait(60)
    since = till.now()
    till.give_monthly()
    events = till.events()
    assert [event.type for event in events][:2] == ["checkout.session.completed", "charge.updated"]
    assert [event.created_at for event in events] == sorted(event.created_at for event in events)
    later = list(till.gateway.list_events(since))
    assert later == events[2:]
    assert {"invoice.paid", "customer.subscription.updated"} <= {event.type for event in later}
    assert all(event.object_id and event.id and not event.livemode for event in events)


def test_events_of_one_second_keep_their_order(till: Till) -> None:
    till.pay(till.start(), DECLINED)
    till.wait(60)
    till.give_monthly()
    made = [one["id"] for one in reversed(till.all("event")) if one["type"] in LOOKS]
    assert [event.id for event in till.events()] == made


def test_no_more_types_of_events_are_asked_for_than_stripe_takes(till: Till) -> None:
    till.events()
    asked = [list(one["params"]["types"].values()) for one in till.requests("events")]
    assert all(len(types) <= 20 for types in asked)
    assert "payment_intent.payment_failed" in sum(asked, [])


def test_each_type_of_event_is_about_what_we_then_look_at(gate: Gate) -> None:
    kinds: dict[Any, str] = {
        Look.at_session: "checkout.session",
        Look.at_invoice: "invoice",
        Look.at_subscription: "subscription",
        Look.at_charge: "charge",
        Look.at_refund: "refund",
        Look.at_dispute: "dispute",
        Look.at_warning: "radar.early_fraud_warning",
        Look.at_intent: "payment_intent",
    }
    for description in gate.descriptions.values():
        described = description.d["x-trim"]["event_objects"]
        assert {kind: described[kind] for kind in LOOKS} == {
            kind: kinds[look] for kind, look in LOOKS.items()
        }


def test_lists_go_on_over_all_pages(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("donate.gateway.MOST", 2)
    for _ in range(5):
        till.give()
    assert len(till.events("checkout")) == 5
    assert len(list(till.gateway.list_sessions(ALWAYS))) == 5
    assert len(list(till.gateway.list_movements(ALWAYS))) == 5
    assert till.asked().count("GET balance_transactions") == 3


def test_sessions_are_listed_with_our_marks(till: Till) -> None:
    once, monthly = till.order(), till.order("month")
    till.wait(60)
    since = till.now()
    first, second = (till.gateway.create_checkout(order) for order in (once, monthly))
    till.add(till.found("checkout.session", first.id) | {"id": "cs_other", "metadata": {}})
    assert set(till.gateway.list_sessions(since)) == {
        MarkedSession(first.id, once.gift_id, False),
        MarkedSession(second.id, monthly.gift_id, True),
    }
    assert list(till.gateway.list_sessions(since + timedelta(seconds=60))) == []


def test_movements_lead_back_to_their_gift(till: Till) -> None:
    gifts = [till.give(), till.give(frequency="month")]
    charge_id = charge_of(till, gifts[0])
    till.gateway.create_refund(uuid.uuid4(), charge_id, 500)
    till.control("dispute", charge=charge_id, outcome="won")
    lines = list(till.gateway.list_movements(ALWAYS))
    kinds = [(line.type, line.gross_minor) for line in lines]
    assert sorted(kinds) == [
        ("adjustment", -2_000),
        ("adjustment", 2_000),
        ("charge", 2_500),
        ("charge", 2_500),
        ("refund", -500),
    ]
    assert {line.charge_id for line in lines[:-2]} == {charge_id}
    booked = {
        movement.id
        for line in lines
        for fact in till.gateway.look_at_movement(line)
        if (charge := getattr(fact, "charge", None))
        for movement in charge.movements
    }
    assert booked == {line.id for line in lines}


def test_payouts_and_fees_of_stripes_own_are_no_movements_of_gifts(till: Till) -> None:
    till.give()
    line = till.newest("balance_transaction")
    for kind in ("payout", "stripe_fee", "transfer", "something_new"):
        till.add(line | {"id": f"txn_{kind}", "type": "payout", "reporting_category": kind})
    till.add(line | {"id": "txn_a", "type": "adjustment", "reporting_category": "other"})
    assert [one.id for one in till.gateway.list_movements(ALWAYS)] == [line["id"]]
