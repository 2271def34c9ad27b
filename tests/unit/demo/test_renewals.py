"""Renewals: the next invoice, cards that fail, retries, and payers who have to confirm."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import requests
import stripe

from tests.unit.demo.support import ASKS_3DS, DEBIT_PAYS, DECLINED, PAYS, Desk

DAY = 86_400
ATTACHES, ASKS_ONCE = "4000000000000341", "4000002500003155"


def go_past_the_period(desk: Desk, subscription: stripe.Subscription) -> None:
    item = desk.fetch(f"/v1/subscriptions/{subscription.id}")["items"]["data"][0]
    length = item["current_period_end"] - item["current_period_start"]
    desk.order("clock", advance=length + 5)


def state(desk: Desk, subscription: stripe.Subscription) -> tuple[str, str]:
    """Of the subscription and of its latest invoice."""
    found = desk.fetch(f"/v1/subscriptions/{subscription.id}?expand[]=latest_invoice")
    return found["status"], found["latest_invoice"]["status"]


def invoice_of(desk: Desk, subscription: stripe.Subscription) -> Any:
    path = f"/v1/subscriptions/{subscription.id}?expand[]=latest_invoice"
    return desk.fetch(path)["latest_invoice"]


def test_end_of_a_period_brings_the_next_invoice(desk: Desk) -> None:
    subscription = desk.begin_monthly()
    before = len(desk.types())
    end = subscription["items"].data[0].current_period_end
    go_past_the_period(desk, subscription)
    invoice = invoice_of(desk, subscription)
    assert (invoice["status"], invoice["billing_reason"]) == ("paid", "subscription_cycle")
    assert (invoice["created"], invoice["period_end"]) == (end, end)
    assert invoice["lines"]["data"][0]["period"]["start"] == end
    item = desk.fetch(f"/v1/subscriptions/{subscription.id}")["items"]["data"][0]
    assert item["current_period_start"] == end
    assert desk.types()[before:] == [
        "charge.updated",
        "customer.subscription.updated",
        "invoice.created",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "charge.updated",
    ]


def test_year_at_once_has_its_twelve_renewals_a_month_apart(desk: Desk) -> None:
    subscription = desk.begin_monthly()
    desk.order("clock", advance=366 * DAY)
    invoices = desk.client.v1.invoices.list({"subscription": subscription.id, "limit": 50}).data
    assert len(invoices) == 13
    assert {invoice.status for invoice in invoices} == {"paid"}
    made = [invoice.created for invoice in invoices]
    assert all(28 * DAY <= later - sooner <= 31 * DAY for later, sooner in pairwise(made))
    numbers = [str(invoice.number)[-4:] for invoice in invoices]
    assert numbers == [f"{number:04}" for number in range(13, 0, -1)]


def test_failing_card_is_tried_again_and_then_the_subscription_ends(desk: Desk) -> None:
    subscription = desk.begin_monthly(ATTACHES)
    go_past_the_period(desk, subscription)
    invoice = invoice_of(desk, subscription)
    assert state(desk, subscription) == ("past_due", "open")
    assert (invoice["attempt_count"], invoice["next_payment_attempt"]) == (
        1,
        invoice["created"] + 3 * DAY,
    )
    for days, count in ((3, 2), (5, 3)):
        desk.order("clock", advance=days * DAY)
        assert invoice_of(desk, subscription)["attempt_count"] == count
        assert state(desk, subscription) == ("past_due", "open")
    desk.order("clock", advance=7 * DAY)
    assert state(desk, subscription) == ("canceled", "open")
    invoice = invoice_of(desk, subscription)
    assert (invoice["attempt_count"], invoice["next_payment_attempt"]) == (4, None)
    assert desk.types().count("invoice.payment_failed") == 4
    assert desk.types().count("charge.failed") == 4
    assert desk.types()[-1] == "customer.subscription.deleted"
    ended = desk.client.v1.subscriptions.retrieve(subscription.id)
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "payment_failed"
    assert len({one.id for one in desk.client.v1.payment_intents.list().data}) == 2


@pytest.mark.parametrize("chosen", ["unpaid", "past_due"])
def test_what_becomes_of_it_is_a_setting(desk: Desk, chosen: str) -> None:
    desk.order("settings", after_retries=chosen)
    subscription = desk.begin_monthly(ATTACHES)
    go_past_the_period(desk, subscription)
    desk.order("clock", advance=15 * DAY + 5)
    assert state(desk, subscription) == (chosen, "open")


def test_ended_subscription_renews_no_more(desk: Desk) -> None:
    subscription = desk.begin_monthly(ATTACHES)
    desk.order("clock", advance=100 * DAY)
    assert len(desk.client.v1.invoices.list({"subscription": subscription.id}).data) == 2


def test_fails_twice_and_recovers(desk: Desk) -> None:
    subscription = desk.begin_monthly()
    made = desk.order("renew", subscription=subscription.id, outcome="declined")
    assert (made["subscription"]["status"], made["invoice"]["status"]) == ("past_due", "open")
    desk.order("retry", invoice=made["invoice"]["id"], outcome="declined")
    assert state(desk, subscription) == ("past_due", "open")
    again = desk.order("retry", invoice=made["invoice"]["id"])
    assert (again["status"], again["attempt_count"]) == ("paid", 3)
    assert state(desk, subscription) == ("active", "paid")
    desk.order("clock", advance=20 * DAY)
    assert desk.types().count("charge.succeeded") == 2


def test_renewal_by_order_moves_the_period_on_once(desk: Desk) -> None:
    subscription = desk.begin_monthly()
    desk.order("renew", subscription=subscription.id)
    go_past_the_period(desk, subscription)
    assert len(desk.client.v1.invoices.list({"subscription": subscription.id}).data) == 2


def test_way_to_pay_can_be_told_to_fail_from_now_on(desk: Desk) -> None:
    subscription = desk.begin_monthly()
    method = str(subscription.default_payment_method)
    desk.order("payment-method", payment_method=method, renewal="declined")
    go_past_the_period(desk, subscription)
    assert state(desk, subscription) == ("past_due", "open")


@pytest.mark.parametrize(
    ("control", "sent"),
    [
        ("renew", {"subscription": "sub_none"}),
        ("retry", {"invoice": "in_none"}),
        ("settings", {"after_retries": "forget"}),
    ],
)
def test_orders_that_cannot_be_done_are_refused(desk: Desk, control: str, sent: Any) -> None:
    assert requests.post(f"{desk.url}/_test/{control}", json=sent, timeout=10).status_code == 400


def test_unknown_outcome_is_refused(desk: Desk) -> None:
    sent = {"subscription": desk.begin_monthly().id, "outcome": "explodes"}
    answer = requests.post(f"{desk.url}/_test/renew", json=sent, timeout=10)
    assert (answer.status_code, "declined" in answer.json()["error"]) == (400, True)


def test_debit_renews_later(desk: Desk) -> None:
    made = desk.create_monthly()
    desk.pay_by_debit(made, DEBIT_PAYS)
    desk.order("clock", advance=10)
    found = desk.client.v1.checkout.sessions.retrieve(made.id)
    subscription = desk.client.v1.subscriptions.retrieve(str(found.subscription))
    desk.order("renew", subscription=subscription.id)
    assert state(desk, subscription) == ("active", "open")
    desk.order("clock", advance=10)
    assert state(desk, subscription) == ("active", "paid")
    desk.order("renew", subscription=subscription.id, outcome="declined")
    desk.order("clock", advance=10)
    assert state(desk, subscription) == ("past_due", "open")


def test_card_that_asks_once_renews_by_itself(desk: Desk) -> None:
    subscription = desk.begin_monthly(ASKS_ONCE)
    go_past_the_period(desk, subscription)
    assert state(desk, subscription) == ("active", "paid")


@pytest.mark.parametrize("card", [ASKS_3DS, PAYS])
def test_renewal_that_asks_the_payer_is_confirmed_on_the_invoice_page(
    desk: Desk, card: str
) -> None:
    subscription = desk.begin_monthly(card)
    outcome = {} if card == ASKS_3DS else {"outcome": "authenticate"}
    invoice = desk.order("renew", subscription=subscription.id, **outcome)["invoice"]
    assert desk.types()[-5:] == [
        "payment_intent.requires_action",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "invoice.updated",
        "customer.subscription.updated",
    ]
    assert state(desk, subscription) == ("past_due", "open")
    page = requests.get(invoice["hosted_invoice_url"], timeout=10)
    assert "Your bank asks for your confirmation" in page.text
    ask = requests.get(f"{invoice['hosted_invoice_url']}/authenticate", timeout=10)
    assert "Complete authentication" in ask.text
    answer = desk.post_form(ask.url, answer="complete")
    assert answer.status_code == 303
    assert state(desk, subscription) == ("active", "paid")
    charge = desk.fetch("/v1/charges")["data"][0]
    assert charge["payment_method_details"]["card"]["three_d_secure"]["result"] == "authenticated"
    desk.order("clock", advance=20 * DAY)
    assert desk.types().count("charge.succeeded") == 2


def test_failed_confirmation_may_be_followed_by_another_card(desk: Desk) -> None:
    subscription = desk.begin_monthly(ASKS_3DS)
    invoice = desk.order("renew", subscription=subscription.id)["invoice"]
    page = invoice["hosted_invoice_url"]
    assert desk.post_form(f"{page}/authenticate", answer="fail").status_code == 402
    assert pay_invoice(desk, page).status_code == 303
    assert state(desk, subscription) == ("active", "paid")


def pay_invoice(desk: Desk, page: str, card: str = PAYS, **typed: str) -> requests.Response:
    form = {"name": "Olena", "card": card, "expiry": "12 / 34", "cvc": "123", "country": "UA"}
    return desk.post_form(page, **(form | typed))


def test_past_due_gift_is_mended_on_the_invoice_page(desk: Desk) -> None:
    subscription = desk.begin_monthly(ATTACHES)
    go_past_the_period(desk, subscription)
    page = invoice_of(desk, subscription)["hosted_invoice_url"]
    assert pay_invoice(desk, page, DECLINED).status_code == 402
    assert pay_invoice(desk, page, cvc="1").status_code == 422
    assert state(desk, subscription) == ("past_due", "open")
    assert pay_invoice(desk, page).status_code == 303
    assert state(desk, subscription) == ("active", "paid")
    assert "has been paid" in requests.get(page, timeout=10).text
    assert pay_invoice(desk, page).status_code == 303  # a second click pays nothing
    assert desk.types().count("charge.succeeded") == 2
    go_past_the_period(desk, subscription)  # by the new card
    assert state(desk, subscription) == ("active", "paid")
    assert desk.types().count("charge.succeeded") == 3


def test_card_typed_on_the_invoice_page_may_ask_for_3d_secure(desk: Desk) -> None:
    subscription = desk.begin_monthly(ATTACHES)
    go_past_the_period(desk, subscription)
    page = invoice_of(desk, subscription)["hosted_invoice_url"]
    answer = pay_invoice(desk, page, ASKS_ONCE)
    assert answer.headers["Location"].endswith("/authenticate")
    desk.post_form(desk.url + answer.headers["Location"], answer="complete")
    assert state(desk, subscription) == ("active", "paid")


def test_invoice_page_needs_its_secret(desk: Desk) -> None:
    subscription = desk.begin_monthly()
    page = str(invoice_of(desk, subscription)["hosted_invoice_url"])
    assert requests.get(page, timeout=10).status_code == 200
    assert requests.get(f"{page[:-1]}%", timeout=10).status_code == 404
    assert requests.get(f"{desk.url}/i/in_none/x", timeout=10).status_code == 404
