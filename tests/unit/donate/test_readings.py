"""Words of Stripe's and what each means to us, one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from donate.at_stripe.charges import charge_of
from donate.at_stripe.orders import DONATION, stripe_locale
from donate.at_stripe.plain import Json, mark, payer
from donate.at_stripe.readings import (
    is_in_trouble,
    payment_of_session,
    recurring_of_subscription,
    trouble_of,
)
from donate.books.models import RefundState
from donate.facts import Trouble
from donate.models import RecurringState, State

NOW = datetime.now(UTC)
SUBSCRIPTION: Json = {
    "id": "sub_1",
    "status": "active",
    "currency": "eur",
    "customer": "cus_1",
    "items": {"data": [{"price": {"unit_amount": 500}, "quantity": 1, "current_period_end": 0}]},
    "latest_invoice": None,
    "metadata": {},
}


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        ({"status": "incomplete"}, RecurringState.OPEN),
        ({"status": "incomplete_expired"}, RecurringState.EXPIRED),
        ({"status": "trialing"}, RecurringState.ACTIVE),
        ({"status": "past_due"}, RecurringState.AT_RISK),
        ({"status": "unpaid"}, RecurringState.AT_RISK),
        ({"status": "paused"}, RecurringState.PAUSED),
        ({"status": "canceled"}, RecurringState.ENDED),
        ({"status": "a_new_word"}, RecurringState.ACTIVE),
        ({"pause_collection": {"behavior": "void"}}, RecurringState.PAUSED),
        ({"status": "past_due", "pause_collection": {}}, RecurringState.AT_RISK),
        ({"status": "canceled", "pause_collection": {"behavior": "void"}}, RecurringState.ENDED),
    ],
)
def test_states_of_a_subscription(shown: Json, state: RecurringState) -> None:
    assert recurring_of_subscription(SUBSCRIPTION | shown, None, NOW).state is state


@pytest.mark.parametrize(
    ("states", "needs_authentication"),
    [
        *[(["requires_payment_method"], False), (["requires_action"], True)],
        *[(["canceled", "requires_action"], True), ([], False)],
        *[(["processing"], None), (["succeeded"], None)],  # a bank is at it: nothing to mend yet
    ],
)
def test_what_the_donor_must_mend(states: list[str], needs_authentication: bool | None) -> None:
    invoice = {"id": "in_1", "created": 86_400, "attempt_count": 2, "hosted_invoice_url": None}
    expected = None
    if needs_authentication is not None:
        expected = Trouble("in_1", needs_authentication, 2, "", date(1970, 1, 2))
    assert trouble_of(invoice, [{"status": state} for state in states]) == expected


@pytest.mark.parametrize(
    ("status", "is_in"),
    [
        *[("active", True), ("past_due", True), ("unpaid", True), ("a_new_word", True)],
        *[("incomplete", False), ("incomplete_expired", False), ("canceled", False)],
    ],
)
def test_only_what_has_begun_and_goes_on_can_be_in_trouble(status: str, is_in: bool) -> None:
    late = {"status": status, "latest_invoice": {"status": "open", "attempt_count": 1}}
    assert is_in_trouble(late) is is_in
    assert not is_in_trouble(late | {"latest_invoice": {"status": "paid", "attempt_count": 1}})
    assert not is_in_trouble(late | {"latest_invoice": {"status": "open", "attempt_count": 0}})


@pytest.mark.parametrize(
    ("attempts", "days", "next_attempt", "needs_authentication", "is_given_up"),
    [
        (1, 1, None, False, False),  # tried once, and no further try is planned
        (1, 20, None, False, True),
        (4, 1, None, False, True),
        (4, 1, 1_900_000_000, False, False),
        (4, 20, None, True, False),  # only the donor can go on
    ],
)
def test_what_is_past_due_is_given_up_in_the_end(
    attempts: int,
    days: int,
    next_attempt: int | None,
    needs_authentication: bool,
    is_given_up: bool,
) -> None:
    created = int((NOW - timedelta(days=days)).timestamp())
    invoice = {"id": "in_1", "status": "open", "created": created}
    late = {
        "status": "past_due",
        "latest_invoice": invoice | {"next_payment_attempt": next_attempt},
    }
    trouble = Trouble("in_1", needs_authentication, attempts, "")
    found = recurring_of_subscription(SUBSCRIPTION | late, trouble, NOW)
    assert found.ended_unpaid is is_given_up


def test_what_a_bank_is_still_at_is_not_given_up() -> None:
    late = {"status": "past_due", "latest_invoice": {"id": "in_1", "status": "open", "created": 0}}
    assert not recurring_of_subscription(SUBSCRIPTION | late, None, NOW).ended_unpaid


@pytest.mark.parametrize(
    ("status", "payment_status", "intent_status", "state"),
    [
        ("open", "unpaid", None, State.OPEN),
        ("expired", "unpaid", "canceled", State.EXPIRED),
        ("complete", "paid", "succeeded", State.PAID),
        ("complete", "unpaid", "processing", State.PENDING),
        ("complete", "unpaid", "requires_payment_method", State.FAILED),
        ("complete", "a_new_word", "a_new_word", State.PENDING),
        ("a_new_word", "unpaid", None, State.PENDING),
    ],
)
def test_states_of_a_session(
    status: str, payment_status: str, intent_status: str | None, state: State
) -> None:
    intent = intent_status and {"id": "pi_1", "status": intent_status}
    session = {"id": "cs_1", "status": status, "payment_status": payment_status}
    found = payment_of_session(session | {"payment_intent": intent}, [], None, NOW)
    assert found.state is state


CHARGE: Json = {
    "id": "ch_1",
    "status": "succeeded",
    "balance_transaction": None,
    "outcome": {"risk_level": "normal"},
    "payment_method_details": {"type": "card", "card": {"country": None}},
}
DISPUTE: Json = {
    "id": "du_1",
    "amount": 500,
    "currency": "eur",
    "reason": "general",
    "created": 0,
    "is_charge_refundable": False,
}


@pytest.mark.parametrize(
    ("status", "is_open"),
    [
        *[("needs_response", True), ("under_review", True), ("appeal_under_review", True)],
        *[("won", False), ("lost", False), ("prevented", False), ("warning_closed", False)],
        *[("warning_needs_response", False), ("warning_under_review", False)],
        ("a_new_word", True),  # what we do not know stands in the way of a refund
    ],
)
def test_dispute_stands_in_the_way_of_a_refund_while_it_is_open(status: str, is_open: bool) -> None:
    found = charge_of([CHARGE], [], [DISPUTE | {"status": status}], False)
    assert found is not None
    assert found.disputes[0].is_open is is_open


def test_question_of_a_bank_does_not_stand_in_the_way_of_a_refund() -> None:
    asked = DISPUTE | {"status": "needs_response", "is_charge_refundable": True}
    found = charge_of([CHARGE], [], [asked], False)
    assert found is not None
    assert not found.disputes[0].is_open


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *[("succeeded", RefundState.SUCCEEDED), ("failed", RefundState.FAILED)],
        *[("canceled", RefundState.CANCELED), ("pending", RefundState.PENDING)],
        *[("requires_action", RefundState.PENDING), (None, RefundState.PENDING)],
    ],
)
def test_states_of_a_refund(status: str | None, state: RefundState) -> None:
    given = {"id": "re_1", "amount": 1, "currency": "eur", "created": 0, "status": status}
    found = charge_of([CHARGE], [given], [], False)
    assert found is not None
    assert found.refunds[0].state is state


@pytest.mark.parametrize(
    ("risk", "is_warned", "is_suspicious"),
    [
        *[("normal", False, False), ("elevated", False, True), ("highest", False, True)],
        *[("normal", True, True), ("not_assessed", False, False), (None, False, False)],
    ],
)
def test_what_is_suspicious(risk: str | None, is_warned: bool, is_suspicious: bool) -> None:
    found = charge_of([CHARGE | {"outcome": {"risk_level": risk}}], [], [], is_warned)
    assert found is not None
    assert found.is_suspicious is is_suspicious


@pytest.mark.parametrize("theirs", [None, {}, {"donation": "7"}, {"donation": ""}, {"shop": "a"}])
def test_marks_of_others_are_none_of_ours(theirs: Json | None) -> None:
    assert mark({"metadata": theirs}, DONATION) is None


def test_payer_is_whoever_is_known_first() -> None:
    found = payer(None, {"name": "", "email": "a@b.c"}, {"name": "A", "address": {"country": "PL"}})
    assert (found.name, found.email, found.country) == ("A", "a@b.c", "PL")
    assert payer().email is None


@pytest.mark.parametrize(
    ("language", "locale"),
    [("uk", "auto"), ("pl", "pl"), ("pt-BR", "pt-BR"), ("no", "nb"), ("de_AT", "de")],
)
def test_language_of_stripes_pages(language: str, locale: str) -> None:
    assert stripe_locale(language) == locale
