"""Ledger lines, refunds and disputes: the same books in whatever order Stripe is asked."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from config.database import db
from contacts import tally
from donate.books import services
from donate.books.models import Kind, RefundState
from donate.books.services import RefundBlocked, RefundTooLarge, request_refund
from donate.facts import ChargeFacts, DisputeFacts, Movement, RefundFacts
from donate.models import Donation
from tests.unit.donate.desk import DEBIT_FAILS, DEBIT_PAYS, NOW, REFUND_FAILS, Desk, in_parallel

DAY = NOW.date()
FEE = 62  # the stand-in's, of 25 euros by card
PAID = {"donation.count": 1, "donation.amount": 2_500, "books.gross": 2_500, "books.fee": FEE}


def line(number: int, kind: Kind, gross: int, fee: int = 0) -> Movement:
    return Movement(f"txn_test_{number}", kind, f"source_{number}", gross, fee, "EUR", DAY)


def refund(number: int, amount: int, state: RefundState = RefundState.SUCCEEDED) -> RefundFacts:
    return RefundFacts(f"re_test_{number}", None, amount, "EUR", state, DAY)


def dispute(status: str, number: int = 1, amount: int = 2_500) -> DisputeFacts:
    is_open = status in {"needs_response", "under_review"}
    return DisputeFacts(f"dp_{number}", amount, "EUR", "fraudulent", status, is_open, DAY)


def look(desk: Desk, seconds: int = 0, **told: object) -> None:
    """Write down what one look gave, so many seconds after the first."""
    with desk.app.app_context():
        donation = db.session.scalars(db.select(Donation).with_for_update()).one()
        charge = ChargeFacts(donation.stripe_charge_id or "", "US", is_suspicious=False, **told)  # type: ignore[arg-type]
        services.record_charge(donation, charge, NOW + timedelta(seconds=seconds))
        db.session.commit()


def ask(desk: Desk, amount: int, reason: str = "donor-asked") -> uuid.UUID:
    with desk.app.app_context():
        donation = db.session.scalars(db.select(Donation)).one()
        asked = request_refund(donation, amount, reason, None, datetime.now(UTC)).id
        db.session.commit()
        return asked


def left(desk: Desk) -> int:
    with desk.app.app_context():
        return services.left_minor(db.session.scalars(db.select(Donation)).one())


# Lines


def test_true_fee_is_known_a_moment_after_the_gift(desk: Desk) -> None:
    session_id = desk.start()
    desk.pay(session_id)
    desk.come_back(session_id)
    assert desk.lines() == []
    desk.let_pass()
    desk.tell_all()
    assert desk.lines() == [("gift", 2_500, FEE)]
    assert desk.sums() == PAID


def test_each_line_is_written_once_however_many_looks_there_are(desk: Desk) -> None:
    desk.paid()
    moved = (line(1, Kind.REFUND, -300), line(2, Kind.DISPUTE, -700, 1_500))
    for order in itertools.permutations([moved, moved[:1], moved[1:]]):
        for some in order:
            look(desk, movements=some)
    assert desk.lines() == [
        ("dispute", -700, 1_500),
        ("gift", 2_500, FEE),
        ("refund", -300, 0),
    ]
    assert desk.sums() == PAID | {
        "books.refunded": 300,
        "books.disputed": 700,
        "books.fee": FEE + 1_500,
    }


def test_lines_written_by_many_at_once_are_counted_once(desk: Desk) -> None:
    desk.paid()
    moved = tuple(line(number, Kind.REFUND, -100) for number in range(5))
    in_parallel(*[lambda: look(desk, movements=moved)] * 6)
    assert desk.total("books.refunded.EUR") == 500
    assert len(desk.lines()) == 6


def test_bank_debit_that_fails_leaves_no_line(desk: Desk) -> None:
    desk.debit(desk.start(), DEBIT_FAILS)
    desk.let_pass(60)
    desk.tell_all()
    assert desk.kinds() == ["gift-failed"]
    assert desk.sums() == {}


def test_bank_debit_that_pays_has_its_line(desk: Desk) -> None:
    desk.debit(desk.start(), DEBIT_PAYS)
    desk.let_pass(60)
    desk.tell_all()
    assert desk.sums() == PAID | {"books.fee": 35}


# Refunds


REFUND_LIFE = [RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_refund_that_fails_in_the_end_is_taken_back_in_whatever_order_we_look(
    desk: Desk, order: tuple[int, ...]
) -> None:
    desk.paid()
    for place in (*order, *order):
        look(desk, refunds=(refund(1, 900, REFUND_LIFE[place]),))
    assert [one.state for one in desk.refunds()] == [RefundState.FAILED]
    assert desk.total("donation.refunded.EUR") == 0
    assert desk.total("raised.EUR") == 2_500
    assert left(desk) == 2_500


def test_refunds_made_in_stripes_dashboard_are_booked_and_told(desk: Desk) -> None:
    desk.paid()
    charge = desk.at_stripes("charge")["id"]
    for amount in (700, 300):
        desk.control("refund", charge=charge, amount=amount)
    desk.tell_all(backwards=True)
    found = desk.refunds()
    assert [(one.amount_minor, one.reason) for one in found] == [(300, "stripe"), (700, "stripe")]
    assert desk.kinds() == ["gift-refunded", "gift-refunded", "thank-you"]
    amounts = {params["amount"] for mail, _, params in desk.mails() if mail.kind == "gift-refunded"}
    assert amounts == {"€7.00", "€3.00"}
    assert desk.sums() == PAID | {"donation.refunded": 1_000, "books.refunded": 1_000}
    assert desk.total("raised.EUR") == 1_500
    assert left(desk) == 1_500


def test_refund_that_comes_back_is_a_line_and_leaves_the_gift_whole(desk: Desk) -> None:
    desk.paid(REFUND_FAILS)
    desk.control("refund", charge=desk.at_stripes("charge")["id"])
    desk.tell_all()
    assert desk.total("donation.refunded.EUR") == 2_500
    desk.let_pass(60)
    desk.tell_all()
    assert desk.total("donation.refunded.EUR") == 0
    assert desk.sums() == PAID
    assert [kind for kind, *_ in desk.lines()] == ["gift", "refund", "refund-returned"]
    assert desk.kinds() == ["gift-refunded", "thank-you"]


def test_no_more_can_be_asked_for_than_is_left(desk: Desk) -> None:
    desk.paid()
    ask(desk, 1_000)
    ask(desk, 1_000)  # two of the same amount are two refunds
    for amount in (501, 0, -1):
        with pytest.raises(RefundTooLarge) as refusal:
            ask(desk, amount)
        assert refusal.value.left_minor == 500
    ask(desk, 500)
    assert left(desk) == 0
    assert desk.total("donation.refunded.EUR") == 0  # Stripe has not been asked yet


def test_of_many_who_ask_at_once_for_all_of_it_one_gets_it(desk: Desk) -> None:
    desk.paid()

    def try_it() -> bool:
        try:
            return bool(ask(desk, 2_500))
        except RefundTooLarge:
            return False

    assert sorted(in_parallel(*[try_it] * 6)) == [False] * 5 + [True]
    assert len(desk.refunds()) == 1


def test_unpaid_gift_has_nothing_to_give_back(desk: Desk) -> None:
    desk.start()
    with pytest.raises(RefundTooLarge):
        ask(desk, 1)


@pytest.mark.parametrize(
    ("status", "is_blocked", "is_left"),
    [
        ("needs_response", True, 0),
        ("under_review", True, 0),
        ("lost", False, 0),
        ("won", False, 2_500),
        ("warning_needs_response", False, 2_500),
        ("warning_closed", False, 2_500),
        ("prevented", False, 2_500),
    ],
)
def test_what_a_dispute_leaves_to_refund(
    desk: Desk, status: str, is_blocked: bool, is_left: int
) -> None:
    desk.paid()
    look(desk, disputes=(dispute(status),))
    assert left(desk) == is_left
    assert desk.total("donation.disputed.EUR") == 2_500 - is_left
    if is_blocked:
        with pytest.raises(RefundBlocked):
            ask(desk, 100)
    elif is_left == 0:
        with pytest.raises(RefundTooLarge):
            ask(desk, 100)
    else:
        ask(desk, 100)


# Disputes


def test_dispute_counts_until_it_is_won(desk: Desk) -> None:
    desk.paid()
    charge = desk.at_stripes("charge")["id"]
    made = desk.control("dispute", charge=charge)
    desk.tell_all(backwards=True)
    withdrawn = {"donation.disputed": 2_500, "books.disputed": 2_500, "books.fee": FEE + 1_500}
    assert desk.sums() == PAID | withdrawn
    assert desk.total("raised.EUR") == 0
    desk.control("dispute-close", dispute=made["id"], outcome="won")
    desk.tell_all(backwards=True)
    assert desk.sums() == PAID | {"books.fee": FEE + 1_500}
    assert desk.total("raised.EUR") == 2_500
    (row,) = desk.disputes()
    assert (row.status, row.is_open) == ("won", False)
    assert [kind for kind, *_ in desk.lines()] == ["dispute", "dispute-returned", "gift"]


def test_dispute_that_is_lost_stays_counted(desk: Desk) -> None:
    desk.paid()
    desk.control("dispute", charge=desk.at_stripes("charge")["id"], outcome="lost")
    desk.tell_all()
    assert desk.total("donation.disputed.EUR") == 2_500
    assert left(desk) == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_newest_look_says_how_a_dispute_stands(desk: Desk, order: tuple[int, ...]) -> None:
    """Also where a bank changes its mind after the end."""
    desk.paid()
    statuses = ["needs_response", "lost", "won"]
    for place in (*order, *order):
        look(desk, seconds=place, disputes=(dispute(statuses[place]),))
    assert [one.status for one in desk.disputes()] == ["won"]
    assert desk.total("donation.disputed.EUR") == 0


def test_dispute_of_a_part_and_one_that_grows(desk: Desk) -> None:
    desk.paid()
    look(desk, 0, disputes=(dispute("needs_response", amount=400),))
    look(desk, 1, disputes=(dispute("needs_response", amount=900),))
    assert desk.total("donation.disputed.EUR") == 900
    assert left(desk) == 1_600


def test_charge_in_another_currency_than_the_account_settles_in(desk: Desk) -> None:
    """The gift is counted in its own currency, the books in that of the balance."""
    desk.paid(amount="100", currency="PLN")
    moved = replace(line(1, Kind.GIFT, 2_310, 90), currency="EUR")
    look(desk, movements=(moved,))
    assert desk.total("donation.amount.PLN") == 10_000
    assert desk.total("books.gross.EUR") == 2_310
    with desk.app.app_context():
        assert tally.totals("books.fee.EUR") == {"legal-help": 90}
