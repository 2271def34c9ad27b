"""Every event of a gift's life leads to the whole gift, over HTTP against the stand-in."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from demo.stripe import RunningStandIn, objects
from donate.books.models import Kind, RefundState
from donate.facts import ChargeFacts, DeclineFacts, Facts, PaymentFacts, RecurringFacts
from donate.gateway import Event
from donate.models import RecurringState, State
from tests.unit.donate.till import (
    ASKS,
    DAY,
    DEBIT_FAILS,
    DEBIT_PAYS,
    DECLINED,
    DONOR,
    FROM_BELARUS,
    PAYS,
    REFUND_FAILS,
    REFUND_WAITS,
    RENEWALS_FAIL,
    WARNED,
    Till,
    payment,
    recurring,
)


@pytest.fixture
def till(stand_in: RunningStandIn) -> Till:
    return Till(stand_in)


def charge_in(facts: tuple[Facts, ...]) -> ChargeFacts:
    charge = payment(facts).charge
    assert charge is not None
    return charge


def lines_in(facts: tuple[Facts, ...]) -> list[tuple[Kind, int, int]]:
    return [(one.kind, one.gross_minor, one.fee_minor) for one in charge_in(facts).movements]


def timeless(fact: Facts) -> Facts:
    """Without what differs from look to look."""
    if isinstance(fact, DeclineFacts):
        return fact
    return replace(fact, asked_at=datetime.fromtimestamp(0, UTC))


def assert_each_event_tells_all(till: Till, expected: tuple[Facts, ...], *kinds: str) -> set[str]:
    """Whatever event comes, in whatever order: the same facts. Returns the types seen."""
    events = till.events(*kinds)
    for event in events:
        facts = [timeless(fact) for fact in till.gateway.look(event)]
        assert payment(tuple(facts)) == timeless(payment(expected)), event.type
    return {event.type for event in events}


# A single gift


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
    assert {line.id for line in till.gateway.list_movements(datetime.fromtimestamp(0, UTC))} == {
        credited["id"],
        returned["id"],
    }


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


# Cards that were refused


def test_each_refused_card_is_told_by_every_event_of_them(till: Till) -> None:
    order = till.order()
    session_id = till.gateway.create_checkout(order).id
    for _ in range(3):
        till.pay(session_id, DECLINED)
    refused = {charge["id"] for charge in till.all("charge")}
    events = till.events("payment_intent.payment_failed")
    assert len(events) == len(refused) == 3
    for event in events:
        *declines, gift = till.gateway.look(event)
        assert isinstance(gift, PaymentFacts)
        assert gift.state is State.OPEN
        told = [one for one in declines if isinstance(one, DeclineFacts)]
        assert {one.attempt_id for one in told} == refused
        assert {(one.session_id, one.gift_id) for one in told} == {(session_id, order.gift_id)}
        assert all(abs(one.at - till.now()) < timedelta(minutes=1) for one in told)


def test_refused_cards_still_count_when_another_has_paid(till: Till) -> None:
    session_id = till.start()
    till.pay(session_id, DECLINED)
    refused = till.newest("charge")["id"]
    till.pay(session_id, PAYS)
    decline, gift = till.gateway.look(till.events("payment_intent.payment_failed")[0])
    assert isinstance(decline, DeclineFacts)
    assert isinstance(gift, PaymentFacts)
    assert (decline.attempt_id, decline.session_id) == (refused, None)
    assert gift.state is State.PAID
    assert gift.charge is not None
    assert gift.charge.id != refused


def test_authentication_that_failed_is_a_card_that_was_refused(till: Till) -> None:
    session_id = till.start()
    for _ in range(2):
        till.pay(session_id, ASKS)
        till.post(f"/c/pay/{session_id}/authenticate", {"answer": "fail"})
    first, second = (
        [fact for fact in till.gateway.look(event) if isinstance(fact, DeclineFacts)]
        for event in till.events("payment_intent.payment_failed")
    )
    assert [one.session_id for one in first] == [session_id]
    assert [one.attempt_id for one in first] == [one.attempt_id for one in second]


def test_refused_card_on_the_page_of_a_recurring_donation(till: Till) -> None:
    order = till.order("month")
    session_id = till.gateway.create_checkout(order).id
    till.start("month", amount_minor=9_900)  # somebody else's
    till.pay(session_id, DECLINED)
    decline, gift = till.gateway.look(till.events("payment_intent.payment_failed")[0])
    assert isinstance(decline, DeclineFacts)
    assert isinstance(gift, RecurringFacts)
    assert (decline.session_id, decline.gift_id) == (session_id, order.gift_id)
    assert (gift.state, gift.session_id) == (RecurringState.OPEN, session_id)


def test_refused_card_that_leads_to_two_open_pages_is_told_without_ids(till: Till) -> None:
    for _ in range(2):
        till.pay(till.start("month"), DECLINED)
    for event in till.events("payment_intent.payment_failed"):
        (decline,) = till.gateway.look(event)
        assert isinstance(decline, DeclineFacts)
        assert (decline.session_id, decline.gift_id) == (None, None)


def test_refused_card_before_a_recurring_donation_began(till: Till) -> None:
    order = till.order("month")
    session_id = till.gateway.create_checkout(order).id
    till.pay(session_id, DECLINED)
    till.pay(session_id, PAYS)
    facts = till.gateway.look(till.events("payment_intent.payment_failed")[0])
    (decline,) = [fact for fact in facts if isinstance(fact, DeclineFacts)]
    assert (decline.session_id, decline.gift_id) == (None, order.gift_id)
    assert recurring(facts).state is RecurringState.ACTIVE


# A recurring donation


def test_open_and_expired_page_of_a_recurring_donation(till: Till) -> None:
    order = till.order("year")
    session_id = till.gateway.create_checkout(order).id
    (found,) = till.gateway.look_at_session(session_id)
    assert isinstance(found, RecurringFacts)
    assert (found.state, found.recurring_id) == (RecurringState.OPEN, order.gift_id)
    assert (found.session_id, found.subscription_id) == (session_id, None)
    assert (found.amount_minor, found.currency) == (2_500, "EUR")
    till.gateway.expire_session(session_id)
    (found,) = till.gateway.look_at_session(session_id)
    assert isinstance(found, RecurringFacts)
    assert found.state is RecurringState.EXPIRED


def test_begun_recurring_donation_and_its_first_gift(till: Till) -> None:
    order = till.order("month")
    session_id = till.gateway.create_checkout(order).id
    till.pay(session_id)
    till.wait(3)
    session = till.found("checkout.session", session_id)
    facts = till.gateway.look_at_session(session_id)
    assert [type(fact) for fact in facts] == [RecurringFacts, PaymentFacts]
    found, gift = recurring(facts), payment(facts)
    assert (found.state, found.recurring_id) == (RecurringState.ACTIVE, order.gift_id)
    assert (found.session_id, found.subscription_id) == (session_id, session["subscription"])
    assert (found.customer_id, found.trouble) == (session["customer"], None)
    assert (found.payer.name, found.payer.email) == (DONOR["name"], DONOR["email"])
    started = till.newest("subscription")["start_date"]
    assert (found.started_at, found.ended_at) == (datetime.fromtimestamp(started, UTC), None)
    ends = till.newest("subscription")["items"]["data"][0]["current_period_end"]
    assert found.next_on == datetime.fromtimestamp(ends, UTC).date()
    assert (gift.state, gift.recurring_id) == (State.PAID, order.gift_id)
    assert (gift.invoice_id, gift.subscription_id) == (session["invoice"], session["subscription"])
    assert (gift.session_id, gift.donation_id) == (None, None)
    assert (gift.amount_minor, gift.currency, gift.payer.country) == (2_500, "EUR", "PL")
    assert gift.payment_intent_id == till.newest("charge")["payment_intent"]
    assert lines_in(facts) == [(Kind.GIFT, 2_500, 62)]
    charge_id = till.newest("charge")["id"]
    for other in (
        till.gateway.look_at_subscription(session["subscription"]),
        till.gateway.look_at_invoice(session["invoice"]),
        till.gateway.look_at_charge(charge_id),
    ):
        assert timeless(payment(other)) == timeless(gift)
        rest = replace(recurring(other), session_id=session_id, payer=found.payer)
        assert timeless(rest) == timeless(found)


def test_life_of_a_renewal(till: Till) -> None:
    """Paid, partly given back, disputed."""
    subscription = till.give_monthly()
    invoice = till.control("renew", subscription=subscription["id"])["invoice"]
    till.wait(3)
    charge_id = till.newest("charge")["id"]
    refund_id = uuid.uuid4()
    till.gateway.create_refund(refund_id, charge_id, 1_000)
    till.control("early-fraud-warning", charge=charge_id)
    till.control("dispute", charge=charge_id)
    facts = till.gateway.look_at_invoice(invoice["id"])
    assert payment(facts).paid_at == datetime.fromtimestamp(
        till.found("invoice", invoice["id"])["status_transitions"]["paid_at"], UTC
    )
    assert lines_in(facts) == [
        (Kind.GIFT, 2_500, 62),
        (Kind.REFUND, -1_000, 0),
        (Kind.DISPUTE, -1_500, 1_500),
    ]
    assert charge_in(facts).refunds[0].refund_id == refund_id
    assert charge_in(facts).is_suspicious
    seen = assert_each_event_tells_all(
        till, facts, "refund", "charge.refunded", "charge.dispute", "radar"
    )
    assert len(seen) >= 5


def test_card_that_fails_at_a_renewal_is_trouble_and_no_tried_card(till: Till) -> None:
    subscription = till.give_monthly(RENEWALS_FAIL)
    invoice = till.control("renew", subscription=subscription["id"])["invoice"]
    facts = till.gateway.look_at_invoice(invoice["id"])
    found, gift = recurring(facts), payment(facts)
    assert (found.state, found.ended_unpaid) == (RecurringState.AT_RISK, False)
    trouble = found.trouble
    assert trouble is not None
    assert (trouble.invoice_id, trouble.attempts) == (invoice["id"], 1)
    assert not trouble.needs_authentication
    assert trouble.url == invoice["hosted_invoice_url"]
    assert trouble.due_on == till.now().date()
    assert (gift.state, gift.charge, gift.paid_at) == (State.OPEN, None, None)
    failed = till.events("payment_intent.payment_failed")[-1]
    assert [type(one) for one in till.gateway.look(failed)] == [RecurringFacts, PaymentFacts]
    till.wait(3 * DAY)
    assert (recurring(till.gateway.look_at_invoice(invoice["id"])).trouble or trouble).attempts == 2


def test_renewal_that_waits_for_the_donors_bank(till: Till) -> None:
    subscription = till.give_monthly()
    till.control("renew", subscription=subscription["id"], outcome="authenticate")
    (event,) = till.events("invoice.payment_action_required")
    trouble = recurring(till.gateway.look(event)).trouble
    assert trouble is not None
    assert trouble.needs_authentication


def test_trouble_is_told_whatever_invoice_was_looked_at(till: Till) -> None:
    """An old event that comes late must not make the trouble go away."""
    subscription = till.give_monthly()
    first = till.newest("invoice")["id"]
    second = till.control("renew", subscription=subscription["id"], outcome="declined")["invoice"]
    trouble = recurring(till.gateway.look_at_invoice(first)).trouble
    assert trouble is not None
    assert trouble.invoice_id == second["id"]


def test_renewal_that_recovers(till: Till) -> None:
    subscription = till.give_monthly()
    invoice = till.control("renew", subscription=subscription["id"], outcome="declined")["invoice"]
    till.control("retry", invoice=invoice["id"], outcome="pays")
    till.wait(3)
    facts = till.gateway.look_at_invoice(invoice["id"])
    assert (recurring(facts).state, recurring(facts).trouble) == (RecurringState.ACTIVE, None)
    assert payment(facts).state is State.PAID
    assert lines_in(facts) == [(Kind.GIFT, 2_500, 62)]


@pytest.mark.parametrize(
    ("after", "state"),
    [
        ("cancel", RecurringState.ENDED),
        ("unpaid", RecurringState.AT_RISK),
        ("past_due", RecurringState.AT_RISK),
    ],
)
def test_stripe_gives_up(till: Till, after: str, state: RecurringState) -> None:
    till.control("settings", after_retries=after)
    subscription = till.give_monthly(RENEWALS_FAIL)
    till.control("renew", subscription=subscription["id"])
    till.wait(20 * DAY)
    found = recurring(till.gateway.look_at_subscription(subscription["id"]))
    assert (found.state, found.ended_unpaid) == (state, True)
    assert (found.trouble is None) is (after == "cancel")


def test_bank_debit_of_a_recurring_donation(till: Till) -> None:
    session_id = till.start("month")
    till.debit(session_id, DEBIT_PAYS)
    facts = till.gateway.look_at_session(session_id)
    assert recurring(facts).state is RecurringState.ACTIVE
    assert (payment(facts).state, payment(facts).charge) == (State.PENDING, None)
    assert recurring(facts).trouble is None
    till.wait(10)
    facts = till.gateway.look_at_session(session_id)
    assert payment(facts).state is State.PAID
    invoice, charge = till.newest("invoice"), till.newest("charge")
    paid_at = invoice["status_transitions"]["paid_at"]
    assert payment(facts).paid_at == datetime.fromtimestamp(paid_at, UTC)
    assert paid_at > charge["created"]
    till.control("renew", subscription=recurring(facts).subscription_id)
    facts = till.gateway.look_at_subscription(recurring(facts).subscription_id or "")
    assert (payment(facts).state, recurring(facts).trouble) == (State.PENDING, None)
    till.wait(10)
    assert lines_in(till.gateway.look_at_invoice(payment(facts).invoice_id or "")) == [
        (Kind.GIFT, 2_500, 35)
    ]


def test_bank_debit_of_a_recurring_donation_that_fails(till: Till) -> None:
    session_id = till.start("month")
    till.debit(session_id, DEBIT_FAILS)
    till.wait(10)
    facts = till.gateway.look_at_session(session_id)
    assert recurring(facts).state is RecurringState.AT_RISK
    assert payment(facts).state is State.FAILED
    failed = till.gateway.look(till.events("payment_intent.payment_failed")[0])
    assert [type(fact) for fact in failed] == [RecurringFacts, PaymentFacts]


def test_donor_who_cancels_in_the_portal_has_paid_for_the_period(till: Till) -> None:
    subscription = till.give_monthly()
    address = till.gateway.open_portal(subscription["customer"], "http://127.0.0.1:8000", "en")
    path = address.removeprefix(till.stand_in.url)
    till.post(f"{path}/cancel/{subscription['id']}", {})
    ends = subscription["items"]["data"][0]["current_period_end"]
    found = recurring(till.gateway.look_at_subscription(subscription["id"]))
    assert (found.state, found.next_on) == (RecurringState.ACTIVE, None)
    assert found.ends_on == datetime.fromtimestamp(ends, UTC).date()
    till.wait(40 * DAY)
    found = recurring(till.gateway.look(till.events("customer.subscription.deleted")[0]))
    assert (found.state, found.ended_unpaid, found.ends_on) == (RecurringState.ENDED, False, None)
    assert found.ended_at == datetime.fromtimestamp(ends, UTC)


def test_payment_that_was_left_out_in_a_pause_is_no_gift(till: Till) -> None:
    subscription = till.give_monthly()
    till.gateway.pause(subscription["id"])
    invoice = till.control("renew", subscription=subscription["id"])["invoice"]
    (event,) = till.events("invoice.voided")
    facts = till.gateway.look(event)
    assert (payment(facts).invoice_id, payment(facts).state) == (invoice["id"], State.EXPIRED)
    assert recurring(facts).trouble is None


def test_a_year_of_monthly_gifts(till: Till) -> None:
    subscription = till.give_monthly()
    for _ in range(11):
        till.wait(31 * DAY)
    looks = [till.gateway.look_at_invoice(invoice["id"]) for invoice in till.all("invoice")]
    assert len({payment(facts).invoice_id for facts in looks}) == 12
    assert all(payment(facts).state is State.PAID for facts in looks)
    assert all(lines_in(facts) == [(Kind.GIFT, 2_500, 62)] for facts in looks)
    assert len({payment(facts).paid_at for facts in looks}) == 12
    found = recurring(till.gateway.look_at_subscription(subscription["id"]))
    assert found.next_on is not None
    assert found.next_on > till.now().date()


# What is not ours


def other_shop(till: Till) -> dict[str, str]:
    """A payment and a subscription in the same account, without our marks; their objects."""
    till.give(WARNED)
    charge, intent = till.newest("charge"), till.newest("payment_intent")
    till.wait(5)
    till.control("refund", charge=charge["id"], amount=500)
    till.control("dispute", charge=charge["id"], outcome="lost")
    subscription = till.give_monthly()
    session = till.newest("checkout.session")
    for kind in ("checkout.session", "payment_intent", "subscription"):
        for one in till.all(kind):
            till.change(kind, one["id"], metadata={"donation": "number 7", "shop": "flowers"})
    return {
        "checkout.session.completed": session["id"],
        "invoice.paid": till.newest("invoice")["id"],
        "customer.subscription.updated": subscription["id"],
        "charge.updated": charge["id"],
        "refund.updated": till.newest("refund")["id"],
        "charge.dispute.updated": till.newest("dispute")["id"],
        "radar.early_fraud_warning.created": till.newest("radar.early_fraud_warning")["id"],
        "payment_intent.payment_failed": intent["id"],
    }


def test_another_shop_in_the_same_account_says_nothing_to_us(till: Till) -> None:
    objects_of_theirs = other_shop(till)
    for kind, object_id in objects_of_theirs.items():
        event = Event("evt_1", kind, object_id, False, till.now())
        assert till.gateway.look(event) == (), kind
    for event in till.events():
        assert till.gateway.look(event) == (), event.type
    for line in till.gateway.list_movements(datetime.fromtimestamp(0, UTC)):
        assert till.gateway.look_at_movement(line) == ()
    assert list(till.gateway.list_sessions(datetime.fromtimestamp(0, UTC))) == []


def test_charge_without_a_payment_intent_says_nothing(till: Till) -> None:
    till.give()
    charge_id = till.newest("charge")["id"]
    till.control("early-fraud-warning", charge=charge_id)
    till.change("charge", charge_id, payment_intent=None)
    warning = till.newest("radar.early_fraud_warning")
    del warning["payment_intent"]
    till.save(warning)
    (event,) = till.events("radar")
    assert till.gateway.look(event) == ()
    assert till.gateway.look_at_charge(charge_id) == ()


@pytest.mark.parametrize(
    "kind", ["balance.available", "payout.paid", "customer.created", "charge.new_word", ""]
)
def test_event_that_we_do_not_book_asks_nothing(till: Till, kind: str) -> None:
    assert till.gateway.look(Event("evt_1", kind, "obj_1", False, till.now())) == ()
    assert till.asked() == []


def test_intent_that_is_new_says_nothing(till: Till) -> None:
    intent = till.add(objects.payment_intent(1_000, "eur", 0))
    assert till.gateway.look_at_intent(intent["id"]) == ()
