"""All that is sent fits both of Stripe's descriptions, checked apart from the stand-in's gate."""

from __future__ import annotations

import importlib
import json
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from stripe import APIError, InvalidRequestError

from demo.stripe.errors import StripeError
from demo.stripe.gate import DESCRIPTIONS, DescriptionBroken, Gate, open_gate
from demo.stripe.versions import as_of
from tests.unit.demo.support import (
    ASKS_3DS,
    DEBIT_FAILS,
    DEBIT_PAYS,
    DECLINED,
    PAYS,
    Desk,
)
from tests.unit.demo.test_portal import open_portal, type_card


@pytest.fixture(scope="module")
def strict(descriptions: dict[str, Any]) -> dict[str, Any]:
    """The descriptions with every object closed, so that an invented field is a fault too."""
    made = {}
    for name, description in descriptions.items():
        checker = importlib.import_module(type(description).__module__)
        closed = copy(description)
        closed.comps = checker.close(description.comps)
        made[name] = closed
    return made


@pytest.fixture
def lived(desk: Desk) -> Desk:
    """A stand-in in which everything has happened once."""
    desk.order("hold", on=True)
    desk.client.v1.customers.create({"email": "a@example.org", "metadata": {"contact": "1"}})
    declined = desk.create_session()
    desk.pay(declined, DECLINED)
    desk.pay(declined)
    secured = desk.create_session(customer_creation="always")
    desk.pay(secured, ASKS_3DS)
    desk.post_form(f"{secured.url}/authenticate", answer="fail")
    desk.pay(secured, ASKS_3DS)
    desk.post_form(f"{secured.url}/authenticate", answer="complete")
    live_monthly(desk)
    desk.pay_by_debit(desk.create_monthly(interval="year"), DEBIT_FAILS)
    for iban in (DEBIT_PAYS, DEBIT_FAILS):
        desk.pay_by_debit(desk.create_session(), iban)
    given_up = desk.create_session(currency="jpy", amount=5000)
    desk.pay(given_up, DECLINED)
    desk.client.v1.checkout.sessions.expire(given_up.id)
    desk.order("clock", advance=60)
    for charge in desk.fetch("/v1/charges?limit=100")["data"]:
        if charge["paid"]:
            made = desk.client.v1.refunds.create({"charge": charge["id"], "amount": 500})
            desk.client.v1.refunds.update(made.id, {"metadata": {"by": "staff"}})
    desk.order("clock", advance=60)
    for control in ("refund-fail", "refund-cancel"):
        charge = desk.fetch("/v1/refunds?limit=1")["data"][0]["charge"]
        made = desk.client.v1.refunds.create({"charge": charge, "amount": 100})
        desk.order(control, refund=made.id)
    live_quarrels(desk)
    desk.client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["charge.failed"]}
    )
    return desk


def live_monthly(desk: Desk) -> None:
    """Renewals of every kind, a pause, and both ways to end."""
    v1 = desk.client.v1
    gift = desk.begin_monthly()
    desk.order("renew", subscription=gift.id)
    failed = desk.order("renew", subscription=gift.id, outcome="declined")["invoice"]["id"]
    for _ in range(3):
        desk.order("retry", invoice=failed, outcome="declined")
    secured = desk.begin_monthly(ASKS_3DS)
    waiting = desk.order("renew", subscription=secured.id)["invoice"]
    desk.post_form(f"{waiting['hosted_invoice_url']}/authenticate", answer="complete")
    for behavior in ("void", "mark_uncollectible"):
        v1.subscriptions.update(secured.id, {"pause_collection": {"behavior": behavior}})  # type: ignore[typeddict-item]
        desk.order("renew", subscription=secured.id)
    v1.subscriptions.update(secured.id, {"cancel_at_period_end": True})
    portal = open_portal(desk, secured)
    type_card(desk, portal, PAYS)


def live_quarrels(desk: Desk) -> None:
    """A dispute won, one lost, one of a bank debit, and a warning that is settled by it."""
    desk.pay_by_debit(desk.create_session(), "DE35370400440532013002")
    for outcome in ("won", "lost"):
        desk.pay(desk.create_session())
        charge = desk.fetch("/v1/charges?limit=1")["data"][0]["id"]
        desk.order("early-fraud-warning", charge=charge)
        desk.order("dispute", charge=charge, outcome=outcome)
    desk.order("clock", advance=20)


