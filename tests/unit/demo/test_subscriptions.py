"""Changing and cancelling a subscription at the API."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from stripe import InvalidRequestError

from tests.unit.demo.support import PRODUCT, Desk

DAY = 86_400


@pytest.fixture
def gift(desk: Desk) -> stripe.Subscription:
    return desk.begin_monthly()


def new_amount(gift: stripe.Subscription, amount: int, **changes: Any) -> Any:
    price = {
        "currency": "eur",
        "product": PRODUCT,
        "recurring": {"interval": "month"},
        "unit_amount": amount,
    }
    item = {"id": gift["items"].data[0].id, "price_data": price | changes}
    return {"items": [item], "proration_behavior": "none"}


def test_amount_changes_with_the_next_period(desk: Desk, gift: stripe.Subscription) -> None:
    changed = desk.client.v1.subscriptions.update(gift.id, new_amount(gift, 4000))
    assert changed["items"].data[0].price.unit_amount == 4000
    assert changed["items"].data[0].id == gift["items"].data[0].id
    assert desk.types()[-1] == "customer.subscription.updated"
    made = desk.order("renew", subscription=gift.id)["invoice"]
    assert (made["amount_paid"], made["status"]) == (4000, "paid")
    assert [one.amount for one in desk.client.v1.charges.list().data] == [4000, 2500]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"currency": "usd"}, "items[0][price_data][currency]"),
        ({"recurring": {"interval": "year"}}, "items[0][price_data][recurring]"),
        ({"product": "prod_none"}, "items[0][price_data][product]"),
        ({"unit_amount": -1}, "items[0][price_data][unit_amount]"),
    ],
)
def test_price_that_does_not_fit_is_refused(
    desk: Desk, gift: stripe.Subscription, changes: Any, param: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        desk.client.v1.subscriptions.update(gift.id, new_amount(gift, 4000, **changes))
    assert refused.value.param == param
    kept = desk.client.v1.subscriptions.retrieve(gift.id)
    assert kept["items"].data[0].price.unit_amount == 2500


def test_prorations_are_refused_honestly(desk: Desk, gift: stripe.Subscription) -> None:
    asked = new_amount(gift, 4000) | {"proration_behavior": "create_prorations"}
    with pytest.raises(InvalidRequestError) as refused:
        desk.client.v1.subscriptions.update(gift.id, asked)
    assert refused.value.param == "proration_behavior"


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")],
)
def test_paused_collection_charges_nothing(
    desk: Desk, gift: stripe.Subscription, behavior: Any, status: str
) -> None:
    paused = desk.client.v1.subscriptions.update(
        gift.id, {"pause_collection": {"behavior": behavior}}
    )
    assert (paused.status, bool(paused.pause_collection)) == ("active", True)
    made = desk.order("renew", subscription=gift.id)
    assert (made["invoice"]["status"], made["subscription"]["status"]) == (status, "active")
    assert len(desk.client.v1.charges.list().data) == 1
    resumed = desk.client.v1.subscriptions.update(gift.id, {"pause_collection": ""})
    assert resumed.pause_collection is None
    assert desk.order("renew", subscription=gift.id)["invoice"]["status"] == "paid"


def test_pause_ends_by_itself(desk: Desk, gift: stripe.Subscription) -> None:
    resumes_at = gift.created + 40 * DAY
    pause: Any = {"behavior": "void", "resumes_at": resumes_at}
    desk.client.v1.subscriptions.update(gift.id, {"pause_collection": pause})
    desk.order("clock", advance=65 * DAY)
    assert desk.client.v1.subscriptions.retrieve(gift.id).pause_collection is None
    invoices = desk.client.v1.invoices.list({"subscription": gift.id}).data
    assert [one.status for one in invoices] == ["paid", "void", "paid"]


def test_cancel_at_the_end_of_the_period(desk: Desk, gift: stripe.Subscription) -> None:
    leaving = desk.client.v1.subscriptions.update(gift.id, {"cancel_at_period_end": True})
    end = gift["items"].data[0].current_period_end
    assert (leaving.status, leaving.cancel_at, bool(leaving.canceled_at)) == ("active", end, True)
    desk.order("clock", advance=32 * DAY)
    ended = desk.client.v1.subscriptions.retrieve(gift.id)
    assert (ended.status, ended.ended_at) == ("canceled", end)
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "cancellation_requested"
    assert desk.types()[-1] == "customer.subscription.deleted"
    assert len(desk.client.v1.invoices.list({"subscription": gift.id}).data) == 1


def test_change_of_mind_keeps_it(desk: Desk, gift: stripe.Subscription) -> None:
    desk.client.v1.subscriptions.update(gift.id, {"cancel_at_period_end": True})
    kept = desk.client.v1.subscriptions.update(gift.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    desk.order("clock", advance=32 * DAY)
    assert desk.client.v1.subscriptions.retrieve(gift.id).status == "active"


def test_cancel_at_once(desk: Desk, gift: stripe.Subscription) -> None:
    ended = desk.client.v1.subscriptions.cancel(
        gift.id, {"cancellation_details": {"comment": "moved away"}}
    )
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.comment == "moved away"
    assert desk.client.v1.subscriptions.list().data == []
    everything = desk.client.v1.subscriptions.list({"status": "all"}).data
    assert [one.id for one in everything] == [gift.id]
    with pytest.raises(InvalidRequestError):
        desk.client.v1.subscriptions.cancel(gift.id)
    with pytest.raises(InvalidRequestError, match="canceled subscription"):
        desk.client.v1.subscriptions.update(gift.id, {"cancel_at_period_end": True})


def test_cancelling_stops_the_retries(desk: Desk, gift: stripe.Subscription) -> None:
    made = desk.order("renew", subscription=gift.id, outcome="declined")
    desk.client.v1.subscriptions.cancel(gift.id)
    desk.order("clock", advance=20 * DAY)
    invoice = desk.client.v1.invoices.retrieve(made["invoice"]["id"])
    assert (invoice.status, invoice.attempt_count, invoice.next_payment_attempt) == (
        "open",
        1,
        None,
    )


def test_parameters_of_a_cancellation_are_held_to_the_description(
    desk: Desk, gift: stripe.Subscription
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        desk.client.v1.subscriptions.cancel(gift.id, {"reason": "none"})  # type: ignore[typeddict-unknown-key]
    assert refused.value.code == "parameter_unknown"


def test_metadata_is_merged_and_earlier_invoices_keep_theirs(
    desk: Desk, gift: stripe.Subscription
) -> None:
    desk.client.v1.subscriptions.update(gift.id, {"metadata": {"recurring": "4", "more": "1"}})
    made = desk.order("renew", subscription=gift.id)["invoice"]
    snapshot = made["parent"]["subscription_details"]["metadata"]
    assert snapshot == {"recurring": "4", "more": "1"}
    first = desk.fetch(f"/v1/invoices/{gift.latest_invoice}")
    assert first["parent"]["subscription_details"]["metadata"] == {"recurring": "3"}


def test_only_the_customers_own_way_to_pay_is_taken(desk: Desk, gift: stripe.Subscription) -> None:
    other = desk.begin_monthly()
    with pytest.raises(InvalidRequestError) as refused:
        desk.client.v1.subscriptions.update(
            gift.id, {"default_payment_method": str(other.default_payment_method)}
        )
    assert refused.value.param == "default_payment_method"
    own = str(gift.default_payment_method)
    kept = desk.client.v1.subscriptions.update(gift.id, {"default_payment_method": own})
    assert kept.default_payment_method == own
