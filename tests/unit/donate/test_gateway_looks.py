"""Every event of a single gift's life leads to the whole gift, over HTTP against the stand-in."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from donate.books.models import Kind, RefundState
from donate.facts import DeclineFacts, PaymentFacts
from donate.models import State
from tests.unit.donate.till import (
    ALWAYS,
    ASKS,
    DAY,
    DEBIT_FAILS,
    DEBIT_PAYS,
    DECLINED,
    DONOR,
    FROM_BELARUS,
    REFUND_FAILS,
    REFUND_WAITS,
    WARNED,
    Till,
    assert_each_event_tells_all,
    charge_in,
    lines_in,
    payment,
    timeless,
)


def test_open_session(till: Till) -> None:
    order = till.order(amount_minor=1_250, currency="PLN")
    session_id = till.gateway.create_checkout(order).id
    before = datetime.now(UTC)
    (found,) = till.gateway.look_at_session(session_id)
    assert isinstance(found, PaymentFacts)
    assert before <= found.asked_at <= datetime.now(UTC)
    assert (found.state, found.donation_id) == (State.OPEN, order.gift_id)
    assert (found.amount_minor, found.currency, found.session_id) == (1_250, "PLN", session_id)
    assert (found.charge, found.payment_intent_id, found.paid_at) == (None, None, None)
    assert (found.invoice_id, found.recurring_id, found.subscription_id) == (None, None, None)


def test_asked_at_is_before_the_first_request(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens at Stripe while we ask must not look older than what we saw."""
    session_id = till.start()
    till.control("fault", kind="slow", seconds=0.3, count=1)
    before = datetime.now(UTC)
    (found,) = till.gateway.look_at_session(session_id)
    assert not isinstance(found, DeclineFacts)
    assert found.asked_at - before < timedelta(seconds=0.2)


def test_paid_gift_before_it_is_in_the_books_and_after(till: Till) -> None:
    session_id = till.start()
    till.pay(session_id)
    facts = till.gateway.look_at_session(session_id)
    assert payment(facts).state is State.PAID
    assert charge_in(facts).movements == ()
    till.wait(3)
    facts = till.gateway.look_at_session(session_id)
    found, (line,) = payment(facts), charge_in(facts).movements
    charge = till.newest("charge")
    assert (line.kind, line.gross_minor, line.fee_minor, line.currency) == (
        *(Kind.GIFT, 2_500, 62),
        "EUR",
    )
    assert (line.id, line.source_id) == (charge["balance_transaction"], charge["id"])
    assert line.day == till.now().date()
    assert found.payment_intent_id == charge["payment_intent"]
    assert found.paid_at == datetime.fromtimestamp(charge["created"], UTC)
    payer = found.payer
    assert (payer.name, payer.email, payer.country) == (DONOR["name"], DONOR["email"], "PL")
    assert DONOR["email"] not in repr(facts)
    assert (charge_in(facts).card_country, charge_in(facts).is_suspicious) == ("US", False)


def test_a_look_at_a_paid_gift_takes_three_requests(till: Till) -> None:
    session_id = till.give()
    so_far = len(till.asked())
    till.gateway.look_at_session(session_id)
    assert till.asked()[so_far:] == [
        f"GET checkout/sessions/{session_id}",
        "GET charges",
        "GET radar/early_fraud_warnings",
    ]


def test_life_of_a_single_gift(till: Till) -> None:
    """Tried, paid, warned of, partly given back twice, disputed and lost."""
    session_id = till.start()
    till.pay(session_id, DECLINED)
    till.pay(session_id, WARNED)
    till.wait(10)
    charge_id = till.newest("charge")["id"]
    refund_id = uuid.uuid4()
    till.gateway.create_refund(refund_id, charge_id, 500)
    till.control("refund", charge=charge_id, amount=300)  # in the dashboard
    till.wait(20)
    till.control("dispute", charge=charge_id, outcome="lost")
    facts = till.gateway.look_at_session(session_id)
    charge = charge_in(facts)
    assert charge.is_suspicious
    refunds = {(one.refund_id, one.amount_minor, one.state) for one in charge.refunds}
    assert refunds == {
        (refund_id, 500, RefundState.SUCCEEDED),
        (None, 300, RefundState.SUCCEEDED),
    }
    (dispute,) = charge.disputes
    assert (dispute.amount_minor, dispute.currency) == (1_700, "EUR")
    assert (dispute.status, dispute.reason, dispute.is_open) == ("lost", "fraudulent", False)
    assert sorted(lines_in(facts)) == [
        (Kind.DISPUTE, -1_700, 1_500),
        (Kind.GIFT, 2_500, 62),
        (Kind.REFUND, -500, 0),
        (Kind.REFUND, -300, 0),
    ]
    seen = assert_each_event_tells_all(till, facts)
    assert seen >= {
        *("checkout.session.completed", "charge.updated", "charge.refunded", "refund.created"),
        *("refund.updated", "charge.dispute.created", "charge.dispute.closed"),
        *("charge.dispute.funds_withdrawn", "radar.early_fraud_warning.created"),
        "payment_intent.payment_failed",
    }


