"""What looks at Stripe tell of a recurring donation, recorded in any order and more than once."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.database import db
from donate.facts import Payer, PaymentFacts, RecurringFacts, Trouble
from donate.models import Donation, RecurringDonation, RecurringState, State
from donate.recording import record, record_all
from tests.unit.donate.desk import DONOR, NOW, Desk, in_parallel

PAYER = Payer("Canary Donor", DONOR, "PL")


def write(desk: Desk, *looked: RecurringFacts | PaymentFacts) -> None:
    with desk.app.app_context():
        for facts in looked:
            record(facts, datetime.now(UTC))
        db.session.commit()


def facts(desk: Desk, state: RecurringState, seconds: int = 0, **more: Any) -> RecurringFacts:
    """What a look would give so many seconds after the first."""
    row = desk.rows(RecurringDonation, RecurringDonation.created_at)[0]
    known: dict[str, Any] = {
        "recurring_id": row.id,
        "session_id": row.stripe_session_id,
        "subscription_id": row.stripe_subscription_id or "sub_1",
        "customer_id": "cus_1",
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "payer": PAYER,
    }
    return RecurringFacts(datetime.now(UTC) + timedelta(seconds=seconds), state, **known | more)


def paid_invoice(desk: Desk, invoice_id: str = "in_1", **more: Any) -> PaymentFacts:
    row = desk.rows(RecurringDonation, RecurringDonation.created_at)[0]
    known: dict[str, Any] = {
        "asked_at": datetime.now(UTC),
        "state": State.PAID,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "invoice_id": invoice_id,
        "recurring_id": row.id,
        "subscription_id": "sub_1",
        "payer": PAYER,
    }
    return PaymentFacts(**known | more)


def test_what_is_not_ours_is_left_alone(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.start(frequency="month")
    foreign: dict[str, Any] = {
        "recurring_id": uuid.uuid4(),
        "session_id": None,
        "subscription_id": "sub_foreign",
    }
    write(desk, facts(desk, RecurringState.ACTIVE, **foreign))
    write(desk, replace(paid_invoice(desk), recurring_id=None, subscription_id="sub_foreign"))
    assert desk.donations() == []
    assert desk.recurring().state == RecurringState.OPEN
    assert "no recurring donation of ours" in caplog.text


def test_invoice_recorded_by_many_at_once_is_one_gift(desk: Desk) -> None:
    desk.start(frequency="month")
    active, paid = facts(desk, RecurringState.ACTIVE), paid_invoice(desk)

    def take(looked: list[Any]) -> None:
        with desk.app.app_context():
            record_all(looked, NOW)
            db.session.commit()

    orders = [[active, paid], [paid, active], [paid], [active]] * 2
    in_parallel(*[lambda looked=looked: take(looked) for looked in orders])
    assert desk.recurring().state == RecurringState.ACTIVE
    desk.assert_books(1, 2_500)


def test_newest_look_counts_and_the_end_is_final(desk: Desk) -> None:
    desk.start(frequency="month")
    states = [
        (3, RecurringState.AT_RISK),
        (1, RecurringState.ACTIVE),
        (2, RecurringState.PAUSED),
    ]
    for order in itertools.permutations(states):
        for seconds, state in order:
            write(desk, facts(desk, state, seconds * 100))
    assert desk.recurring().state == RecurringState.AT_RISK
    write(desk, facts(desk, RecurringState.ENDED, 50))
    write(desk, facts(desk, RecurringState.ACTIVE, 900))
    assert desk.recurring().state == RecurringState.ENDED


def test_what_is_mended_before_the_worker_comes_goes_on(desk: Desk) -> None:
    desk.start(frequency="month")
    write(desk, facts(desk, RecurringState.ACTIVE))
    write(desk, facts(desk, RecurringState.AT_RISK, 1, ended_unpaid=True))
    assert desk.recurring().end_reason == "unpaid"
    write(desk, facts(desk, RecurringState.ACTIVE, 2))
    assert desk.recurring().end_reason == ""


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3, 4))))
def test_never_a_fourth_mail_about_one_renewal_in_whatever_order_we_look(
    desk: Desk, order: tuple[int, ...]
) -> None:
    desk.start(frequency="month")
    for attempts in (*order, *order):
        trouble = Trouble("in_2", False, attempts, "https://invoice.stripe.com/i")
        write(desk, facts(desk, RecurringState.AT_RISK, attempts, trouble=trouble))
    numbers = [params["n"] for _, _, params in desk.mails()]
    assert len(numbers) == len(set(numbers)) <= 3
    assert numbers[-1:] == ["3"] or "3" in numbers


def test_no_mail_leads_to_an_invoice_that_is_not_at_stripe(desk: Desk) -> None:
    desk.start(frequency="month")
    trouble = Trouble("in_2", False, 1, "https://invoice.stripe.com.example/i")
    write(desk, facts(desk, RecurringState.AT_RISK, 1, trouble=trouble))
    assert desk.recurring().state == RecurringState.AT_RISK
    assert desk.mails() == []


def test_another_renewal_in_trouble_is_told_anew(desk: Desk) -> None:
    desk.start(frequency="month")
    for number in (1, 2):
        trouble = Trouble(f"in_{number}", False, 1, "https://invoice.stripe.com/i")
        write(desk, facts(desk, RecurringState.AT_RISK, number, trouble=trouble))
    assert [params["n"] for _, _, params in desk.mails()] == ["1", "1"]


def test_invoice_that_was_voided_while_its_debit_was_under_way_has_failed(desk: Desk) -> None:
    desk.start(frequency="month")
    write(desk, paid_invoice(desk, state=State.PENDING))
    write(desk, paid_invoice(desk, state=State.EXPIRED))
    assert desk.donation().state == State.FAILED


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_wish_that_is_begun_twice_is_two_recurring_donations(
    desk: Desk, order: tuple[int, ...]
) -> None:
    desk.start(frequency="month", fund="families")
    other: dict[str, Any] = {"session_id": "cs_test_other", "subscription_id": "sub_2"}
    looked: list[RecurringFacts | PaymentFacts] = [
        facts(desk, RecurringState.ACTIVE, subscription_id="sub_1"),
        facts(desk, RecurringState.ACTIVE, **other),
        paid_invoice(desk, "in_1"),
        paid_invoice(desk, "in_2", subscription_id="sub_2"),
    ]
    for place in (*order, *order):
        write(desk, looked[place])
    rows = desk.rows(RecurringDonation, RecurringDonation.stripe_subscription_id)
    assert [row.stripe_subscription_id for row in rows] == ["sub_1", "sub_2"]
    assert {(row.state, row.fund) for row in rows} == {(RecurringState.ACTIVE, "families")}
    by_invoice = {gift.stripe_invoice_id: gift.recurring_id for gift in desk.rows(Donation)}
    assert by_invoice == {"in_1": rows[0].id, "in_2": rows[1].id}
    desk.assert_books(2, 5_000)
