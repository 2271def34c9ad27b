"""The job: sessions on which cards are tried out end at Stripe, and staff hear of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from config.database import db
from donate.guard import worker
from donate.models import Donation, Review, State
from tests.support.moments import NOW
from tests.unit.donate.desk import DECLINED, PAYS, Desk
from tests.unit.donate.guard.builders import create_declines

SECOND = timedelta(seconds=1)


def status_at_stripe(desk: Desk, session_id: str) -> str:
    session = desk.stand_in.account.ledger.get("checkout.session", session_id)
    return str(session["status"])


def watch(desk: Desk) -> None:
    with desk.app.app_context():
        worker.watch(NOW)


def refuse(desk: Desk, count: int) -> None:
    """So many cards refused on the only session, of which no webhook tells."""
    with desk.app.app_context():
        create_declines(count, NOW, db.session.scalar(select(Donation.id)))
        db.session.commit()


def test_a_session_with_five_refused_cards_ends(desk: Desk) -> None:
    session_id = desk.start()
    refuse(desk, 4)
    watch(desk)
    assert status_at_stripe(desk, session_id) == "open"
    refuse(desk, 1)
    watch(desk)
    assert status_at_stripe(desk, session_id) == "expired"
    assert desk.donation().state == State.EXPIRED


def test_it_is_ended_once(desk: Desk) -> None:
    session_id = desk.start()
    refuse(desk, 5)
    watch(desk)
    watch(desk)
    assert len(desk.requests("POST", f"/v1/checkout/sessions/{session_id}/expire")) == 1


def test_what_stripe_does_not_answer_now_is_ended_later(desk: Desk) -> None:
    session_id = desk.start()
    refuse(desk, 5)
    with desk.trouble("500"):
        watch(desk)
    assert status_at_stripe(desk, session_id) == "open"
    watch(desk)
    assert status_at_stripe(desk, session_id) == "expired"


def test_a_session_that_was_paid_meanwhile_is_paid_and_held(desk: Desk) -> None:
    session_id = desk.start()
    refuse(desk, 5)
    desk.pay(session_id, PAYS)
    watch(desk)
    donation = desk.donation()
    assert (donation.state, donation.review) == (State.PAID, Review.HELD)
    assert desk.mails() == []


def test_staff_get_one_mail(desk: Desk) -> None:
    with desk.app.app_context():
        create_declines(12, NOW)
        db.session.commit()
    watch(desk)
    watch(desk)
    ((mail, to, params),) = desk.mails()
    assert (mail.kind, to) == ("giving-alert", "contact@example.org")
    assert params == {"what": "guard-odd", "n": "12", "path": "/staff/giving"}


def test_calm_days_bring_no_mail_and_no_request(desk: Desk) -> None:
    desk.start()
    before = len(desk.requests("GET"))
    watch(desk)
    assert desk.mails() == []
    assert len(desk.requests("GET")) == before


@pytest.mark.parametrize("times", [1, 3])
def test_the_webhook_ends_a_session_at_once(desk: Desk, times: int) -> None:
    session_id = desk.start()
    for _ in range(20):
        desk.pay(session_id, DECLINED)
        for event in desk.events("payment_intent.payment_failed"):
            for _ in range(times):
                assert desk.tell(event).status_code == 200
    assert len(desk.events("payment_intent.payment_failed")) == 5
    assert status_at_stripe(desk, session_id) == "expired"
