"""Creating checkout sessions: what Stripe takes, and how it refuses."""

from __future__ import annotations

import time
from typing import Any

import pytest
from stripe import InvalidRequestError

from tests.unit.demo.support import DECLINED, PRODUCT, Desk, session_params


def refusal(desk: Desk, **changes: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as refused:
        desk.create_session(**changes)
    return refused.value


def test_session_keeps_what_was_asked(desk: Desk) -> None:
    made = desk.create_session(expires_at=int(time.time()) + 2000)
    found = desk.client.v1.checkout.sessions.retrieve(made.id)
    assert (found.status, found.payment_status, found.mode) == ("open", "unpaid", "payment")
    assert (found.amount_total, found.currency) == (2500, "eur")
    assert found.client_reference_id == "7"
    assert found.metadata is not None
    assert found.metadata.to_dict() == {"donation": "7"}
    assert found.adaptive_pricing is not None
    assert found.adaptive_pricing.enabled is False
    assert found.payment_intent is None  # Stripe makes it at the first attempt to pay
    assert found.url == f"{desk.url}/c/pay/{made.id}"


def test_line_items_come_only_when_asked_for(desk: Desk) -> None:
    made = desk.create_session()
    assert "line_items" not in desk.fetch(f"/v1/checkout/sessions/{made.id}")
    whole = desk.fetch(f"/v1/checkout/sessions/{made.id}?expand[]=line_items")
    assert [item["amount_total"] for item in whole["line_items"]["data"]] == [2500]
    assert whole["line_items"]["data"][0]["price"]["product"] == PRODUCT


@pytest.mark.parametrize(
    ("currency", "amount"),
    [("jpy", 50), ("eur", 50), ("gbp", 30), ("isk", 10000), ("ugx", 500000), ("huf", 17501)]
    + [("kwd", 1230), ("eur", 99_999_999)],
)
def test_amounts_stripe_takes(desk: Desk, currency: str, amount: int) -> None:
    assert desk.create_session(currency=currency, amount=amount).amount_total == amount


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("eur", 49, "amount_too_small"),
        ("eur", 0, "amount_too_small"),
        ("jpy", 49, "amount_too_small"),
        ("czk", 1499, "amount_too_small"),
        ("eur", 100_000_000, "amount_too_large"),
        ("eur", -500, "parameter_invalid_integer"),
        ("isk", 10050, "invalid_charge_amount_no_decimal_compatible"),
        ("ugx", 500001, "invalid_charge_amount_no_decimal_compatible"),
        ("kwd", 1234, "parameter_invalid_integer"),
    ],
)
def test_amounts_stripe_refuses(desk: Desk, currency: str, amount: int, code: str) -> None:
    error = refusal(desk, currency=currency, amount=amount)
    assert (error.http_status, error.code) == (400, code)
    assert error.param == "line_items[0][price_data][unit_amount]"


def test_unknown_currency_is_refused(desk: Desk) -> None:
    assert refusal(desk, currency="xyz").param == "line_items[0][price_data][currency]"


@pytest.mark.parametrize("ahead", [29 * 60, 24 * 3600 + 60])
def test_expiry_too_soon_or_too_late_is_refused(desk: Desk, ahead: int) -> None:
    error = refusal(desk, expires_at=int(time.time()) + ahead)
    assert (error.http_status, error.param) == (400, "expires_at")


def test_unknown_parameter_is_refused(desk: Desk) -> None:
    error = refusal(desk, favourite_colour="red")
    assert (error.code, error.param) == ("parameter_unknown", "favourite_colour")


def test_unknown_nested_parameter_is_refused(desk: Desk) -> None:
    error = refusal(desk, adaptive_pricing={"enabled": False, "harder": True})
    assert error.code == "parameter_unknown"
    assert error.param == "adaptive_pricing[harder]"


def test_parameter_of_another_version_is_refused(desk: Desk) -> None:
    error = refusal(desk, payment_method_types=["card"])
    assert error.code == "parameter_unknown"


@pytest.mark.parametrize("name", ["success_url", "line_items", "mode"])
def test_missing_parameter_is_named(desk: Desk, name: str) -> None:
    error = refusal(desk, **{name: None})
    assert (error.code, error.param) == ("parameter_missing", name)


def test_missing_quantity_is_named(desk: Desk) -> None:
    items = session_params()["line_items"]
    del items[0]["quantity"]
    error = refusal(desk, line_items=items)
    assert (error.code, error.param) == ("parameter_missing", "line_items[0][quantity]")


def test_unknown_product_is_refused(desk: Desk) -> None:
    items = session_params()["line_items"]
    items[0]["price_data"]["product"] = "prod_none"
    error = refusal(desk, line_items=items)
    assert (error.http_status, error.code) == (400, "resource_missing")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_reference_id", "x" * 201),
        ("success_url", "thanks"),
        ("metadata", {"k" * 41: "v"}),
        ("metadata", {"k": "v" * 501}),
        ("metadata", {f"k{n}": "v" for n in range(51)}),
        ("locale", "uk"),
    ],
)
def test_value_out_of_bounds_is_refused(desk: Desk, name: str, value: Any) -> None:
    error = refusal(desk, **{name: value})
    assert error.http_status == 400
    assert str(error.param).startswith(name)


def test_setup_mode_is_refused_honestly(desk: Desk) -> None:
    error = refusal(desk, mode="setup", customer_creation=None, payment_intent_data=None)
    assert (error.http_status, error.param) == (400, "mode")


def test_refused_session_leaves_nothing_behind(desk: Desk) -> None:
    refusal(desk, amount=1)
    assert desk.fetch("/v1/checkout/sessions")["data"] == []


def test_product_id_is_taken_once(desk: Desk) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        desk.create_product()
    assert refused.value.code == "resource_already_exists"
    assert desk.client.v1.products.retrieve(PRODUCT).name == "Support for families"


def test_session_expires_by_the_clock(desk: Desk) -> None:
    made = desk.create_session(expires_at=int(time.time()) + 1900)
    desk.order("clock", advance=1800)
    assert desk.client.v1.checkout.sessions.retrieve(made.id).status == "open"
    desk.order("clock", advance=101)
    found = desk.client.v1.checkout.sessions.retrieve(made.id)
    assert (found.status, found.url) == ("expired", None)
    assert desk.types().count("checkout.session.expired") == 1


def test_session_expires_once_on_request(desk: Desk) -> None:
    made = desk.create_session()
    assert desk.client.v1.checkout.sessions.expire(made.id).status == "expired"
    with pytest.raises(InvalidRequestError):
        desk.client.v1.checkout.sessions.expire(made.id)
    desk.order("clock", advance=90_000)
    assert desk.types().count("checkout.session.expired") == 1


def test_sessions_are_found_by_the_address_that_was_typed(desk: Desk) -> None:
    tried, _ = desk.create_monthly(), desk.create_monthly()
    desk.pay(tried, DECLINED, email="olena@example.org")
    asks: Any = {"customer_details": {"email": "olena@example.org"}, "status": "open"}
    assert [one.id for one in desk.client.v1.checkout.sessions.list(asks).data] == [tried.id]
    asks["customer_details"]["email"] = "other@example.org"
    assert desk.client.v1.checkout.sessions.list(asks).data == []
