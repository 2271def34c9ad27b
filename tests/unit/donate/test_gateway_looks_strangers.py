"""What is not ours in the account at Stripe, or of no concern to us, leads to nothing."""

from __future__ import annotations

import pytest

from demo.stripe import objects
from donate.gateway import Event
from tests.unit.donate.till import ALWAYS, WARNED, Till


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
    for line in till.gateway.list_movements(ALWAYS):
        assert till.gateway.look_at_movement(line) == ()
    assert list(till.gateway.list_sessions(ALWAYS)) == []


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