def test_dispute_that_is_won_gives_the_money_back(till: Till) -> None:
    till.control("settings", dispute_fee_returned=True)
    session_id = till.give()
    charge_id = till.newest("charge")["id"]
    dispute_id = till.control("dispute", charge=charge_id, amount=1_000)["id"]
    facts = till.gateway.look_at_session(session_id)
    assert charge_in(facts).disputes[0].is_open
    assert lines_in(facts)[1:] == [(Kind.DISPUTE, -1_000, 1_500)]
    till.control("dispute-close", dispute=dispute_id, outcome="won")
    facts = till.gateway.look_at_session(session_id)
    assert not charge_in(facts).disputes[0].is_open
    assert lines_in(facts)[1:] == [
        (Kind.DISPUTE, -1_000, 1_500),
        (Kind.DISPUTE_RETURNED, 1_000, -1_500),
    ]
    assert {line.source_id for line in charge_in(facts).movements[1:]} == {dispute_id}
    seen = assert_each_event_tells_all(till, facts, "charge.dispute")
    assert {"charge.dispute.updated", "charge.dispute.funds_reinstated"} <= seen


def test_dispute_that_the_charge_does_not_show_yet(till: Till) -> None:
    """A dispute's own event must not depend on what the charge says of it."""
    till.give()
    charge_id = till.newest("charge")["id"]
    till.control("dispute", charge=charge_id)
    till.change("charge", charge_id, disputed=False)
    assert charge_in(till.gateway.look(till.events("charge.dispute.created")[0])).disputes
    assert not charge_in(till.gateway.look_at_charge(charge_id)).disputes


def test_refund_that_fails_later_comes_back(till: Till) -> None:
    session_id = till.give(REFUND_FAILS)
    till.gateway.create_refund(uuid.uuid4(), till.newest("charge")["id"], 2_500)
    facts = till.gateway.look_at_session(session_id)
    assert charge_in(facts).refunds[0].state is RefundState.SUCCEEDED
    till.wait(20)
    facts = till.gateway.look_at_session(session_id)
    assert charge_in(facts).refunds[0].state is RefundState.FAILED
    assert lines_in(facts)[1:] == [(Kind.REFUND, -2_500, 0), (Kind.REFUND_RETURNED, 2_500, 0)]
    assert {"refund.failed"} <= assert_each_event_tells_all(till, facts, "refund")


def test_refund_that_waits_and_is_called_back(till: Till) -> None:
    session_id = till.give(REFUND_WAITS)
    made = till.control("refund", charge=till.newest("charge")["id"])
    facts = till.gateway.look_at_session(session_id)
    assert charge_in(facts).refunds[0].state is RefundState.PENDING
    till.control("refund-cancel", refund=made["id"])
    facts = till.gateway.look_at_session(session_id)
    assert charge_in(facts).refunds[0].state is RefundState.CANCELED
    assert lines_in(facts)[1:] == [(Kind.REFUND, -2_500, 0), (Kind.REFUND_RETURNED, 2_500, 0)]


