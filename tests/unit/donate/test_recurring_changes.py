"""How a recurring donation changes, pauses and ends, and that each of it is told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.database import db
from donate import recurring
from donate.gateway import GatewayRefused, gateway
from donate.models import RecurringDonation, RecurringState
from donate.recording import record_all
from tests.unit.donate.desk import FROM_BELARUS, NOW, Desk
from tests.unit.donate.till import MONTH


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


def end(desk: Desk, how: Any) -> bool:
    with desk.app.app_context():
        noted: bool = how(db.session.scalars(db.select(RecurringDonation)).one(), NOW)
        db.session.commit()
        return noted


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
