"""Monthly and yearly giving: each paid invoice is a gift, and each failing one is told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from donate import queries
from donate.models import RecurringState, State
from tests.unit.donate.desk import DEBIT_FAILS, DEBIT_PAYS, RENEWALS_ASK, RENEWALS_FAIL, Desk
from tests.unit.donate.till import DAY, MONTH

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
