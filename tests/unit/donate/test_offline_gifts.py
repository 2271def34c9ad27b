"""Transfers and cash as staff enter them: booked once, counted as what they are, thanked for."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest

from config.database import db
from contacts import tally
from donate.books.models import RefundState
from donate.books.services import RefundTooLarge, request_refund
from donate.models import Donation, Method, State
from donate.services import AlreadyRecorded, OfflineGift, record_offline
from tests.unit.donate.desk import DONOR, NOW, Desk, in_parallel

ARRIVED = NOW.date() - timedelta(days=3)
REFERENCE = "RF18539007547034"


def gift(**given: Any) -> OfflineGift:
    known: dict[str, Any] = {
        "method": Method.TRANSFER,
        "amount_minor": 5_000,
        "currency": "EUR",
        "fund": "families",
        "day": ARRIVED,
    }
    return OfflineGift(**known | given)


def enter(desk: Desk, given: OfflineGift) -> uuid.UUID:
    with desk.app.app_context():
        donation_id = record_offline(given, NOW).id
        db.session.commit()
        return donation_id


def announce(desk: Desk, **given: Any) -> uuid.UUID:
    """A transfer that somebody is about to make."""
    known: dict[str, Any] = {
        "method": Method.TRANSFER,
        "state": State.CREATED,
        "amount_minor": 3_000,
        "currency": "EUR",
        "fund": "publicity",
        "campaign": "stolen-childhood",
        "language": "uk",
        "reference": REFERENCE,
        "day": ARRIVED - timedelta(days=4),
        "created_at": NOW - timedelta(days=7),
    }
    with desk.app.app_context():
        donation = Donation(**known | given)
        db.session.add(donation)
        db.session.commit()
        return donation.id


def test_cash_is_booked_without_stripe_and_without_a_name(desk: Desk) -> None:
    donation_id = enter(desk, gift(method=Method.CASH))
    donation = desk.donation()
    assert (donation.id, donation.state, donation.method) == (donation_id, "paid", "cash")
    assert (donation.sealed, donation.contact_id) == (None, None)
    assert (donation.day, donation.paid_at and donation.paid_at.date()) == (ARRIVED, ARRIVED)
    assert desk.lines() == [("gift", 5_000, 0)]
    assert desk.mails() == []
    assert desk.sums() == {
        "donation.count": 1,
        "donation.amount": 5_000,
        "donation.offline": 5_000,
        "books.gross": 5_000,
    }
    with desk.app.app_context():
        assert tally.by_day("donation.amount.EUR") == {ARRIVED.isoformat(): 5_000}
        assert tally.totals("raised.EUR") == {"families": 5_000}
    assert desk.requests("POST", "/v1/") == []


def test_giver_with_an_address_is_sealed_and_thanked_without_a_statement(desk: Desk) -> None:
    enter(desk, gift(name="Canary Donor", email=DONOR, language="be"))
    donation, (contact,) = desk.donation(), desk.contacts()
    assert donation.contact_id == contact.id
    with desk.app.app_context():
        opened = desk.opener.open("donation", donation.id, donation.sealed or b"")
    assert (opened["name"], opened["email"]) == ("Canary Donor", DONOR)
    told = desk.letter("thank-you")
    assert told["amount"] == "50,00\u00a0€"
    assert "statement_name" not in told


def test_name_alone_is_sealed_and_makes_no_contact(desk: Desk) -> None:
    enter(desk, gift(name="Canary Donor"))
    assert desk.donation().sealed
    assert (desk.contacts(), desk.mails()) == ([], [])


def test_announced_transfer_becomes_paid_with_what_really_came(desk: Desk) -> None:
    announced = announce(desk)
    assert enter(desk, gift(reference=REFERENCE, email=DONOR)) == announced
    donation = desk.donation()
    assert (donation.state, donation.amount_minor, donation.day) == ("paid", 5_000, ARRIVED)
    assert (donation.fund, donation.campaign) == ("publicity", "stolen-childhood")
    assert {mail.language for mail, *_ in desk.mails()} == {"uk"}
    with desk.app.app_context():
        assert tally.totals("raised.EUR") == {
            "publicity": 5_000,
            "stolen-childhood/publicity": 5_000,
        }


def test_reference_is_spent_once(desk: Desk) -> None:
    announced = announce(desk)
    enter(desk, gift(reference=REFERENCE))
    with pytest.raises(AlreadyRecorded) as refusal:
        enter(desk, gift(reference=REFERENCE))
    assert refusal.value.donation_id == announced
    assert desk.total("donation.amount.EUR") == 5_000


def test_unknown_reference_is_kept(desk: Desk) -> None:
    enter(desk, gift(reference="INVOICE 7"))
    assert desk.donation().reference == "INVOICE 7"
    with pytest.raises(AlreadyRecorded):
        enter(desk, gift(reference="INVOICE 7"))


@pytest.mark.parametrize("reference", ["", REFERENCE])
def test_form_that_is_sent_twice_is_one_gift(desk: Desk, reference: str) -> None:
    if reference:
        announce(desk)
    one = gift(gift_id=uuid.uuid4(), reference=reference, email=DONOR)

    def send() -> bool:
        try:
            return bool(enter(desk, one))
        except AlreadyRecorded:
            return False

    assert sorted(in_parallel(*[send] * 5)) == [False] * 4 + [True]
    assert len(desk.donations()) == 1
    assert desk.lines() == [("gift", 5_000, 0)]
    desk.assert_books(1, 5_000)


def test_two_equal_gifts_of_cash_are_two(desk: Desk) -> None:
    for _ in range(2):
        enter(desk, gift(method=Method.CASH, gift_id=uuid.uuid4()))
    assert len(desk.donations()) == 2
    assert desk.total("donation.offline.EUR") == 10_000


def test_what_was_entered_by_mistake_is_taken_out_by_hand_at_once(desk: Desk) -> None:
    enter(desk, gift(email=DONOR))
    with desk.app.app_context():
        donation = db.session.scalars(db.select(Donation)).one()
        refund = request_refund(donation, 5_000, "entered-by-mistake", None, NOW)
        assert refund.state == RefundState.SUCCEEDED
        db.session.commit()
        with pytest.raises(RefundTooLarge):
            request_refund(donation, 1, "other", None, NOW)
    assert desk.lines() == [("gift", 5_000, 0), ("refund", -5_000, 0)]
    assert desk.total("raised.EUR") == 0
    assert desk.total("donation.refunded.EUR") == desk.total("books.refunded.EUR") == 5_000
    desk.work()
    assert desk.kinds() == ["thank-you"]
    assert desk.requests("POST", "/v1/") == []


def test_gift_that_arrived_today_is_paid_now(desk: Desk) -> None:
    enter(desk, gift(day=NOW.date()))
    assert desk.donation().paid_at == NOW
    assert desk.donation().day == date.fromisoformat(NOW.date().isoformat())
