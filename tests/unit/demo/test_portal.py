"""The customer portal: its configuration, its sessions, and what a donor does there."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe
from stripe import InvalidRequestError

from tests.unit.demo.support import DECLINED, PAYS, Desk
from tests.unit.demo.test_paying import inspect

FEATURES: Any = {
    "payment_method_update": {"enabled": True},
    "invoice_history": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
}
MASTERCARD = "5555555555554444"


@pytest.fixture
def gift(desk: Desk) -> stripe.Subscription:
    return desk.begin_monthly()


def open_portal(desk: Desk, gift: stripe.Subscription, **features: Any) -> str:
    configuration = desk.client.v1.billing_portal.configurations.create(
        {"features": FEATURES | features}
    )
    session = desk.client.v1.billing_portal.sessions.create(
        {
            "customer": str(gift.customer),
            "configuration": configuration.id,
            "return_url": "http://127.0.0.1:9/my-gifts",
        }
    )
    return session.url


def type_card(desk: Desk, portal: str, card: str, **typed: str) -> requests.Response:
    form = {"name": "Olena", "card": card, "expiry": "12 / 34", "cvc": "123", "country": "UA"}
    return desk.post_form(f"{portal}/card", **(form | typed))


def current(desk: Desk, gift: stripe.Subscription) -> stripe.Subscription:
    return desk.client.v1.subscriptions.retrieve(gift.id)


def test_configuration_keeps_what_was_asked(desk: Desk) -> None:
    made = desk.client.v1.billing_portal.configurations.create(
        {"features": FEATURES, "business_profile": {"headline": "Thank you"}, "name": "giving"}
    )
    found = desk.client.v1.billing_portal.configurations.retrieve(made.id)
    assert found.features.subscription_cancel.mode == "at_period_end"
    assert found.features.payment_method_update.enabled is True
    assert found.features.subscription_update.enabled is False
    assert (found.business_profile.headline, found.is_default) == ("Thank you", False)
    listed = desk.client.v1.billing_portal.configurations.list().data
    assert [one.id for one in listed] == [made.id]
    assert desk.types()[-1] == "billing_portal.configuration.created"


@pytest.mark.parametrize(
    ("features", "param"),
    [
        (
            {"customer_update": {"enabled": True, "allowed_updates": ["email"]}},
            "features[customer_update]",
        ),
        (
            {"subscription_cancel": {"enabled": True, "mode": "sometime"}},
            "features/subscription_cancel/mode",
        ),
    ],
)
def test_what_the_portal_does_not_offer_is_refused(desk: Desk, features: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        desk.client.v1.billing_portal.configurations.create({"features": features})
    assert str(refused.value.param).replace("[", "/").replace("]", "") == param.replace(
        "[", "/"
    ).replace("]", "")


def test_session_needs_configuration_and_customer(desk: Desk, gift: stripe.Subscription) -> None:
    sessions = desk.client.v1.billing_portal.sessions
    with pytest.raises(InvalidRequestError, match="No configuration"):
        sessions.create({"customer": str(gift.customer)})
    with pytest.raises(InvalidRequestError) as refused:
        sessions.create({"customer": "cus_none", "configuration": "bpc_none"})
    assert refused.value.param == "customer"


def test_portal_shows_gift_card_and_invoices(desk: Desk, gift: stripe.Subscription) -> None:
    page = requests.get(open_portal(desk, gift), timeout=10)
    assert page.status_code == 200
    assert ">TEST<" in page.text
    assert inspect(page.text).inline == []
    for shown in ("25.00 EUR", "every month", "ending in 4242", "http://127.0.0.1:9/my-gifts"):
        assert shown in page.text
    invoice = desk.client.v1.invoices.retrieve(str(gift.latest_invoice))
    assert str(invoice.number) in page.text
    assert str(invoice.hosted_invoice_url) in page.text


def test_card_is_changed_for_the_next_renewal(desk: Desk, gift: stripe.Subscription) -> None:
    portal = open_portal(desk, gift)
    form = requests.get(f"{portal}/card", timeout=10)
    seen = inspect(form.text)
    assert set(seen.fields) == {"name", "card", "expiry", "cvc", "country"}
    assert set(seen.fields.values()) <= seen.labels
    assert type_card(desk, portal, MASTERCARD).status_code == 303
    changed = current(desk, gift)
    assert changed.default_payment_method != gift.default_payment_method
    customer = desk.client.v1.customers.retrieve(str(gift.customer))
    assert customer.invoice_settings is not None
    assert customer.invoice_settings.default_payment_method == changed.default_payment_method
    desk.order("renew", subscription=gift.id)
    charge = desk.fetch("/v1/charges")["data"][0]
    assert charge["payment_method_details"]["card"]["brand"] == "mastercard"


@pytest.mark.parametrize(("card", "status"), [(DECLINED, 402), ("4111111111111111", 422)])
def test_card_that_will_not_do_changes_nothing(
    desk: Desk, gift: stripe.Subscription, card: str, status: int
) -> None:
    answer = type_card(desk, open_portal(desk, gift), card)
    assert (answer.status_code, card in answer.text) == (status, False)
    assert current(desk, gift).default_payment_method == gift.default_payment_method


def test_card_changed_after_a_failure_is_tried_at_the_next_attempt(
    desk: Desk, gift: stripe.Subscription
) -> None:
    method = str(gift.default_payment_method)
    desk.order("payment-method", payment_method=method, renewal="declined")
    desk.order("renew", subscription=gift.id)
    portal = open_portal(desk, gift)
    assert "did not go through" in requests.get(portal, timeout=10).text
    type_card(desk, portal, PAYS)
    desk.order("clock", advance=3 * 86_400 + 5)
    assert current(desk, gift).status == "active"


def test_gift_is_cancelled_at_the_end_of_the_period(desk: Desk, gift: stripe.Subscription) -> None:
    portal = open_portal(desk, gift)
    assert "It ends on" in requests.get(f"{portal}/cancel/{gift.id}", timeout=10).text
    assert current(desk, gift).cancel_at_period_end is False
    assert desk.post_form(f"{portal}/cancel/{gift.id}").status_code == 303
    leaving = current(desk, gift)
    assert (leaving.status, leaving.cancel_at_period_end) == ("active", True)
    assert desk.types()[-1] == "customer.subscription.updated"
    desk.post_form(f"{portal}/keep/{gift.id}")
    assert current(desk, gift).cancel_at_period_end is False


def test_gift_is_cancelled_at_once_where_so_configured(
    desk: Desk, gift: stripe.Subscription
) -> None:
    cancel = {"enabled": True, "mode": "immediately"}
    portal = open_portal(desk, gift, subscription_cancel=cancel)
    desk.post_form(f"{portal}/cancel/{gift.id}")
    assert current(desk, gift).status == "canceled"
    assert desk.types()[-1] == "customer.subscription.deleted"


def test_somebody_elses_gift_is_out_of_reach(desk: Desk, gift: stripe.Subscription) -> None:
    other = desk.begin_monthly()
    portal = open_portal(desk, gift)
    desk.post_form(f"{portal}/cancel/{other.id}")
    assert current(desk, other).cancel_at_period_end is False


@pytest.mark.parametrize(
    ("feature", "path"), [("payment_method_update", "card"), ("subscription_cancel", "cancel/x")]
)
def test_what_is_not_configured_is_not_there(
    desk: Desk, gift: stripe.Subscription, feature: str, path: str
) -> None:
    portal = open_portal(desk, gift, **{feature: {"enabled": False}})
    assert requests.get(f"{portal}/{path}", timeout=10).status_code == 410
    assert desk.post_form(f"{portal}/{path}").status_code == 410


def test_portal_closes_after_an_hour(desk: Desk, gift: stripe.Subscription) -> None:
    portal = open_portal(desk, gift)
    desk.order("clock", advance=3700)
    assert requests.get(portal, timeout=10).status_code == 410
    assert requests.get(f"{portal[:-1]}%", timeout=10).status_code == 410


@pytest.mark.parametrize(
    ("card", "country"), [("4000001120000005", "BY"), ("4000006430000009", "RU")]
)
def test_country_of_a_card_is_known_after_payment(desk: Desk, card: str, country: str) -> None:
    desk.pay(desk.create_session(), card)
    charge = desk.fetch("/v1/charges")["data"][0]
    assert charge["payment_method_details"]["card"]["country"] == country
    method = desk.fetch(f"/v1/payment_methods/{charge['payment_method']}")
    assert method["card"]["country"] == country