def test_more_refunds_than_a_charge_shows(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("donate.at_stripe.looks.MOST", 5)
    session_id = till.give()
    charge_id = till.newest("charge")["id"]
    for _ in range(12):
        till.control("refund", charge=charge_id, amount=100)
    facts = till.gateway.look_at_session(session_id)
    assert len(charge_in(facts).refunds) == 12
    assert sum(gross for kind, gross, _ in lines_in(facts) if kind is Kind.REFUND) == -1_200


def test_refused_country_is_told(till: Till) -> None:
    assert charge_in(till.gateway.look_at_session(till.give(FROM_BELARUS))).card_country == "BY"


@pytest.mark.parametrize(("risk", "is_suspicious"), [("elevated", True), ("highest", True)])
def test_risk_in_stripes_eyes_is_suspicious(till: Till, risk: str, is_suspicious: bool) -> None:
    session_id = till.give()
    charge = till.newest("charge")
    till.change("charge", charge["id"], outcome=charge["outcome"] | {"risk_level": risk})
    facts = till.gateway.look_at_session(session_id)
    assert charge_in(facts).is_suspicious is is_suspicious


def test_card_with_authentication_is_open_until_the_bank_has_answered(till: Till) -> None:
    session_id = till.start()
    till.pay(session_id, ASKS)
    assert payment(till.gateway.look_at_session(session_id)).state is State.OPEN
    till.post(f"/c/pay/{session_id}/authenticate", {"answer": "complete"})
    assert payment(till.gateway.look_at_session(session_id)).state is State.PAID


def test_debit_that_pays(till: Till) -> None:
    session_id = till.start()
    till.debit(session_id, DEBIT_PAYS)
    found = payment(till.gateway.look_at_session(session_id))
    assert (found.state, found.charge, found.paid_at) == (State.PENDING, None, None)
    assert found.payer.email == DONOR["email"]
    till.wait(10)
    facts = till.gateway.look_at_session(session_id)
    assert payment(facts).state is State.PAID
    assert lines_in(facts) == [(Kind.GIFT, 2_500, 35)]
    assert charge_in(facts).card_country == ""
    assert "checkout.session.async_payment_succeeded" in assert_each_event_tells_all(till, facts)


def test_debit_that_fails_is_no_card_that_was_refused(till: Till) -> None:
    session_id = till.start()
    till.debit(session_id, DEBIT_FAILS)
    till.wait(10)
    found = payment(till.gateway.look_at_session(session_id))
    assert (found.state, found.charge, found.paid_at) == (State.FAILED, None, None)
    (event,) = till.events("payment_intent.payment_failed")
    (told,) = till.gateway.look(event)
    assert timeless(told) == timeless(found)


def test_debit_that_had_been_credited_and_then_failed(till: Till) -> None:
    """As direct debits in the United States do: Stripe's books have both lines."""
    session_id = till.start()
    till.debit(session_id, DEBIT_FAILS)
    till.wait(10)
    charge = till.newest("charge")
    account = till.stand_in.account
    with account.ledger.transaction():
        credited = account.enter(charge, "payment", 2_500, 35, 4)
        returned = account.enter(charge, "payment_failure_refund", -2_500, 0, 4)
        account.ledger.save(
            charge
            | {
                "balance_transaction": credited["id"],
                "failure_balance_transaction": returned["id"],
            }
        )
    facts = till.gateway.look_at_session(session_id)
    assert payment(facts).state is State.FAILED
    assert lines_in(facts) == [(Kind.GIFT, 2_500, 35), (Kind.GIFT_RETURNED, -2_500, 0)]
    assert {line.id for line in till.gateway.list_movements(ALWAYS)} == {
        credited["id"],
        returned["id"],
    }


def test_debit_and_card_that_asks_go_through_the_same_door(till: Till) -> None:
    debited, asking = till.start(), till.start()
    till.debit(debited, DEBIT_PAYS)
    till.pay(asking, ASKS)
    assert payment(till.gateway.look_at_session(debited)).state is State.PENDING
    assert payment(till.gateway.look_at_session(asking)).state is State.OPEN
    till.post(f"/c/pay/{asking}/authenticate", {"answer": "complete"})
    till.wait(DAY)
    for session_id in (debited, asking):
        assert payment(till.gateway.look_at_session(session_id)).state is State.PAID


def test_session_that_expired(till: Till) -> None:
    session_id = till.start()
    till.pay(session_id, DECLINED)
    till.wait(2 * 3_600)
    found = payment(till.gateway.look_at_session(session_id))
    assert (found.state, found.charge) == (State.EXPIRED, None)
    assert found.payer.email == DONOR["email"]
    assert payment(till.gateway.look(till.events("checkout.session.expired")[0])).state is (
        State.EXPIRED
    )
