"""The hosted page: what a payer does there, and what Stripe then shows and tells."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from typing import Any

import pytest
import requests
import stripe

from tests.unit.demo.support import (
    ASKS_3DS,
    DEBIT_FAILS,
    DEBIT_PAYS,
    DECLINED,
    Desk,
)


def paid_session(desk: Desk, session_id: str) -> stripe.checkout.Session:
    return desk.client.v1.checkout.sessions.retrieve(
        session_id, {"expand": ["payment_intent.latest_charge"]}
    )


def intent_of(session: stripe.checkout.Session) -> Any:
    return session.payment_intent


def test_card_pays(desk: Desk) -> None:
    made = desk.create_session()
    answer = desk.pay(made)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://127.0.0.1:9/thanks?session={made.id}"
    found = paid_session(desk, made.id)
    assert (found.status, found.payment_status, found.url) == ("complete", "paid", None)
    assert found.customer_details is not None
    assert found.customer_details.email == "olena@example.org"
    assert found.customer is None
    intent = intent_of(found)
    assert (intent.status, intent.amount_received) == ("succeeded", 2500)
    assert intent.metadata.to_dict() == {"donation": "7"}
    assert intent.latest_charge.metadata.to_dict() == {"donation": "7"}
    assert intent.latest_charge.payment_method_details.card.last4 == "4242"


def test_events_of_a_card_payment_come_in_stripes_order(desk: Desk) -> None:
    desk.pay(desk.create_session())
    desk.order("clock", advance=5)
    assert desk.types() == [
        "product.created",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "charge.updated",
    ]


def test_fee_is_known_a_moment_later(desk: Desk) -> None:
    made = desk.create_session(amount=10_000)
    desk.pay(made)
    assert intent_of(paid_session(desk, made.id)).latest_charge.balance_transaction is None
    desk.order("clock", advance=5)
    charge = intent_of(paid_session(desk, made.id)).latest_charge
    line = desk.client.v1.balance_transactions.retrieve(charge.balance_transaction)
    assert (line.amount, line.fee, line.net, line.status) == (10_000, 175, 9_825, "pending")
    desk.order("clock", advance=3 * 86_400)
    assert desk.client.v1.balance_transactions.retrieve(line.id).status == "available"
    assert desk.fetch("/v1/balance")["available"][0]["amount"] == 9_825


def test_customer_is_made_when_asked(desk: Desk) -> None:
    made = desk.create_session(customer_creation="always")
    desk.pay(made)
    customer = desk.client.v1.customers.retrieve(str(paid_session(desk, made.id).customer))
    assert customer.email == "olena@example.org"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
        ("4000000000000341", "card_declined", "generic_decline"),
    ],
)
def test_declined_card(desk: Desk, card: str, code: str, decline_code: str) -> None:
    made = desk.create_session()
    answer = desk.pay(made, card)
    assert answer.status_code == 402
    assert "Nothing was charged" in answer.text
    assert "olena@example.org" in answer.text
    assert card not in answer.text
    found = paid_session(desk, made.id)
    assert (found.status, found.payment_status) == ("open", "unpaid")
    intent = intent_of(found)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == code
    assert intent.last_payment_error.decline_code == decline_code
    assert (intent.latest_charge.status, intent.latest_charge.paid) == ("failed", False)
    assert desk.types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_declined_session_can_still_be_paid(desk: Desk) -> None:
    made = desk.create_session()
    desk.pay(made, DECLINED)
    first = intent_of(paid_session(desk, made.id)).id
    assert desk.pay(made).status_code == 303
    intent = intent_of(paid_session(desk, made.id))
    assert (intent.id, intent.status, intent.last_payment_error) == (first, "succeeded", None)
    charges = desk.client.v1.charges.list({"payment_intent": first}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


def test_three_d_secure_completed(desk: Desk) -> None:
    made = desk.create_session()
    answer = desk.pay(made, ASKS_3DS)
    assert answer.status_code == 303
    page = requests.get(desk.url + answer.headers["Location"], timeout=10)
    assert "Complete authentication" in page.text
    assert intent_of(paid_session(desk, made.id)).status == "requires_action"
    done = desk.post_form(page.url, answer="complete")
    assert done.headers["Location"].endswith(f"session={made.id}")
    charge = intent_of(paid_session(desk, made.id)).latest_charge
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"


def test_three_d_secure_failed(desk: Desk) -> None:
    made = desk.create_session()
    desk.pay(made, ASKS_3DS)
    answer = desk.post_form(f"{made.url}/authenticate", answer="fail")
    assert answer.status_code == 402
    intent = intent_of(paid_session(desk, made.id))
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    assert intent.latest_charge is None
    assert desk.types()[-1] == "payment_intent.payment_failed"
    assert desk.pay(made).status_code == 303


def test_authentication_is_not_answered_twice(desk: Desk) -> None:
    made = desk.create_session()
    desk.pay(made, ASKS_3DS)
    desk.post_form(f"{made.url}/authenticate", answer="complete")
    desk.post_form(f"{made.url}/authenticate", answer="complete")
    assert desk.types().count("charge.succeeded") == 1


def test_bank_debit_pays_later(desk: Desk) -> None:
    made = desk.create_session()
    assert desk.pay_by_debit(made, DEBIT_PAYS).status_code == 303
    found = paid_session(desk, made.id)
    assert (found.status, found.payment_status) == ("complete", "unpaid")
    assert intent_of(found).status == "processing"
    desk.order("clock", advance=10)
    found = paid_session(desk, made.id)
    assert found.payment_status == "paid"
    assert intent_of(found).latest_charge.balance_transaction is not None
    assert desk.types()[1:] == [
        "payment_intent.created",
        "payment_intent.processing",
        "charge.pending",
        "checkout.session.completed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.async_payment_succeeded",
        "charge.updated",
    ]


def test_bank_debit_fails_later(desk: Desk) -> None:
    made = desk.create_session()
    desk.pay_by_debit(made, DEBIT_FAILS)
    desk.order("clock", advance=10)
    found = paid_session(desk, made.id)
    assert (found.status, found.payment_status) == ("complete", "unpaid")
    assert intent_of(found).status == "requires_payment_method"
    assert desk.types()[-3:] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]


@pytest.mark.parametrize(
    ("iban", "state"),
    [("DE08370400440532013003", "succeeded"), ("DE78370400440532013004", "failed")],
)
def test_slow_bank_debit_takes_minutes(desk: Desk, iban: str, state: str) -> None:
    made = desk.create_session()
    desk.pay_by_debit(made, iban)
    desk.order("clock", advance=120)
    assert intent_of(paid_session(desk, made.id)).latest_charge.status == "pending"
    desk.order("clock", advance=120)
    assert intent_of(paid_session(desk, made.id)).latest_charge.status == state


def test_bank_debit_is_for_euro_only(desk: Desk) -> None:
    made = desk.create_session(currency="usd")
    assert made.payment_method_types == ["card"]
    assert "iban" not in requests.get(str(made.url), timeout=10).text
    assert desk.pay_by_debit(made, DEBIT_PAYS).status_code == 422


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ({"card": "4111111111111111"}, "Only the test cards"),
        ({"email": "nobody"}, "Enter an e-mail address"),
        ({"name": " "}, "Enter a name"),
        ({"expiry": "13 / 34"}, "Enter the month"),
        ({"expiry": "01 / 20"}, "not passed"),
        ({"cvc": "12"}, "three or four digits"),
        ({"country": "Atlantis"}, "Choose a country"),
    ],
)
def test_wrong_entry_is_explained_and_nothing_happens(
    desk: Desk, typed: dict[str, str], fault: str
) -> None:
    made = desk.create_session()
    answer = desk.pay(made, **typed) if "card" not in typed else desk.pay(made, typed["card"])
    assert answer.status_code == 422
    assert fault in answer.text
    assert "4111111111111111" not in answer.text
    assert desk.types() == ["product.created"]


def test_paid_session_cannot_be_paid_again(desk: Desk) -> None:
    made = desk.create_session()
    desk.pay(made)
    again = desk.pay(made)
    assert (again.status_code, "This has been paid" in again.text) == (410, True)
    assert len(desk.client.v1.charges.list().data) == 1


def test_two_clicks_at_once_pay_once(desk: Desk) -> None:
    made = desk.create_session()
    with ThreadPoolExecutor(4) as hands:
        answers = list(hands.map(lambda _: desk.pay(made).status_code, range(4)))
    assert sorted(answers) == [303, 410, 410, 410]
    assert len(desk.client.v1.charges.list().data) == 1


def test_expired_session_says_so(desk: Desk) -> None:
    made = desk.create_session()
    desk.order("expire", session=made.id)
    page = desk.pay(made)
    assert (page.status_code, "has expired" in page.text) == (410, True)
    assert "http://127.0.0.1:9/cancelled" in page.text


class Inspector(HTMLParser):
    """Notes labels, fields, ids and anything inline."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: set[str] = set()
        self.fields: dict[str, str] = {}
        self.inline: list[str] = []
        self.language = ""
        self.depth_label = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.language = given.get("lang") or self.language
        if tag in {"style", "script"} or "style" in given:
            self.inline.append(tag)
        self.inline += [name for name in given if name.startswith("on")]
        self.depth_label += tag == "label"
        if tag == "label" and given.get("for"):
            self.labels.add(str(given["for"]))
        if tag in {"input", "select"} and given.get("type") != "hidden":
            name = str(given["name"])
            self.fields[name] = str(given.get("id"))
            if self.depth_label:
                self.labels.add(str(given.get("id")))

    def handle_endtag(self, tag: str) -> None:
        self.depth_label -= tag == "label"


def inspect(page: str) -> Inspector:
    inspector = Inspector()
    inspector.feed(page)
    return inspector


def test_page_is_plain_marked_and_labelled(desk: Desk) -> None:
    made = desk.create_session()
    page = requests.get(str(made.url), timeout=10)
    seen = inspect(page.text)
    assert seen.language == "en"
    assert seen.inline == []
    assert set(seen.fields) == {
        "email",
        "name",
        "method",
        "card",
        "expiry",
        "cvc",
        "iban",
        "country",
    }
    assert set(seen.fields.values()) <= seen.labels
    assert 'id="pay"' in page.text
    assert ">TEST<" in page.text
    assert re.search(r'href="http://127\.0\.0\.1:9/cancelled"', page.text)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_index_lists_sessions_and_cards(desk: Desk) -> None:
    made = desk.create_session()
    desk.pay(made)
    page = requests.get(desk.url, timeout=10).text
    assert made.id[-10:] in page
    assert "4242 4242 4242 4242" in page
    assert "25.00 EUR" in page
    assert inspect(page).inline == []
