"""Whatever Stripe's description allows an object to be is data, never a crash.

A gift's life is played once at the stand-in and each answer kept; then each field of each answer is
in turn null, absent or an unknown word, as far as the description lets it, and the look is taken
again.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from demo.stripe import RunningStandIn
from demo.stripe.gate import Gate
from donate.at_stripe.charges import charge_of
from donate.at_stripe.looks import LOOKS, Look
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
from tests.unit.donate.till import DEBIT_FAILS, DECLINED, RENEWALS_FAIL, WARNED, Till

Play = Callable[[Till], tuple[str, str]]
Path = tuple[str | int, ...]
NOW = datetime.now(UTC)
GONE = object()


class NewQuestion(Exception):
    """A changed answer leads to where nobody has been; Stripe would say so in its own way."""


@dataclass
class Answer:
    """What the SDK gives back, from JSON that we hold."""

    body: Json

    def to_dict(self) -> Json:
        return self.body

    @property
    def data(self) -> list[Answer]:
        return [Answer(one) for one in self.body["data"]]

    def auto_paging_iter(self) -> Iterator[Answer]:
        return iter(self.data)


class Client:
    """Stripe's client: the real one, whose answers are kept, or those answers again."""

    def __init__(self, kept: dict[str, Json], real: Any = None, name: str = "") -> None:
        self.kept, self.real, self.name = kept, real, name

    def __getattr__(self, part: str) -> Client:
        real = getattr(self.real, part) if self.real else None
        return Client(self.kept, real, f"{self.name}.{part}")

    def __call__(self, *asked: Any) -> Answer:
        question = f"{self.name} {json.dumps(asked, sort_keys=True)}"
        if self.real:
            self.kept[question] = self.real(*asked).to_dict()
        if question not in self.kept:
            raise NewQuestion
        return Answer(copy.deepcopy(self.kept[question]))


def single_gift(till: Till) -> tuple[str, str]:
    session_id = till.start()
    till.pay(session_id, DECLINED)
    till.pay(session_id, WARNED)
    till.wait(10)
    charge_id = till.newest("charge")["id"]
    till.control("refund-fail", refund=till.control("refund", charge=charge_id, amount=300)["id"])
    till.control("refund", charge=charge_id, amount=300)
    till.control("dispute", charge=charge_id, outcome="won")
    return "checkout.session.completed", session_id


def sign_up(till: Till) -> tuple[str, str]:
    session_id = till.give(frequency="month")
    return "checkout.session.completed", session_id


def renewal_in_trouble(till: Till) -> tuple[str, str]:
    subscription = till.give_monthly(RENEWALS_FAIL)
    made = till.control("renew", subscription=subscription["id"])
    return "invoice.payment_failed", made["invoice"]["id"]


def renewal(till: Till) -> tuple[str, str]:
    renewal_in_trouble(till)
    return "customer.subscription.updated", till.newest("subscription")["id"]


def charge(till: Till) -> tuple[str, str]:
    till.give_monthly()
    return "charge.updated", till.newest("charge")["id"]


def refund(till: Till) -> tuple[str, str]:
    single_gift(till)
    return "refund.updated", till.newest("refund")["id"]


def dispute(till: Till) -> tuple[str, str]:
    single_gift(till)
    return "charge.dispute.updated", till.newest("dispute")["id"]


def warning(till: Till) -> tuple[str, str]:
    single_gift(till)
    return "radar.early_fraud_warning.created", till.newest("radar.early_fraud_warning")["id"]


def refused_card(till: Till) -> tuple[str, str]:
    till.pay(till.start(), DECLINED)
    return "payment_intent.payment_failed", till.newest("payment_intent")["id"]


def refused_first_card(till: Till) -> tuple[str, str]:
    till.pay(till.start("month"), DECLINED)
    return "payment_intent.payment_failed", till.newest("payment_intent")["id"]


def failed_debit(till: Till) -> tuple[str, str]:
    till.debit(till.start("month"), DEBIT_FAILS)
    till.wait(10)
    return "payment_intent.payment_failed", till.newest("payment_intent")["id"]


@pytest.mark.parametrize(
    "play",
    [
        *(single_gift, sign_up, renewal_in_trouble, renewal, charge, refund, dispute, warning),
        *(refused_card, refused_first_card, failed_debit),
    ],
)
def test_all_that_the_description_allows_is_data(
    stand_in: RunningStandIn, gate: Gate, play: Play
) -> None:
    till = Till(stand_in)
    kind, object_id = play(till)
    kept: dict[str, Json] = {}
    expected = LOOKS[kind](Look(Client(kept, till.gateway._v1)), object_id)
    assert expected
    schemas = gate.descriptions["openapi-trimmed.json.gz"].comps["schemas"]
    tried = 0
    for question, answer in list(kept.items()):
        for path, other in variations(schemas, {"$ref": _schema_of(answer)}, answer):
            varied = copy.deepcopy(kept)
            put(varied[question], path, other)
            with suppress(NewQuestion):
                LOOKS[kind](Look(Client(varied)), object_id)
            tried += 1
    assert tried > 100


def _schema_of(answer: Json) -> str:
    return f"#/components/schemas/{answer['object']}"


def put(answer: Any, path: Path, other: object) -> None:
    for step in path[:-1]:
        answer = answer[step]
    if other is GONE:
        del answer[path[-1]]
    else:
        answer[path[-1]] = other


def variations(schemas: Json, schema: Json, value: Any) -> Iterator[tuple[Path, object]]:
    """What else may stand in each place of an object, by its description."""
    if isinstance(value, dict) and value.get("object") == "list":
        for number, one in enumerate(value["data"]):
            for path, other in variations(schemas, {"$ref": _schema_of(one)}, one):
                yield ("data", number, *path), other
        return
    known = _objects(schemas, schema, value)
    for name, inner in known.get("properties", {}).items():
        if not isinstance(value, dict) or name not in value:
            continue
        shapes = list(_flat(schemas, inner))
        if {"type": "null"} in shapes and value[name] is not None:
            yield (name,), None
        if name not in known.get("required", []):
            yield (name,), GONE
        if any("enum" in shape for shape in shapes) or name in WORDS:
            yield (name,), "a_new_word"
        for path, other in variations(schemas, inner, value[name]):
            yield (name, *path), other


WORDS = {"status", "reason", "risk_level", "type", "reporting_category"}


def _flat(schemas: Json, schema: Json) -> Iterator[Json]:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _flat(schemas, one)
    else:
        yield schema


def _objects(schemas: Json, schema: Json, value: Any) -> Json:
    """The description of an object, of several the one that it says to be."""
    if isinstance(value, dict) and value.get("object") in schemas:
        return next(_flat(schemas, {"$ref": _schema_of(value)}))
    found = [shape for shape in _flat(schemas, schema) if "properties" in shape]
    return found[0] if found else {}


# Words of Stripe's, one by one


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
