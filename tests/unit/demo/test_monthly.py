"""Checkout in subscription mode: what the first payment makes, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest
from stripe import InvalidRequestError

from tests.unit.demo.support import (
    ASKS_3DS,
    DEBIT_FAILS,
    DEBIT_PAYS,
    DECLINED,
    PRODUCT,
    Desk,
)

ATTACHES = "4000000000000341"
FIRST_PAYMENT = [
    "product.created",
    "payment_intent.created",
    "customer.created",
    "payment_method.attached",
    "customer.subscription.created",
    "invoice.created",
    "invoice.finalized",
    "charge.succeeded",
    "payment_intent.succeeded",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice_payment.paid",
    "customer.subscription.updated",
    "checkout.session.completed",
    "charge.updated",
]


def test_paying_makes_subscription_and_invoice(desk: Desk) -> None:
    made = desk.create_monthly()
    assert (made.mode, made.subscription, made.customer) == ("subscription", None, None)
    assert desk.pay(made).status_code == 303
    found = desk.fetch(f"/v1/checkout/sessions/{made.id}?expand[]=subscription&expand[]=invoice")
    assert (found["status"], found["payment_status"]) == ("complete", "paid")
    assert found["payment_intent"] is None  # it belongs to the invoice
    subscription, invoice = found["subscription"], found["invoice"]
    assert subscription["status"] == "active"
    assert subscription["metadata"] == {"recurring": "3"}
    assert subscription["customer"] == found["customer"] == invoice["customer"]
    assert subscription["latest_invoice"] == invoice["id"]
    assert (invoice["status"], invoice["billing_reason"]) == ("paid", "subscription_create")
    assert (invoice["amount_paid"], invoice["amount_remaining"]) == (2500, 0)
    assert invoice["parent"]["subscription_details"] == {
        "metadata": {"recurring": "3"},
        "subscription": subscription["id"],
    }


def test_period_stands_on_the_item_and_the_price_is_one_of_the_account(desk: Desk) -> None:
    subscription = desk.fetch(f"/v1/subscriptions/{desk.begin_monthly().id}")
    item = subscription["items"]["data"][0]
    days = (item["current_period_end"] - item["current_period_start"]) / 86_400
    assert 28 <= days <= 31
    assert "current_period_end" not in subscription
    price = desk.fetch(f"/v1/prices/{item['price']['id']}")
    assert price == item["price"]
    assert (price["type"], price["product"], price["active"]) == ("recurring", PRODUCT, False)
    assert price["recurring"]["interval"] == "month"


def test_yearly_gift_lasts_a_year(desk: Desk) -> None:
    item = desk.begin_monthly(interval="year")["items"].data[0]
    assert 365 <= (item.current_period_end - item.current_period_start) / 86_400 <= 366


def test_events_of_a_first_payment(desk: Desk) -> None:
    desk.begin_monthly()
    desk.order("clock", advance=5)
    assert desk.types() == FIRST_PAYMENT
    created, updated = (
        event["data"]["object"]["status"]
        for event in desk.events()
        if event["type"].startswith("customer.subscription.")
    )
    assert (created, updated) == ("incomplete", "active")


def test_payment_leads_to_its_invoice_only_by_the_invoice_payment(desk: Desk) -> None:
    subscription = desk.begin_monthly()
    charge = desk.fetch("/v1/charges")["data"][0]
    intent = desk.fetch(f"/v1/payment_intents/{charge['payment_intent']}")
    assert "invoice" not in charge
    assert "invoice" not in intent
    assert intent["setup_future_usage"] == "off_session"
    assert (charge["metadata"], charge["customer"]) == ({}, subscription.customer)
    found = desk.client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent["id"]}}
    ).data
    assert [one.invoice for one in found] == [subscription.latest_invoice]
    assert (found[0].status, found[0].amount_paid) == ("paid", 2500)
    other: Any = {"payment": {"type": "payment_intent", "payment_intent": "pi_other"}}
    assert desk.client.v1.invoice_payments.list(other).data == []


def test_declined_first_payment_makes_nothing_and_may_be_mended(desk: Desk) -> None:
    made = desk.create_monthly()
    assert desk.pay(made, DECLINED).status_code == 402
    assert desk.client.v1.subscriptions.list().data == []
    assert desk.client.v1.customers.list().data == []
    assert desk.pay(made).status_code == 303
    assert len(desk.client.v1.subscriptions.list().data) == 1
    assert [one.status for one in desk.client.v1.charges.list().data] == ["succeeded", "failed"]
    assert len(desk.client.v1.payment_intents.list().data) == 1


def test_three_d_secure_comes_before_the_subscription(desk: Desk) -> None:
    made = desk.create_monthly()
    desk.pay(made, ASKS_3DS)
    assert desk.client.v1.subscriptions.list().data == []
    desk.post_form(f"{made.url}/authenticate", answer="complete")
    assert [one.status for one in desk.client.v1.subscriptions.list().data] == ["active"]


def test_card_that_only_attaches_begins_a_subscription(desk: Desk) -> None:
    assert desk.begin_monthly(ATTACHES).status == "active"


def test_known_customer_is_kept(desk: Desk) -> None:
    customer = desk.client.v1.customers.create({"email": "o@example.org"})
    subscription = desk.begin_monthly(customer=customer.id)
    assert subscription.customer == customer.id
    assert len(desk.client.v1.customers.list().data) == 1


def test_way_to_pay_is_kept_for_the_customer(desk: Desk) -> None:
    subscription = desk.begin_monthly()
    customer = str(subscription.customer)
    kept = desk.client.v1.customers.payment_methods.list(customer).data
    assert [one.id for one in kept] == [subscription.default_payment_method]
    assert [one.id for one in desk.client.v1.payment_methods.list({"customer": customer}).data] == [
        kept[0].id
    ]
    none = desk.client.v1.customers.payment_methods.list(customer, {"type": "sepa_debit"}).data
    assert none == []


@pytest.mark.parametrize(
    ("iban", "invoice_status", "status", "payment"),
    [(DEBIT_PAYS, "paid", "active", "paid"), (DEBIT_FAILS, "open", "past_due", "unpaid")],
)
def test_first_debit_is_settled_later(
    desk: Desk, iban: str, invoice_status: str, status: str, payment: str
) -> None:
    made = desk.create_monthly()
    desk.pay_by_debit(made, iban)
    found = desk.fetch(f"/v1/checkout/sessions/{made.id}?expand[]=subscription&expand[]=invoice")
    assert (found["status"], found["payment_status"]) == ("complete", "unpaid")
    assert (found["subscription"]["status"], found["invoice"]["status"]) == ("active", "open")
    desk.order("clock", advance=10)
    found = desk.fetch(f"/v1/checkout/sessions/{made.id}?expand[]=subscription&expand[]=invoice")
    assert found["payment_status"] == payment
    assert (found["subscription"]["status"], found["invoice"]["status"]) == (status, invoice_status)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"customer_creation": "always"}, "customer_creation"),
        ({"payment_intent_data": {"metadata": {"a": "b"}}}, "payment_intent_data"),
        ({"interval": None}, "mode"),
        ({"interval": "fortnight"}, "line_items[0][price_data][recurring][interval]"),
        ({"subscription_data": {"trial_period_days": 7}}, "subscription_data[trial_period_days]"),
    ],
)
def test_what_a_subscription_session_does_not_take(desk: Desk, changes: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        desk.create_monthly(**changes)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"subscription_data": {"metadata": {"a": "b"}}}, "subscription_data"),
        ({"recurring": {"interval": "month"}}, "mode"),
    ],
)
def test_what_a_payment_session_does_not_take(desk: Desk, changes: Any, param: str) -> None:
    price = {"currency": "eur", "unit_amount": 2500, "product": PRODUCT}
    if "recurring" in changes:
        changes = {"line_items": [{"price_data": price | changes, "quantity": 1}]}
    with pytest.raises(InvalidRequestError) as refused:
        desk.create_session(**changes)
    assert refused.value.param == param


def test_subscriptions_and_invoices_are_found_by_customer(desk: Desk) -> None:
    mine, other = desk.begin_monthly(), desk.begin_monthly()
    asked = {"customer": str(mine.customer)}
    v1 = desk.client.v1
    assert [one.id for one in v1.subscriptions.list(asked).data] == [mine.id]  # type: ignore[arg-type]
    assert [one.id for one in v1.invoices.list(asked).data] == [mine.latest_invoice]  # type: ignore[arg-type]
    by_subscription = v1.invoices.list({"subscription": other.id}).data
    assert [one.id for one in by_subscription] == [other.latest_invoice]
    with pytest.raises(InvalidRequestError):
        v1.subscriptions.retrieve("sub_none")


def test_payments_of_an_invoice_come_when_asked_for(desk: Desk) -> None:
    invoice = str(desk.begin_monthly().latest_invoice)
    assert "payments" not in desk.fetch(f"/v1/invoices/{invoice}")
    path = f"/v1/invoices/{invoice}?expand[]=payments.data.payment.payment_intent"
    payment = desk.fetch(path)["payments"]["data"][0]
    assert payment["payment"]["payment_intent"]["status"] == "succeeded"
    assert len(desk.fetch(f"/v1/invoices/{invoice}/lines")["data"]) == 1
