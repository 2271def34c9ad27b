"""What we ask Stripe to do, over HTTP against the stand-in: pages, changes, its portal, refunds."""

from __future__ import annotations

import uuid

import pytest

from donate.at_stripe.orders import PORTAL_MARK
from donate.gateway import GatewayRefused
from donate.models import RecurringState, State
from tests.unit.donate.till import Till, charge_of, create_gateway, payment, recurring

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
