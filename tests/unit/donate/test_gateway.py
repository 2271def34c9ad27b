"""What we ask Stripe to do, over HTTP against the stand-in."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, Response

from demo.stripe import RunningStandIn
from demo.stripe.faults import Fault, Faults, Kind
from demo.stripe.gate import Gate
from donate.at_stripe.looks import Look
from donate.at_stripe.orders import PORTAL_MARK
from donate.gateway import (
    LOOKS,
    Event,
    Gateway,
    GatewayOff,
    GatewayRefused,
    GatewayUnavailable,
    MarkedSession,
)
from donate.models import RecurringState, State
from tests.unit.donate.desk import served
from tests.unit.donate.till import (
    ASKS,
    DAY,
    DEBIT_PAYS,
    DECLINED,
    Till,
    create_gateway,
    payment,
    recurring,
)

# What the README tells to tick: of the key of the web process, and of the key for refunds.
WEB_KEY = {
    *("rak_checkout_session_write", "rak_customer_portal_write", "rak_product_write"),
    *("rak_subscription_write", "rak_balance_transaction_source_read", "rak_charge_read"),
    *("rak_customer_read", "rak_dispute_read", "rak_event_read", "rak_invoice_read"),
    *("rak_payment_intent_read", "rak_radar_read"),
}
REFUND_KEY = {"rak_charge_write"}
ALWAYS = datetime.fromtimestamp(0, UTC)


@pytest.fixture
def till(stand_in: RunningStandIn) -> Till:
    return Till(stand_in)


# Beginning a recurring donation


@pytest.mark.parametrize("frequency", ["month", "year"])
def test_recurring_donation_is_a_session_in_mode_subscription(till: Till, frequency: str) -> None:
    order = till.order(frequency, language="uk", amount_minor=1_500)
    till.gateway.create_checkout(order)
    (asked,) = till.requests("checkout/sessions")
    gift_id = str(order.gift_id)
    assert asked["idempotency_key"] == f"recurring_donation:{gift_id}:attempt:1"
    assert asked["params"] == {
        "mode": "subscription",
        "submit_type": "donate",
        "line_items": {
            "0": {
                "price_data": {
                    "currency": "eur",
                    "unit_amount": "1500",
                    "product": "vigil_donation",
                    "recurring": {"interval": frequency},
                },
                "quantity": "1",
            }
        },
        "client_reference_id": gift_id,
        "metadata": {"recurring_donation": gift_id},
        "subscription_data": {
            "metadata": {"recurring_donation": gift_id},
            "description": "Donation",
        },
        "adaptive_pricing": {"enabled": "false"},
        "locale": "auto",
        "expires_at": str(int(order.expires_at.timestamp())),
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
    }


def test_same_attempt_at_a_recurring_donation_is_one_session(till: Till) -> None:
    order = till.order("month")
    first, second = till.gateway.create_checkout(order), till.gateway.create_checkout(order)
    assert first == second


def test_page_is_found_while_it_is_open(till: Till) -> None:
    made = till.gateway.create_checkout(till.order())
    assert till.gateway.find_page(made.id) == made.url
    till.pay(made.id)
    assert till.gateway.find_page(made.id) is None


def test_expired_session_takes_no_payment(till: Till) -> None:
    session_id = till.start()
    till.gateway.expire_session(session_id)
    assert till.pay(session_id).status_code == 410
    assert payment(till.gateway.look_at_session(session_id)).state is State.EXPIRED


def test_session_that_is_done_cannot_expire(till: Till) -> None:
    session_id = till.give()
    with pytest.raises(GatewayRefused):
        till.gateway.expire_session(session_id)


# Changing a recurring donation


def test_new_amount_is_taken_from_the_next_payment_on(till: Till) -> None:
    subscription = till.give_monthly(amount_minor=2_500)
    till.gateway.change_amount(subscription["id"], 4_000, "EUR", "month")
    facts = till.gateway.look_at_subscription(subscription["id"])
    assert (recurring(facts).amount_minor, payment(facts).amount_minor) == (4_000, 2_500)
    assert len(till.all("charge")) == 1  # no proration
    till.control("renew", subscription=subscription["id"])
    assert payment(till.gateway.look_at_subscription(subscription["id"])).amount_minor == 4_000


def test_currency_of_a_recurring_donation_cannot_change(till: Till) -> None:
    subscription = till.give_monthly()
    with pytest.raises(GatewayRefused):
        till.gateway.change_amount(subscription["id"], 4_000, "USD", "month")


def test_nothing_is_taken_while_paused(till: Till) -> None:
    subscription = till.give_monthly()
    till.gateway.pause(subscription["id"])
    till.control("renew", subscription=subscription["id"])
    facts = till.gateway.look_at_subscription(subscription["id"])
    assert recurring(facts).state is RecurringState.PAUSED
    assert recurring(facts).next_on is None
    assert len(till.all("charge")) == 1
    till.gateway.resume(subscription["id"])
    facts = till.gateway.look_at_subscription(subscription["id"])
    assert recurring(facts).state is RecurringState.ACTIVE
    till.control("renew", subscription=subscription["id"])
    assert len(till.all("charge")) == 2


def test_cancelled_donation_ends_at_once_and_only_once(till: Till) -> None:
    subscription = till.give_monthly()
    for _ in range(2):
        till.gateway.cancel(subscription["id"])
    found = recurring(till.gateway.look_at_subscription(subscription["id"]))
    assert (found.state, found.next_on, found.ends_on) == (RecurringState.ENDED, None, None)
    assert not found.ended_unpaid


# Stripe's portal


def test_portal_opens_for_the_customer_in_the_donors_language(till: Till) -> None:
    customer = till.give_monthly()["customer"]
    address = till.gateway.open_portal(customer, "http://127.0.0.1:8000/back", "pl")
    assert address.startswith(till.stand_in.url)
    made = till.newest("billing_portal.session")
    assert (made["customer"], made["locale"]) == (customer, "pl")
    assert made["return_url"] == "http://127.0.0.1:8000/back"
    features = till.newest("billing_portal.configuration")["features"]
    assert features["payment_method_update"]["enabled"]
    assert features["invoice_history"]["enabled"]
    assert features["subscription_cancel"]["mode"] == "at_period_end"
    assert not features["customer_update"]["enabled"]


def test_portal_configuration_is_found_again_by_every_process(till: Till) -> None:
    customer = till.give_monthly()["customer"]
    for gateway in (till.gateway, till.gateway, create_gateway(till.stand_in)):
        gateway.open_portal(customer, "http://127.0.0.1:8000/back", "en")
    (configuration,) = till.all("billing_portal.configuration")
    assert configuration["metadata"] == PORTAL_MARK
    assert till.asked().count("GET billing_portal/configurations") == 2


def test_portal_configuration_that_was_switched_off_is_not_used(till: Till) -> None:
    customer = till.give_monthly()["customer"]
    till.gateway.open_portal(customer, "http://127.0.0.1:8000/back", "en")
    ours = till.newest("billing_portal.configuration")["id"]
    till.change("billing_portal.configuration", ours, active=False)
    other = create_gateway(till.stand_in)
    other.open_portal(customer, "http://127.0.0.1:8000/back", "en")
    assert len(till.all("billing_portal.configuration")) == 2


def test_portal_that_somebody_closed_is_made_anew_at_the_next_visit(till: Till) -> None:
    customer = till.give_monthly()["customer"]
    till.gateway.open_portal(customer, "http://127.0.0.1:8000/back", "en")
    with till.stand_in.account.ledger.transaction():
        ours = till.newest("billing_portal.configuration")["id"]
        till.stand_in.account.ledger.execute("delete from objects where id = ?", ours)
    with pytest.raises(GatewayRefused):
        till.gateway.open_portal(customer, "http://127.0.0.1:8000/back", "en")
    assert till.gateway.open_portal(customer, "http://127.0.0.1:8000/back", "en")


def test_portal_of_a_customer_that_is_gone(till: Till) -> None:
    with pytest.raises(GatewayRefused, match="resource_missing"):
        till.gateway.open_portal("cus_gone", "http://127.0.0.1:8000/back", "en")


# Giving back


def charge_of(till: Till, session_id: str) -> str:
    charge = payment(till.gateway.look_at_session(session_id)).charge
    assert charge is not None
    return charge.id


def test_refund_carries_our_mark_and_the_key_of_its_row(till: Till) -> None:
    charge_id, refund_id = charge_of(till, till.give()), uuid.uuid4()
    till.gateway.create_refund(refund_id, charge_id, 1_000, "requested_by_customer")
    made = till.newest("refund")
    assert (made["charge"], made["amount"]) == (charge_id, 1_000)
    assert made["metadata"] == {"refund": str(refund_id)}
    assert made["reason"] == "requested_by_customer"
    asked = till.requests("refunds")[-1]
    assert asked["idempotency_key"] == f"refund:{refund_id}"


def test_reason_that_stripe_has_no_word_for_stays_with_us(till: Till) -> None:
    till.gateway.create_refund(uuid.uuid4(), charge_of(till, till.give()), 1_000, "refused-card")
    assert till.newest("refund")["reason"] is None


def test_refund_asked_for_twice_is_made_once(till: Till) -> None:
    charge_id, refund_id = charge_of(till, till.give()), uuid.uuid4()
    for _ in range(2):
        till.gateway.create_refund(refund_id, charge_id, 1_000)
    till.stand_in.account.ledger.execute("delete from idempotency")  # as Stripe does after a day
    till.gateway.create_refund(refund_id, charge_id, 1_000)
    assert len(till.all("refund")) == 1


def test_two_equal_refunds_of_one_gift_are_two(till: Till) -> None:
    charge_id = charge_of(till, till.give())
    for _ in range(2):
        till.gateway.create_refund(uuid.uuid4(), charge_id, 1_000)
    assert [made["amount"] for made in till.all("refund")] == [1_000, 1_000]


def test_payment_intent_is_as_good_as_its_charge(till: Till) -> None:
    intent_id = payment(till.gateway.look_at_session(till.give())).payment_intent_id
    till.gateway.create_refund(uuid.uuid4(), intent_id or "", 2_500)
    assert till.newest("refund")["payment_intent"] == intent_id


def test_refund_of_a_disputed_gift_is_refused(till: Till) -> None:
    charge_id = charge_of(till, till.give())
    till.control("dispute", charge=charge_id)
    with pytest.raises(GatewayRefused, match="charge_disputed"):
        till.gateway.create_refund(uuid.uuid4(), charge_id, 1_000)


def test_two_keys_may_do_all_that_we_do_and_the_web_key_gives_nothing_back(till: Till) -> None:
    till.control("key", key="rk_test_web", permissions=sorted(WEB_KEY))
    till.control("key", key="rk_test_refunds", permissions=sorted(REFUND_KEY))
    till.gateway = create_gateway(
        till.stand_in, stripe_secret_key="rk_test_web", stripe_refund_key="rk_test_refunds"
    )
    subscription = till.give_monthly()
    till.gateway.change_amount(subscription["id"], 4_000, "EUR", "month")
    till.gateway.pause(subscription["id"])
    till.gateway.resume(subscription["id"])
    till.control("renew", subscription=subscription["id"], outcome="authenticate")
    till.pay(till.start(), DECLINED)
    charge_id = charge_of(till, till.give())
    till.control("early-fraud-warning", charge=charge_id)
    till.gateway.create_refund(uuid.uuid4(), charge_id, 1_000)
    till.control("dispute", charge=charge_id)
    for event in till.events():
        assert till.gateway.look(event)
    assert list(till.gateway.list_sessions(ALWAYS))
    assert list(till.gateway.list_movements(ALWAYS))
    assert till.gateway.open_portal(subscription["customer"], "http://127.0.0.1:8000", "en")
    till.gateway.expire_session(till.start())
    till.gateway.cancel(subscription["id"])
    till.gateway = create_gateway(till.stand_in, stripe_secret_key="rk_test_web")
    with pytest.raises(GatewayUnavailable):
        till.gateway.create_refund(uuid.uuid4(), charge_id, 1_000)


# Lists


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
    kinds = {
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


# Errors


def every_deed(gateway: Gateway) -> list[Any]:
    return [
        lambda: gateway.expire_session("cs_test_1"),
        lambda: gateway.find_page("cs_test_1"),
        lambda: gateway.open_portal("cus_1", "http://127.0.0.1:8000", "en"),
        lambda: gateway.change_amount("sub_1", 1_000, "EUR", "month"),
        lambda: gateway.pause("sub_1"),
        lambda: gateway.resume("sub_1"),
        lambda: gateway.cancel("sub_1"),
        lambda: gateway.create_refund(uuid.uuid4(), "ch_1", 1_000),
        lambda: gateway.look_at_session("cs_test_1"),
        lambda: gateway.look_at_invoice("in_1"),
        lambda: gateway.look_at_subscription("sub_1"),
        lambda: gateway.look_at_charge("ch_1"),
        lambda: gateway.look_at_intent("pi_1"),
        lambda: list(gateway.list_events(ALWAYS)),
        lambda: list(gateway.list_sessions(ALWAYS)),
        lambda: list(gateway.list_movements(ALWAYS)),
    ]


@pytest.mark.parametrize("kind", ["500", "429", "slow"])
def test_trouble_at_stripe_is_unavailable(till: Till, kind: Kind) -> None:
    faults: Faults = till.stand_in.app.extensions["faults"]
    faults.order(Fault(kind, count=1_000, seconds=0.3))
    settings = {"timeout": 0.1} if kind == "slow" else {}
    for deed in every_deed(create_gateway(till.stand_in, **settings)):
        with pytest.raises(GatewayUnavailable):
            deed()


def test_without_a_key_nothing_is_asked(till: Till) -> None:
    for deed in every_deed(create_gateway(till.stand_in, stripe_secret_key="")):
        with pytest.raises(GatewayOff):
            deed()
    assert till.asked() == []


@pytest.mark.parametrize("body", ["{}", "[]", '{"login": "here"}', "<html>"])
def test_something_else_in_stripes_place_tells_nothing(till: Till, body: str) -> None:
    """A proxy on the way, or a portal that wants somebody to sign in."""
    other = Flask("other")
    other.register_error_handler(404, lambda _: Response(body, mimetype="application/json"))
    with served(other) as address:
        gateway = create_gateway(till.stand_in, stripe_api_base=address)
        for kind in LOOKS:
            with pytest.raises(GatewayUnavailable):
                gateway.look(Event("evt_1", kind, "obj_1", False, till.now()))
        for deed in every_deed(gateway)[-3:]:
            with pytest.raises(GatewayUnavailable):
                deed()


def test_debit_and_card_that_asks_go_through_the_same_door(till: Till) -> None:
    debited, asking = till.start(), till.start()
    till.debit(debited, DEBIT_PAYS)
    till.pay(asking, ASKS)
    assert payment(till.gateway.look_at_session(debited)).state is State.PENDING
    assert payment(till.gateway.look_at_session(asking)).state is State.OPEN
    till.post(f"/c/pay/{asking}/authenticate", {"answer": "complete"})
    till.wait(DAY)
    for session_id in (debited, asking):
        assert payment(till.gateway.look_at_session(session_id)).state is State.PAID