VERSIONS = dict(zip(DESCRIPTIONS, ("2026-08-26.dahlia", "2026-10-28.endive"), strict=True))
LISTS = {
    "balance_transactions": "source",
    "billing_portal/configurations": "",
    "charges": "balance_transaction",
    "checkout/sessions": "payment_intent.latest_charge.balance_transaction",
    "customers": "",
    "disputes": "charge",
    "events": "",
    "invoice_payments": "payment.payment_intent",
    "invoices": "payments",
    "payment_intents": "latest_charge.refunds",
    "prices": "product",
    "products": "",
    "radar/early_fraud_warnings": "charge",
    "refunds": "charge",
    "subscriptions": "latest_invoice",
    "webhook_endpoints": "",
}


@pytest.mark.parametrize("collection", LISTS)
def test_every_object_fits_both_descriptions(
    lived: Desk, strict: dict[str, Any], collection: str
) -> None:
    for name, description in strict.items():
        listed = lived.fetch(f"/v1/{collection}?limit=100", VERSIONS[name])
        assert listed["data"]
        assert description.response("GET", f"/v1/{collection}", listed) == [], name
        for one in listed["data"]:
            path = f"/v1/{collection}/{one['id']}"
            whole = lived.fetch(
                f"{path}?expand[]={LISTS[collection]}" if LISTS[collection] else path,
                VERSIONS[name],
            )
            assert description.response("GET", path, whole) == [], name


def test_every_event_fits_both_descriptions(lived: Desk, strict: dict[str, Any]) -> None:
    events = lived.events()
    assert {event["type"] for event in events} == {
        "billing_portal.configuration.created",
        "billing_portal.session.created",
        "charge.dispute.closed",
        "charge.dispute.created",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.failed",
        "charge.pending",
        "charge.refund.updated",
        "charge.refunded",
        "charge.succeeded",
        "charge.updated",
        "checkout.session.async_payment_failed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.completed",
        "checkout.session.expired",
        "customer.created",
        "customer.updated",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.marked_uncollectible",
        "invoice.paid",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "invoice.payment_succeeded",
        "invoice.updated",
        "invoice.voided",
        "invoice_payment.paid",
        "payment_intent.canceled",
        "payment_intent.created",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "payment_method.attached",
        "product.created",
        "radar.early_fraud_warning.created",
        "radar.early_fraud_warning.updated",
        "refund.created",
        "refund.failed",
        "refund.updated",
    }
    for name, description in strict.items():
        for event in events:
            shown = as_of(VERSIONS[name], event)
            assert description.event(shown) == [], (name, event["type"])


def test_balance_and_line_items_fit_both_descriptions(lived: Desk, strict: dict[str, Any]) -> None:
    session = lived.fetch("/v1/checkout/sessions?limit=1")["data"][0]["id"]
    method = lived.fetch("/v1/charges?limit=1")["data"][0]["payment_method"]
    subscription = lived.fetch("/v1/subscriptions")["data"][0]
    for path in (
        "/v1/balance",
        f"/v1/customers/{subscription['customer']}/payment_methods",
        f"/v1/invoices/{subscription['latest_invoice']}/lines",
        f"/v1/checkout/sessions/{session}/line_items",
        f"/v1/payment_methods/{method}",
    ):
        for name, description in strict.items():
            answer = lived.fetch(path, VERSIONS[name])
            assert description.response("GET", path, answer) == [], (name, path)


def test_errors_fit_the_description(desk: Desk, descriptions: dict[str, Any]) -> None:

    with pytest.raises(InvalidRequestError) as refused:
        desk.client.v1.charges.retrieve("ch_none")
    answer = json.loads(str(refused.value.http_body))
    for description in descriptions.values():
        assert description.response("GET", "/v1/charges/ch_none", answer, 404) == []


def test_gate_refuses_what_stripe_would_never_send(desk: Desk) -> None:
    event = desk.events()[0]
    open_gate().check_event(event)
    with pytest.raises(DescriptionBroken, match="created"):
        open_gate().check_event(event | {"created": "yesterday"})


def test_broken_answer_is_a_loud_500(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(
        "demo.stripe.books._amounts", lambda _sums: [{"amount": "much", "currency": "eur"}]
    )
    with pytest.raises(APIError, match="at fault"):
        desk.client.v1.balance.retrieve()


@pytest.mark.parametrize("known_to_one", ["payment_method_types", "allowed_payment_method_types"])
def test_request_must_be_valid_in_both_versions(
    descriptions: dict[str, Any], known_to_one: str
) -> None:
    gate, sessions = Gate(descriptions), "/v1/checkout/sessions"
    gate.check_request("POST", sessions, "mode=payment", "")
    with pytest.raises(StripeError, match=known_to_one):
        gate.check_request("POST", sessions, f"mode=payment&{known_to_one}[0]=card", "")


def test_without_a_description_the_gate_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_SPEC", str(tmp_path))
    gate = open_gate()
    assert not gate.is_closed
    Gate({}).check_event({"type": "nonsense"})
    gate.check_request("POST", "/v1/products", "nonsense=1", "")
