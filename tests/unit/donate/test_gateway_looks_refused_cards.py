"""Each refused card is told with its gift, by every event that leads to it."""

from __future__ import annotations

from datetime import timedelta

from donate.facts import DeclineFacts, PaymentFacts, RecurringFacts
from donate.models import RecurringState, State
from tests.unit.donate.till import ASKS, DECLINED, PAYS, Till, recurring


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
