"""Monthly and yearly giving: each paid invoice is a gift, and every turn is told once."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.database import db
from donate import queries, recurring
from donate.facts import Payer, PaymentFacts, RecurringFacts, Trouble
from donate.gateway import GatewayRefused, gateway
from donate.models import Donation, RecurringDonation, RecurringState, State
from donate.recording import record, record_all
from tests.unit.donate.desk import (
    DEBIT_FAILS,
    DEBIT_PAYS,
    DONOR,
    FROM_BELARUS,
    NOW,
    RENEWALS_ASK,
    RENEWALS_FAIL,
    Desk,
    in_parallel,
)

DAY = 86_400
MONTH = 31 * DAY
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


# The first gift


@pytest.mark.parametrize("backwards", [False, True])
def test_first_payment_begins_it_and_is_a_gift_under_it(desk: Desk, *, backwards: bool) -> None:
    session_id = desk.start("be", frequency="month", amount="12.50", fund="publicity")
    assert desk.donations() == []
    assert desk.recurring().state == RecurringState.OPEN
    desk.pay(session_id)
    desk.tell_all(backwards=backwards)
    row, gift = desk.recurring(), desk.donation()
    assert (row.state, row.stripe_session_id) == (RecurringState.ACTIVE, session_id)
    assert row.started_at
    assert row.next_on
    assert row.stripe_customer_id
    assert row.sealed
    assert (gift.recurring_id, gift.state, gift.frequency) == (row.id, State.PAID, "month")
    assert (gift.fund, gift.language, gift.stripe_session_id) == ("publicity", "be", None)
    assert gift.contact_id == row.contact_id == desk.contacts()[0].id
    assert desk.kinds() == ["thank-you"]
    assert desk.letter("thank-you")["frequency"] == "month"
    desk.assert_books(1, 1_250)


def test_who_comes_back_sees_what_became_of_the_first_payment(desk: Desk) -> None:
    session_id = desk.start(frequency="year")
    assert state_seen(desk, session_id) == State.OPEN
    desk.pay(session_id)
    assert "state=paid" in desk.come_back(session_id).text
    with desk.app.app_context():
        seen = queries.find_checkout(session_id)
    assert seen is not None
    assert (seen.is_recurring, seen.frequency, seen.amount_minor) == (True, "year", 2_500)
    assert seen.next_on == desk.recurring().next_on


def state_seen(desk: Desk, session_id: str) -> str:
    with desk.app.app_context():
        seen = queries.find_checkout(session_id)
        assert seen is not None
        return seen.state


def test_bank_debit_begins_it_pending(desk: Desk) -> None:
    session_id = desk.start(frequency="month")
    desk.debit(session_id, DEBIT_PAYS)
    desk.tell_all()
    assert state_seen(desk, session_id) == State.PENDING
    assert desk.kinds() == ["gift-pending"]
    assert desk.recurring().contact_id
    desk.let_pass(60)
    desk.tell_all()
    assert state_seen(desk, session_id) == State.PAID
    assert desk.kinds() == ["gift-pending", "thank-you"]
    desk.assert_books(1, 2_500)


def test_first_bank_debit_that_fails_is_told_once_with_a_way_to_mend_it(desk: Desk) -> None:
    session_id = desk.start(frequency="month")
    desk.debit(session_id, DEBIT_FAILS)
    desk.tell_all()
    desk.let_pass(60)
    desk.tell_all()
    assert state_seen(desk, session_id) == State.FAILED
    assert desk.kinds() == ["gift-pending", "renewal-failed"]
    desk.assert_books(0, 0)


def test_page_of_a_monthly_gift_that_is_left_open_expires(desk: Desk) -> None:
    session_id = desk.start(frequency="month", dedication="Ales")
    desk.control("expire", session=session_id)
    desk.tell_all()
    assert desk.recurring().state == RecurringState.EXPIRED
    assert desk.recurring().dedication_note is None
    assert "state=expired" in desk.come_back(session_id).text


def test_wish_for_news_and_dedication_go_with_the_first_gift_alone(desk: Desk) -> None:
    desk.begun(newsletter="y", dedication="Ales")
    desk.let_pass(MONTH)
    desk.tell_all()
    assert len(desk.consents()) == 1
    sent = desk.mails()
    lines = [params.get("dedication") for mail, _, params in sent if mail.kind == "thank-you"]
    assert sorted(lines, key=str) == ["In honour of Ales", None]
    assert [to for mail, to, _ in sent if mail.kind == "confirm-newsletter"] == [sent[0][1]]
    row = desk.recurring()
    with desk.app.app_context():
        opened = desk.opener.open("recurring_donation.dedication", row.id, row.dedication or b"")
    assert opened["name"] == "Ales"


def test_what_is_not_ours_is_left_alone(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.start(frequency="month")
    foreign = {"recurring_id": uuid.uuid4(), "session_id": None, "subscription_id": "sub_foreign"}
    write(desk, facts(desk, RecurringState.ACTIVE, **foreign))
    write(desk, replace(paid_invoice(desk), recurring_id=None, subscription_id="sub_foreign"))
    assert desk.donations() == []
    assert desk.recurring().state == RecurringState.OPEN
    assert "no recurring donation of ours" in caplog.text


# Renewals


def test_each_paid_invoice_is_one_gift(desk: Desk) -> None:
    desk.begun()
    desk.let_pass(4 * MONTH)
    desk.tell_all(backwards=True)
    gifts = desk.donations()
    assert len(gifts) == len({gift.stripe_invoice_id for gift in gifts}) == 5
    assert len({gift.day for gift in gifts}) == 5
    assert desk.lines() == [("gift", 2_500, 62)] * 5
    assert len(desk.contacts()) == 1
    desk.assert_books(5, 5 * 2_500)


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


def test_failing_renewal_is_told_three_times_at_most_and_then_it_ends(desk: Desk) -> None:
    desk.begun(RENEWALS_FAIL)
    desk.let_pass(MONTH)
    desk.tell_all()
    assert desk.recurring().state == RecurringState.AT_RISK
    told = desk.letter("renewal-failed")
    assert (told["n"], told["amount"]) == ("1", "€25.00")
    assert told["link"].startswith(desk.stand_in.url)
    for days in (3, 5, 7):
        desk.let_pass(days * DAY + 60)
        desk.tell_all()
        desk.tell_all()
    row = desk.recurring()
    assert (row.state, row.end_reason) == (RecurringState.ENDED, "unpaid")
    assert desk.kinds() == ["recurring-ended"] + ["renewal-failed"] * 3 + ["thank-you"]
    numbers = [params["n"] for mail, _, params in desk.mails() if mail.kind == "renewal-failed"]
    assert sorted(numbers) == ["1", "2", "3"]
    assert desk.letter("recurring-ended")["reason"] == "unpaid"
    desk.assert_books(1, 2_500)


@pytest.mark.parametrize("setting", ["unpaid", "past_due"])
def test_what_stripe_gives_up_but_does_not_end_is_ended_by_the_worker(
    desk: Desk, setting: str
) -> None:
    desk.control("settings", after_retries=setting)
    desk.begun(RENEWALS_FAIL)
    desk.let_pass(MONTH + 16 * DAY)
    desk.tell_all()
    assert desk.recurring().state == RecurringState.AT_RISK
    desk.work()
    row = desk.recurring()
    assert (row.state, row.end_reason) == (RecurringState.ENDED, "unpaid")
    assert desk.at_stripes("subscription")["status"] == "canceled"
    assert desk.letter("recurring-ended")["reason"] == "unpaid"


def test_what_is_mended_before_the_worker_comes_goes_on(desk: Desk) -> None:
    desk.start(frequency="month")
    write(desk, facts(desk, RecurringState.ACTIVE))
    write(desk, facts(desk, RecurringState.AT_RISK, 1, ended_unpaid=True))
    assert desk.recurring().end_reason == "unpaid"
    write(desk, facts(desk, RecurringState.ACTIVE, 2))
    assert desk.recurring().end_reason == ""


def test_renewal_that_is_paid_at_the_second_attempt_is_a_gift_like_any(desk: Desk) -> None:
    desk.begun(RENEWALS_FAIL)
    desk.let_pass(MONTH)
    desk.tell_all()
    desk.control("retry", invoice=desk.at_stripes("invoice")["id"], outcome="pays")
    desk.let_pass()
    desk.tell_all()
    row = desk.recurring()
    assert (row.state, row.trouble_invoice_id, row.end_reason) == (RecurringState.ACTIVE, None, "")
    assert desk.kinds() == ["renewal-failed", "thank-you", "thank-you"]
    desk.assert_books(2, 5_000)


def test_renewal_that_waits_for_the_donors_bank_says_so(desk: Desk) -> None:
    session_id = desk.start("uk", frequency="month")
    desk.pay(session_id, RENEWALS_ASK)
    desk.at_stripe(f"/c/pay/{session_id}/authenticate", {"answer": "complete"})
    desk.let_pass(MONTH)
    desk.tell_all()
    told = desk.letter("renewal-action")
    due_on = datetime.fromtimestamp(desk.at_stripes("invoice")["created"], UTC)
    assert f"{due_on.day} " in told["day"]
    assert str(due_on.year) in told["day"]


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


def test_another_renewal_in_trouble_is_told_anew(desk: Desk) -> None:
    desk.start(frequency="month")
    for number in (1, 2):
        trouble = Trouble(f"in_{number}", False, 1, "https://invoice.stripe.com/i")
        write(desk, facts(desk, RecurringState.AT_RISK, number, trouble=trouble))
    assert [params["n"] for _, _, params in desk.mails()] == ["1", "1"]


# Changes and ends


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


def test_amount_pause_and_its_end_are_told_once_each(desk: Desk) -> None:
    desk.begun(cover_fee="y")
    row = desk.recurring()
    assert row.fee_cover_minor
    with desk.app.app_context():
        gateway().change_amount(row.stripe_subscription_id or "", 4_000, "EUR", "month")
    desk.tell_all()
    with desk.app.app_context():
        gateway().pause(row.stripe_subscription_id or "")
    desk.tell_all()
    assert desk.recurring().state == RecurringState.PAUSED
    with desk.app.app_context():
        gateway().resume(row.stripe_subscription_id or "")
        record_all(gateway().look_at_subscription(row.stripe_subscription_id or ""), NOW)
        db.session.commit()
    desk.tell_all()
    row = desk.recurring()
    assert (row.state, row.amount_minor, row.fee_cover_minor) == (RecurringState.ACTIVE, 4_000, 0)
    changes = [params["what"] for mail, _, params in desk.mails() if "what" in params]
    assert sorted(changes) == ["amount", "paused", "resumed"]


def test_gift_after_the_amount_was_changed_is_what_was_paid(desk: Desk) -> None:
    desk.begun(cover_fee="y", amount="10")
    subscription_id = desk.recurring().stripe_subscription_id or ""
    with desk.app.app_context():
        gateway().change_amount(subscription_id, 4_000, "EUR", "month")
    desk.tell_all()
    desk.let_pass(MONTH)
    desk.tell_all()
    first, second = sorted(gift.amount_minor for gift in desk.donations())
    assert 1_000 < first < 1_200
    assert second == 4_000


def test_donors_end_is_final_at_stripe_and_told(desk: Desk) -> None:
    desk.begun()
    end(desk, recurring.end_by_donor)
    desk.work()
    row = desk.recurring()
    assert (row.state, row.end_reason, row.next_on) == (RecurringState.ENDED, "donor", None)
    assert row.ended_at
    assert desk.at_stripes("subscription")["status"] == "canceled"
    assert desk.letter("recurring-ended")["reason"] == "donor"
    assert end(desk, recurring.end_by_staff) is False
    desk.work()
    assert desk.kinds() == ["recurring-ended", "thank-you"]


def end(desk: Desk, how: Any) -> bool:
    with desk.app.app_context():
        noted: bool = how(db.session.scalars(db.select(RecurringDonation)).one(), NOW)
        db.session.commit()
        return noted


def test_staffs_end_says_so(desk: Desk) -> None:
    desk.begun()
    assert end(desk, recurring.end_by_staff)
    assert not end(desk, recurring.end_by_donor)
    desk.work()
    assert desk.letter("recurring-ended")["reason"] == "staff"


def test_end_waits_while_stripe_is_away(desk: Desk) -> None:
    desk.begun()
    end(desk, recurring.end_by_donor)
    with desk.trouble("500"):
        desk.work()
    assert desk.recurring().state == RecurringState.ACTIVE
    desk.work(datetime.now(UTC) + timedelta(minutes=5))
    assert desk.recurring().state == RecurringState.ENDED


def test_recurring_gift_by_a_refused_card_goes_back_and_ends(desk: Desk) -> None:
    desk.begun(FROM_BELARUS, newsletter="y", dedication="Ales")
    desk.work()
    row = desk.recurring()
    assert (row.dedication, row.dedication_note) == (None, None)
    assert (row.state, row.end_reason) == (RecurringState.ENDED, "refused-card")
    assert (row.sealed, row.contact_id) == (None, None)
    assert [refund.reason for refund in desk.refunds()] == ["refused-card"]
    assert desk.kinds() == ["gift-refused-card", "recurring-ended"]
    assert (desk.contacts(), desk.consents()) == ([], [])
    assert desk.total("raised.EUR") == 0
    desk.let_pass(2 * MONTH)
    desk.tell_all()
    assert len(desk.donations()) == 1


def test_end_that_is_the_first_thing_we_hear_is_told_like_any(desk: Desk) -> None:
    session_id = desk.start(frequency="month")
    desk.pay(session_id)
    with desk.app.app_context():
        gateway().cancel(desk.at_stripes("subscription")["id"])
    desk.tell_all(backwards=True)
    row = desk.recurring()
    assert (row.state, row.end_reason) == (RecurringState.ENDED, "donor")
    assert row.started_at
    assert row.ended_at
    assert desk.kinds() == ["recurring-ended", "thank-you"]


# Begun twice


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_wish_that_is_begun_twice_is_two_recurring_donations(
    desk: Desk, order: tuple[int, ...]
) -> None:
    desk.start(frequency="month", fund="families")
    other = {"session_id": "cs_test_other", "subscription_id": "sub_2"}
    looked = [
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


def test_invoice_that_was_voided_while_its_debit_was_under_way_has_failed(desk: Desk) -> None:
    desk.start(frequency="month")
    write(desk, paid_invoice(desk, state=State.PENDING))
    write(desk, paid_invoice(desk, state=State.EXPIRED))
    assert desk.donation().state == State.FAILED


def test_end_that_stripe_refuses_is_not_asked_for_without_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.begun()
    end(desk, recurring.end_by_donor)
    asked: list[str] = []

    def refuse(subscription_id: str) -> None:
        asked.append(subscription_id)
        raise GatewayRefused("parameter_unknown")

    with monkeypatch.context() as patch:
        patch.setattr(desk.app.extensions["gateway"], "cancel", refuse)
        desk.work()
        desk.work()
    assert len(asked) == 1
    desk.work(datetime.now(UTC) + timedelta(minutes=2))
    assert desk.recurring().state == RecurringState.ENDED
