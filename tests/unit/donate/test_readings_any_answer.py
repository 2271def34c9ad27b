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
from typing import Any

import pytest

from demo.stripe.gate import Gate
from donate.at_stripe.looks import LOOKS, Look
from donate.at_stripe.plain import Json
from tests.unit.donate.till import DEBIT_FAILS, DECLINED, RENEWALS_FAIL, WARNED, Till

Play = Callable[[Till], tuple[str, str]]
Path = tuple[str | int, ...]
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
def test_all_that_the_description_allows_is_data(till: Till, gate: Gate, play: Play) -> None:
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
