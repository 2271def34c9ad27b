"""The way to Stripe: which keys open it, and what we make of trouble or strangers at its end."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from flask import Flask, Response, redirect, request

from demo.stripe.faults import Fault, Faults, Kind
from donate.gateway import LOOKS, Event, Gateway, GatewayOff, GatewayUnavailable
from tests.unit.donate.desk import served
from tests.unit.donate.till import ALWAYS, DECLINED, Till, charge_of, create_gateway

# What the README tells to tick: of the key of the web process, and of the key for refunds.
WEB_KEY = {
    *("rak_checkout_session_write", "rak_customer_portal_write", "rak_product_write"),
    *("rak_subscription_write", "rak_balance_transaction_source_read", "rak_charge_read"),
    *("rak_customer_read", "rak_dispute_read", "rak_event_read", "rak_invoice_read"),
    *("rak_payment_intent_read", "rak_radar_read"),
}
REFUND_KEY = {"rak_charge_write"}


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


def test_nobody_is_followed_to_another_host(till: Till) -> None:
    """Neither the key nor a donor's address is for whoever a redirect names."""
    asked: list[str] = []
    other, door = Flask("other"), Flask("door")

    @other.errorhandler(404)
    def note(_error: Exception) -> Response:
        asked.append(request.path)
        return Response("{}")

    with served(other) as elsewhere:
        door.register_error_handler(404, lambda _: redirect(elsewhere + request.path, 307))
        with served(door) as address:
            for deed in every_deed(create_gateway(till.stand_in, stripe_api_base=address)):
                with pytest.raises(GatewayUnavailable):
                    deed()
    assert asked == []


@pytest.mark.parametrize(
    "page",
    [
        "https://checkout.stripe.com.evil.example/c/pay/cs_1",
        "https://checkout.stripe.com@evil.example/c/pay/cs_1",
        "https://checkout.stripe.com:8443/c/pay/cs_1",
        "https://evil.example/checkout.stripe.com",
        "http://checkout.stripe.com/c/pay/cs_1",
        "//checkout.stripe.com/c/pay/cs_1",
        "https://checkout.stripe.com\\@evil.example/",
        "https://checkout.stripe.com/c/pay/cs_1\r\nSet-Cookie: a=b",
        "https://[checkout.stripe.com/",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_led_to_a_page_that_is_not_stripes(till: Till, page: str) -> None:
    """Whoever answers in Stripe's place, or an answer of Stripe's that was tampered with."""
    other = Flask("other")
    answer = {"id": "x_1", "object": "checkout.session", "url": page, "data": [{"id": "x_2"}]}
    other.register_error_handler(404, lambda _: (answer, 200))
    with served(other) as address:
        gateway = create_gateway(till.stand_in, stripe_api_base=address)
        for deed in (
            lambda: gateway.create_checkout(till.order()).url,
            lambda: gateway.find_page("cs_test_1"),
            lambda: gateway.open_portal("cus_1", "http://127.0.0.1:8000", "en"),
        ):
            with pytest.raises(GatewayUnavailable):
                deed()


@pytest.mark.parametrize("host", ["checkout", "billing", "invoice"])
def test_stripes_own_pages_are_known(till: Till, host: str) -> None:
    page = f"https://{host}.stripe.com/c/pay/cs_1#fidkdWxOYHwnPyd1blpxYHZxWjA0"
    other = Flask("other")
    other.register_error_handler(404, lambda _: ({"id": "x_1", "url": page}, 200))
    with served(other) as address:
        gateway = create_gateway(till.stand_in, stripe_api_base=address)
        assert gateway.find_page("cs_test_1") == page
