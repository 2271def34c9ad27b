"""Refused cards: each counted once, and what follows."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from config.database import db
from donate.facts import ChargeFacts, DeclineFacts, PaymentFacts
from donate.guard.declines import drop_old, is_suspicious, record_decline
from donate.guard.levels import Level
from donate.guard.models import Decline, SpentProof
from donate.guard.queries import pulse_now, sessions_to_end
from donate.models import State
from tests.support.moments import NOW
from tests.unit.donate.guard.builders import create_declines, create_donation, create_recurring

pytestmark = pytest.mark.usefixtures("app")

MINUTE = timedelta(minutes=1)


def decline(
    gift_id: uuid.UUID | None,
    at: datetime = NOW,
    attempt: str = "",
    session_id: str | None = "cs_test_1",
) -> bool:
    attempt = attempt or f"ch_{uuid.uuid4().hex}"
    return record_decline(DeclineFacts(attempt, session_id, gift_id, at), NOW)


def count(table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def paid(**given: object) -> PaymentFacts:
    facts = {"asked_at": NOW, "state": State.PAID, "amount_minor": 2_500, "currency": "EUR"}
    return PaymentFacts(**{**facts, **given})


def test_the_fifth_refused_card_of_a_session_is_too_many() -> None:
    gift = create_donation(NOW)
    assert [decline(gift.id) for _ in range(6)] == [False] * 4 + [True] * 2
    assert not decline(create_donation(NOW).id)


def test_copies_of_one_refusal_count_once() -> None:
    gift = create_donation(NOW)
    assert not any(decline(gift.id, attempt="ch_one") for _ in range(20))
    assert count(Decline) == 1


def test_less_is_suffered_while_it_is_odd() -> None:
    create_declines(12, NOW)
    gift = create_donation(NOW)
    assert [decline(gift.id) for _ in range(3)] == [False, False, True]


def test_no_open_session_no_end() -> None:
    gift = create_donation(NOW)
    assert not any(decline(gift.id, session_id=None) for _ in range(6))
    assert count(Decline) == 6


def test_renewals_do_not_count() -> None:
    standing = create_recurring(NOW, state="active")
    beginning = create_recurring(NOW)
    for _ in range(6):
        decline(standing.id)
    assert count(Decline) == 0
    assert [decline(beginning.id) for _ in range(5)] == [False] * 4 + [True]


def test_what_leads_to_no_gift_counts_in_the_rate_alone() -> None:
    assert not any(decline(None) for _ in range(12))
    assert pulse_now(NOW).level is Level.ODD
    assert sessions_to_end(3, NOW) == []


def test_forty_refused_cards_close_giving() -> None:
    for _ in range(40):
        decline(create_donation(NOW).id)
    assert pulse_now(NOW).level is Level.CLOSED


def test_forty_among_many_paid_gifts_do_not() -> None:
    for _ in range(10):
        create_donation(NOW, state="paid", paid_at=NOW)
    for _ in range(60):
        decline(create_donation(NOW).id)
    assert pulse_now(NOW).level is Level.ODD


def test_old_refusals_that_come_late_close_nothing() -> None:
    for _ in range(60):
        decline(create_donation(NOW).id, at=NOW - timedelta(hours=3))
    assert pulse_now(NOW).level is Level.CALM


def test_sessions_to_end_are_open_and_known() -> None:
    used = create_donation(NOW, stripe_session_id="cs_used")
    monthly = create_recurring(NOW, stripe_session_id="cs_monthly")
    for gift in (
        used,
        monthly,
        create_donation(NOW, stripe_session_id="cs_paid", state="paid", paid_at=NOW),
        create_donation(NOW, state="created"),
    ):
        create_declines(5, NOW, gift.id)
    create_declines(4, NOW, create_donation(NOW, stripe_session_id="cs_four").id)
    create_declines(
        9, NOW - timedelta(hours=2), create_donation(NOW, stripe_session_id="cs_old").id
    )
    assert sorted(sessions_to_end(5, NOW)) == ["cs_monthly", "cs_used"]


def test_a_gift_after_several_refused_cards_is_suspicious() -> None:
    gift = create_donation(NOW)
    create_declines(2, NOW, gift.id)
    assert not is_suspicious(gift.id, paid(), NOW)
    create_declines(1, NOW, gift.id)
    assert is_suspicious(gift.id, paid(), NOW)


def test_so_is_the_first_of_a_recurring_donation_but_not_its_renewal() -> None:
    monthly = create_recurring(NOW)
    create_declines(3, NOW, monthly.id)
    first = paid(recurring_id=monthly.id)
    assert is_suspicious(uuid.uuid4(), first, NOW)
    assert not is_suspicious(uuid.uuid4(), first, NOW + timedelta(days=30))


def test_what_stripe_warns_of_is_suspicious(app: Flask) -> None:
    gift = create_donation(NOW)
    for said in (True, False):
        charge = ChargeFacts(id="ch_1", card_country="PL", is_suspicious=said)
        assert is_suspicious(gift.id, paid(charge=charge), NOW) is said


@pytest.mark.parametrize(("amount", "is_held"), [(200, True), (400, True), (401, False)])
def test_small_gifts_begun_while_cards_are_tried_are_suspicious(amount: int, is_held: bool) -> None:
    create_declines(12, NOW - 5 * MINUTE)
    gift = create_donation(NOW - MINUTE)
    earlier = create_donation(NOW - 6 * MINUTE)
    facts = paid(amount_minor=amount)
    assert is_suspicious(gift.id, facts, NOW) is is_held
    assert not is_suspicious(earlier.id, facts, NOW)


def test_many_gifts_alone_make_none_suspicious() -> None:
    gifts = [create_donation(NOW) for _ in range(130)]
    assert pulse_now(NOW).level is Level.ODD
    assert not is_suspicious(gifts[-1].id, paid(amount_minor=200), NOW)


def test_small_renewals_of_what_began_in_an_odd_time_are_not() -> None:
    create_declines(12, NOW - MINUTE)
    monthly = create_recurring(NOW)
    facts = paid(amount_minor=200, recurring_id=monthly.id)
    assert is_suspicious(uuid.uuid4(), facts, NOW)
    assert not is_suspicious(uuid.uuid4(), facts, NOW + timedelta(days=30))


def test_old_rows_are_dropped() -> None:
    create_declines(1, NOW)
    create_declines(1, NOW - timedelta(days=31))
    for hash_, expires_at in ((b"a", NOW), (b"b", NOW + MINUTE)):
        db.session.add(SpentProof(hash=hash_, expires_at=expires_at))
    db.session.flush()
    drop_old(NOW)
    assert (count(Decline), count(SpentProof)) == (1, 1)
