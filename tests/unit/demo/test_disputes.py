"""Disputes and early warnings of fraud: events, books, and the refunds they block."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

from tests.unit.demo.support import DECLINED, KEY, PAYS, Desk

DISPUTED_CARD, WARNED_CARD = "4000000000000259", "4000000000005423"
DISPUTED_ACCOUNT = "DE35370400440532013002"
FEE = 1500


def create_charge(desk: Desk, card: str = PAYS) -> stripe.Charge:
    """A settled charge of 25 euro."""
    desk.pay(desk.create_session(), card)
    desk.order("clock", advance=3)
    return desk.client.v1.charges.list().data[0]


def balance(desk: Desk) -> int:
    return sum(line["net"] for line in desk.fetch("/v1/balance_transactions?limit=100")["data"])


def dispute_types(desk: Desk) -> list[str]:
    return [kind[15:] for kind in desk.types() if kind.startswith("charge.dispute.")]


def test_open_dispute_takes_amount_and_fee(desk: Desk) -> None:
    charge = create_charge(desk)
    before = balance(desk)
    made = desk.order("dispute", charge=charge.id)
    found = desk.client.v1.disputes.retrieve(made["id"])
    assert (found.status, found.amount, found.is_charge_refundable) == (
        "needs_response",
        2500,
        False,
    )
    line = desk.client.v1.balance_transactions.list({"source": made["id"]}).data[0]
    assert (line.type, line.reporting_category) == ("adjustment", "dispute")
    assert (line.amount, line.fee, line.net) == (-2500, FEE, -2500 - FEE)
    assert [one.id for one in found.balance_transactions] == [line.id]
    assert balance(desk) == before - 2500 - FEE
    assert desk.client.v1.charges.retrieve(charge.id).disputed is True
    assert dispute_types(desk) == ["created", "funds_withdrawn"]


def test_won_dispute_returns_the_money_but_not_the_fee(desk: Desk) -> None:
    charge = create_charge(desk)
    before = balance(desk)
    desk.order("dispute", charge=charge.id, outcome="won")
    found = desk.client.v1.disputes.list({"charge": charge.id}).data[0]
    assert (found.status, found.evidence_details.has_evidence) == ("won", True)
    assert balance(desk) == before - FEE
    assert dispute_types(desk) == [
        "created",
        "funds_withdrawn",
        "updated",
        "closed",
        "funds_reinstated",
    ]


def test_fee_comes_back_where_the_terms_say_so(desk: Desk) -> None:
    charge = create_charge(desk)
    before = balance(desk)
    desk.order("settings", dispute_fee_returned=True)
    desk.order("dispute", charge=charge.id, outcome="won")
    assert balance(desk) == before


def test_lost_dispute_keeps_the_money(desk: Desk) -> None:
    charge = create_charge(desk)
    before = balance(desk)
    made = desk.order("dispute", charge=charge.id, amount=1000)
    desk.order("dispute-close", dispute=made["id"], outcome="lost")
    assert desk.client.v1.disputes.retrieve(made["id"]).status == "lost"
    assert balance(desk) == before - 1000 - FEE
    assert dispute_types(desk) == ["created", "funds_withdrawn", "closed"]


def test_evidence_puts_it_under_review(desk: Desk) -> None:
    made = desk.order("dispute", charge=create_charge(desk).id)
    assert desk.order("dispute-answer", dispute=made["id"])["status"] == "under_review"
    desk.order("dispute-close", dispute=made["id"], outcome="lost")
    assert dispute_types(desk) == ["created", "funds_withdrawn", "updated", "closed"]


def test_closing_at_the_api_gives_in(desk: Desk) -> None:
    made = desk.order("dispute", charge=create_charge(desk).id)
    assert desk.client.v1.disputes.close(made["id"]).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        desk.client.v1.disputes.close(made["id"])


@pytest.mark.parametrize("outcome", [None, "lost"])
def test_disputed_charge_is_not_refunded(desk: Desk, outcome: str | None) -> None:
    charge = create_charge(desk)
    desk.order("dispute", charge=charge.id, **({"outcome": outcome} if outcome else {}))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.client.v1.refunds.create({"charge": charge.id})
    assert (refused.value.http_status, refused.value.code) == (400, "charge_disputed")
    answer = requests.post(f"{desk.url}/_test/refund", json={"charge": charge.id}, timeout=10)
    assert answer.status_code == 400
    assert desk.client.v1.refunds.list().data == []


def test_charge_of_a_won_dispute_can_be_refunded(desk: Desk) -> None:
    charge = create_charge(desk)
    desk.order("dispute", charge=charge.id, outcome="won")
    assert desk.client.v1.refunds.create({"charge": charge.id}).status == "succeeded"


def test_only_what_is_left_is_disputed(desk: Desk) -> None:
    charge = create_charge(desk)
    desk.client.v1.refunds.create({"charge": charge.id, "amount": 2000})
    assert desk.order("dispute", charge=charge.id)["amount"] == 500


@pytest.mark.parametrize("sent", [{"amount": 2501}, {"amount": 0}, {"outcome": "drawn"}])
def test_dispute_that_cannot_be_is_refused(desk: Desk, sent: Any) -> None:
    sent |= {"charge": create_charge(desk).id}
    assert requests.post(f"{desk.url}/_test/dispute", json=sent, timeout=10).status_code == 400
    assert desk.client.v1.disputes.list().data == []


def test_second_dispute_and_dispute_of_nothing_are_refused(desk: Desk) -> None:
    charge = create_charge(desk)
    desk.order("dispute", charge=charge.id)
    desk.pay(desk.create_session(), DECLINED)
    failed = desk.client.v1.charges.list().data[0]
    for one in (charge, failed):
        sent = {"charge": one.id}
        assert requests.post(f"{desk.url}/_test/dispute", json=sent, timeout=10).status_code == 400


def test_certain_card_is_disputed(desk: Desk) -> None:
    charge = create_charge(desk, DISPUTED_CARD)
    assert charge.disputed is False
    desk.order("clock", advance=10)
    found = desk.client.v1.disputes.list({"payment_intent": str(charge.payment_intent)}).data
    assert [(one.charge, one.reason, one.status) for one in found] == [
        (charge.id, "fraudulent", "needs_response")
    ]


def test_disputed_debit_is_lost_at_once(desk: Desk) -> None:
    desk.pay_by_debit(desk.create_session(), DISPUTED_ACCOUNT)
    desk.order("clock", advance=20)
    found = desk.client.v1.disputes.list().data
    assert [(one.status, one.reason) for one in found] == [("lost", "debit_not_authorized")]
    assert dispute_types(desk) == ["created", "funds_withdrawn", "closed"]
    assert balance(desk) == 2500 - 35 - 2500 - FEE


def test_warning_of_fraud_is_settled_by_a_full_refund(desk: Desk) -> None:
    charge = create_charge(desk)
    made = desk.order("early-fraud-warning", charge=charge.id, fraud_type="made_with_stolen_card")
    listed = desk.client.v1.radar.early_fraud_warnings.list({"charge": charge.id}).data
    assert [(one.id, one.actionable, one.fraud_type) for one in listed] == [
        (made["id"], True, "made_with_stolen_card")
    ]
    desk.client.v1.refunds.create({"charge": charge.id, "amount": 100})
    assert desk.client.v1.radar.early_fraud_warnings.retrieve(made["id"]).actionable is True
    desk.client.v1.refunds.create({"charge": charge.id})
    assert desk.client.v1.radar.early_fraud_warnings.retrieve(made["id"]).actionable is False
    assert desk.types()[-1] == "radar.early_fraud_warning.updated"


def test_certain_card_is_warned_of(desk: Desk) -> None:
    charge = create_charge(desk, WARNED_CARD)
    desk.order("clock", advance=10)
    listed = desk.client.v1.radar.early_fraud_warnings.list().data
    assert [one.charge for one in listed] == [charge.id]


@pytest.mark.parametrize(
    ("version", "knows"), [("2026-08-26.dahlia", False), ("2026-10-28.endive", True)]
)
def test_dispute_is_shown_as_of_the_callers_version(desk: Desk, version: str, knows: bool) -> None:
    charge = create_charge(desk)
    asked = requests.get(
        f"{desk.url}/v1/disputes", auth=(KEY, ""), headers={"Stripe-Version": version}, timeout=10
    )
    assert asked.json()["data"] == []
    desk.order("dispute", charge=charge.id)
    event = next(one for one in desk.events() if one["type"] == "charge.dispute.created")
    assert event["api_version"] == version
    assert ("intended_submission_method" in event["data"]["object"]) is knows
    asked = requests.get(
        f"{desk.url}/v1/disputes", auth=(KEY, ""), headers={"Stripe-Version": version}, timeout=10
    )
    shown = asked.json()["data"][0]["evidence_details"]
    assert ("submission_method" in shown) is knows
