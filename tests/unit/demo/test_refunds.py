"""Refunds, by the API and in the dashboard."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

from tests.unit.demo.support import DEBIT_PAYS, DECLINED, Desk


@pytest.fixture
def charge(desk: Desk) -> stripe.Charge:
    """A settled card charge of 25 euro."""
    desk.pay(desk.create_session())
    desk.order("clock", advance=5)
    return desk.client.v1.charges.list().data[0]


def test_part_is_refunded_then_the_rest(desk: Desk, charge: stripe.Charge) -> None:
    part = desk.client.v1.refunds.create({"charge": charge.id, "amount": 500})
    assert (part.status, part.amount) == ("succeeded", 500)
    found = desk.client.v1.charges.retrieve(charge.id)
    assert (found.amount_refunded, found.refunded) == (500, False)
    rest = desk.client.v1.refunds.create({"payment_intent": str(charge.payment_intent)})
    assert rest.amount == 2000
    assert desk.client.v1.charges.retrieve(charge.id).refunded is True
    listed = desk.client.v1.refunds.list({"charge": charge.id}).data
    assert [one.id for one in listed] == [rest.id, part.id]
    assert desk.types()[-4:] == ["refund.created", "charge.refunded"] * 2


def test_two_equal_parts_are_two_refunds(desk: Desk, charge: stripe.Charge) -> None:
    made = {
        desk.client.v1.refunds.create(
            {"charge": charge.id, "amount": 500}, {"idempotency_key": f"refund:{row}"}
        ).id
        for row in (1, 2)
    }
    assert len(made) == 2
    assert desk.client.v1.charges.retrieve(charge.id).amount_refunded == 1000


@pytest.mark.parametrize("amount", [2501, 0, -1])
def test_amount_out_of_bounds_is_refused(desk: Desk, charge: stripe.Charge, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.client.v1.refunds.create({"charge": charge.id, "amount": amount})
    assert refused.value.param == "amount"
    assert desk.client.v1.refunds.list().data == []


def test_nothing_left_is_refused(desk: Desk, charge: stripe.Charge) -> None:
    desk.client.v1.refunds.create({"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.client.v1.refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_already_refunded"


def test_failed_charge_is_not_refunded(desk: Desk) -> None:
    desk.pay(desk.create_session(), DECLINED)
    failed = desk.client.v1.charges.list().data[0]
    with pytest.raises(stripe.InvalidRequestError):
        desk.client.v1.refunds.create({"charge": failed.id})


def test_refund_of_a_debit_is_pending_first(desk: Desk) -> None:
    desk.pay_by_debit(desk.create_session(), DEBIT_PAYS)
    desk.order("clock", advance=10)
    charge = desk.client.v1.charges.list().data[0]
    made = desk.client.v1.refunds.create({"charge": charge.id})
    assert made.status == "pending"
    desk.order("clock", advance=20)
    assert desk.client.v1.refunds.retrieve(made.id).status == "succeeded"
    assert desk.types()[-1] == "refund.updated"


def test_refund_in_the_dashboard_tells_the_same_events(desk: Desk, charge: stripe.Charge) -> None:
    desk.order("refund", charge=charge.id, amount=700)
    created, refunded = desk.events()[-2:]
    assert (created["type"], refunded["type"]) == ("refund.created", "charge.refunded")
    assert created["request"] == {"id": None, "idempotency_key": None}
    assert desk.client.v1.charges.retrieve(charge.id).amount_refunded == 700


@pytest.mark.parametrize("sent", [{"charge": "ch_none"}, {}])
def test_dashboard_refund_of_nothing_is_refused(desk: Desk, sent: Any) -> None:
    assert requests.post(f"{desk.url}/_test/refund", json=sent, timeout=10).status_code == 400


def test_refund_keeps_the_fee_in_the_books(desk: Desk, charge: stripe.Charge) -> None:
    desk.client.v1.refunds.create({"charge": charge.id})
    desk.order("clock", advance=3 * 86_400)
    assert desk.fetch("/v1/balance")["available"][0]["amount"] == -62


FAILS_LATER, WAITS = "4000000000005126", "4000000000007726"


def balance(desk: Desk) -> int:
    """Of all lines, whether available yet or not."""
    return sum(line["net"] for line in desk.fetch("/v1/balance_transactions?limit=100")["data"])


def test_same_key_refunds_once(desk: Desk, charge: stripe.Charge) -> None:
    made = [
        desk.client.v1.refunds.create(
            {"charge": charge.id, "amount": 500}, {"idempotency_key": "refund:1"}
        ).id
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert desk.client.v1.charges.retrieve(charge.id).amount_refunded == 500
    with pytest.raises(stripe.IdempotencyError):
        desk.client.v1.refunds.create(
            {"charge": charge.id, "amount": 600}, {"idempotency_key": "refund:1"}
        )


def test_refund_that_fails_later_returns_the_money(desk: Desk, charge: stripe.Charge) -> None:
    before = balance(desk)
    kept = desk.client.v1.refunds.create({"charge": charge.id, "amount": 300})
    made = desk.client.v1.refunds.create({"charge": charge.id, "amount": 700})
    assert balance(desk) == before - 1000
    desk.order("refund-fail", refund=made.id, reason="lost_or_stolen_card")
    found = desk.client.v1.refunds.retrieve(made.id)
    assert (found.status, found.failure_reason) == ("failed", "lost_or_stolen_card")
    line = desk.client.v1.balance_transactions.retrieve(str(found.failure_balance_transaction))
    assert (line.type, line.amount, line.source) == ("refund_failure", 700, made.id)
    assert balance(desk) == before - 300
    assert desk.client.v1.charges.retrieve(charge.id).amount_refunded == 300
    assert desk.types()[-4:] == [
        "refund.failed",
        "charge.refund.updated",
        "refund.updated",
        "charge.updated",
    ]
    desk.order("clock", advance=60)
    assert desk.client.v1.refunds.retrieve(made.id).status == "failed"
    assert desk.client.v1.refunds.retrieve(kept.id).status == "succeeded"
    assert desk.client.v1.refunds.create({"charge": charge.id}).amount == 2200


def test_refund_fails_or_is_called_back_once(desk: Desk, charge: stripe.Charge) -> None:
    made = desk.client.v1.refunds.create({"charge": charge.id})
    desk.order("refund-cancel", refund=made.id)
    assert desk.client.v1.refunds.retrieve(made.id).status == "canceled"
    assert desk.client.v1.charges.retrieve(charge.id).refunded is False
    sent = {"refund": made.id}
    answer = requests.post(f"{desk.url}/_test/refund-fail", json=sent, timeout=10)
    assert answer.status_code == 400
    assert desk.client.v1.charges.retrieve(charge.id).amount_refunded == 0


def test_card_whose_refunds_fail(desk: Desk) -> None:
    desk.pay(desk.create_session(), FAILS_LATER)
    charge = desk.client.v1.charges.list().data[0]
    made = desk.client.v1.refunds.create({"charge": charge.id})
    assert made.status == "succeeded"
    desk.order("clock", advance=20)
    assert desk.client.v1.refunds.retrieve(made.id).status == "failed"
    assert desk.client.v1.charges.retrieve(charge.id).refunded is False


def test_card_whose_refunds_wait(desk: Desk) -> None:
    desk.pay(desk.create_session(), WAITS)
    charge = desk.client.v1.charges.list().data[0]
    made = desk.client.v1.refunds.create({"charge": charge.id})
    assert (made.status, made.pending_reason) == ("pending", "processing")
    desk.order("clock", advance=20)
    found = desk.fetch(f"/v1/refunds/{made.id}")
    assert found["status"] == "succeeded"
    assert "pending_reason" not in found


def test_api_cancels_no_refund_of_a_card(desk: Desk, charge: stripe.Charge) -> None:
    made = desk.client.v1.refunds.create({"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError, match="requires_action"):
        desk.client.v1.refunds.cancel(made.id)
    assert desk.client.v1.refunds.retrieve(made.id).status == "succeeded"


def test_renewal_is_refunded_like_any_charge(desk: Desk) -> None:
    gift = desk.begin_monthly()
    desk.order("renew", subscription=gift.id)
    charge = desk.client.v1.charges.list().data[0]
    made = desk.client.v1.refunds.create({"charge": charge.id, "reason": "requested_by_customer"})
    paid: Any = {"payment": {"type": "payment_intent", "payment_intent": str(made.payment_intent)}}
    invoice = desk.client.v1.invoice_payments.list(paid).data[0].invoice
    assert invoice == desk.client.v1.subscriptions.retrieve(gift.id).latest_invoice
    assert desk.client.v1.invoices.retrieve(str(invoice)).status == "paid"


def test_what_only_failed_refunds_have_may_always_be_expanded(desk: Desk) -> None:
    session = desk.create_session()
    desk.pay(session)
    charge = desk.client.v1.charges.list().data[0]
    made = desk.client.v1.refunds.create({"charge": charge.id})
    asks: Any = {"expand": ["failure_balance_transaction"]}
    assert "failure_balance_transaction" not in desk.client.v1.refunds.retrieve(made.id, asks)
    desk.order("refund-fail", refund=made.id)
    line: Any = desk.client.v1.refunds.retrieve(made.id, asks).failure_balance_transaction
    assert line.amount == made.amount
