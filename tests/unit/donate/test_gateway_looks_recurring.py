"""Every event of a recurring donation's life leads to the whole of it, over HTTP."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from donate.books.models import Kind
from donate.facts import PaymentFacts, RecurringFacts
from donate.models import RecurringState, State
from tests.unit.donate.till import (
    DAY,
    DEBIT_FAILS,
    DEBIT_PAYS,
    DONOR,
    MONTH,
    RENEWALS_FAIL,
    Till,
    assert_each_event_tells_all,
    charge_in,
    lines_in,
    payment,
    recurring,
    timeless,
)


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
        till.wait(MONTH)
    looks = [till.gateway.look_at_invoice(invoice["id"]) for invoice in till.all("invoice")]
    assert len({payment(facts).invoice_id for facts in looks}) == 12
    assert all(payment(facts).state is State.PAID for facts in looks)
    assert all(lines_in(facts) == [(Kind.GIFT, 2_500, 62)] for facts in looks)
    assert len({payment(facts).paid_at for facts in looks}) == 12
    found = recurring(till.gateway.look_at_subscription(subscription["id"]))
    assert found.next_on is not None
    assert found.next_on > till.now().date()
