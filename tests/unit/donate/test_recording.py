"""Facts written down: forward only, once, whatever Stripe is made to say in whatever order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from config.database import db
from contacts import tally
from donate.books.models import Kind
from donate.facts import ChargeFacts, DisputeFacts, Movement, Payer, PaymentFacts
from donate.models import Donation, Review, State
from donate.recording import record, record_all
from donate.services import NotHeld, release
from tests.unit.donate.desk import DONOR, FROM_BELARUS, NOW, PAYS, WARNED, Desk, in_parallel

PAYER = Payer("Canary Donor", DONOR, "PL")
CHARGE = ChargeFacts(
    id="ch_1",
    card_country="PL",
    is_suspicious=False,
    movements=(Movement("txn_1", Kind.GIFT, "ch_1", 2_500, 61, "EUR", NOW.date()),),
)


def facts(desk: Desk, state: State, **more: object) -> PaymentFacts:
    donation = desk.donations()[0]
    given = {
        "asked_at": datetime.now(UTC),
        "session_id": donation.stripe_session_id,
        "donation_id": donation.id,
        "state": state,
        "amount_minor": donation.amount_minor,
        "currency": donation.currency,
        "payer": PAYER,
        **more,
    }
    return PaymentFacts(**given)  # type: ignore[arg-type]


def write(desk: Desk, given: PaymentFacts) -> Donation | None:
    with desk.app.app_context():
        donation = record(given, datetime.now(UTC))
        db.session.commit()
        assert donation is None or isinstance(donation, Donation)
        return donation and db.session.get(Donation, donation.id)


@pytest.mark.parametrize(
    ("states", "ends"),
    [
        ([State.PENDING, State.OPEN], State.PENDING),
        ([State.FAILED, State.PENDING], State.FAILED),
        ([State.EXPIRED, State.OPEN], State.EXPIRED),
        ([State.FAILED, State.PAID], State.PAID),
        ([State.EXPIRED, State.PAID], State.PAID),
        ([State.PAID, State.FAILED, State.EXPIRED, State.PENDING, State.OPEN], State.PAID),
        ([State.PAID, State.PAID], State.PAID),
    ],
)
def test_a_donation_never_goes_back(desk: Desk, states: list[State], ends: State) -> None:
    desk.start()
    for state in states:
        write(desk, facts(desk, state))
    assert desk.donation().state == ends
    paid = 1 if ends is State.PAID else 0
    desk.assert_books(paid, paid * 2_500)


@pytest.mark.parametrize(
    ("states", "kinds"),
    [
        ([State.PENDING, State.PENDING, State.PAID], ["gift-pending", "thank-you"]),
        ([State.PENDING, State.FAILED, State.FAILED], ["gift-failed", "gift-pending"]),
        ([State.FAILED, State.PENDING], ["gift-failed"]),
        ([State.EXPIRED, State.EXPIRED], ["gift-expired"]),
        ([State.OPEN], []),
    ],
)
def test_each_outcome_is_told_once(desk: Desk, states: list[State], kinds: list[str]) -> None:
    desk.start("uk")
    for state in states:
        write(desk, facts(desk, state))
    assert desk.kinds() == kinds
    assert {mail.language for mail, *_ in desk.mails()} <= {"uk"}


def test_nobody_is_written_to_without_an_address(desk: Desk) -> None:
    for state in (State.PENDING, State.FAILED, State.EXPIRED, State.PAID):
        desk.start()
        write(desk, replace(facts(desk, state), payer=Payer()))
    assert desk.mails() == []
    assert desk.contacts() == []
    assert desk.total("donation.count.EUR") == 1


def test_stripes_amount_is_what_was_paid(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.start()
    write(desk, facts(desk, State.PAID, amount_minor=700, currency="USD"))
    donation = desk.donation()
    assert (donation.amount_minor, donation.currency) == (700, "USD")
    desk.assert_books(1, 700, "USD")
    assert f"donation {donation.id}: Stripe took another amount" in caplog.text
    assert DONOR not in caplog.text


def test_gift_is_booked_on_the_day_when_it_was_paid(desk: Desk) -> None:
    """However late we hear of it, a gift of December is one of December."""
    paid_at = datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
    desk.start()
    write(desk, facts(desk, State.PAID, paid_at=paid_at))
    assert desk.donation().paid_at == paid_at
    with desk.app.app_context():
        assert tally.by_day("donation.amount.EUR") == {"2025-12-31": 2_500}


def test_another_session_of_a_donation_says_only_that_it_was_paid(desk: Desk) -> None:
    session_id = desk.start()
    write(desk, facts(desk, State.EXPIRED, session_id="cs_test_other"))
    assert (desk.donation().state, desk.donation().stripe_session_id) == (State.OPEN, session_id)
    write(desk, facts(desk, State.PAID, session_id="cs_test_other"))
    assert desk.donation().state == State.PAID


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 1, 0, 1)])
def test_second_paid_session_of_a_donation_is_a_gift_of_its_own(
    desk: Desk, order: tuple[int, ...]
) -> None:
    desk.start(fund="families")
    other = replace(CHARGE, id="ch_2", movements=(replace(CHARGE.movements[0], id="txn_2"),))
    paid = [
        facts(desk, State.PAID, charge=CHARGE),
        facts(desk, State.PAID, session_id="cs_test_other", charge=other),
    ]
    for place in order:
        write(desk, paid[place])
    assert {gift.stripe_session_id for gift in desk.donations()} == {
        gift.session_id for gift in paid
    }
    assert {gift.fund for gift in desk.donations()} == {"families"}
    desk.assert_books(2, 5_000)
    assert desk.lines() == [("gift", 2_500, 61)] * 2


def test_two_sessions_paid_and_recorded_at_the_same_moment(desk: Desk) -> None:
    desk.start()
    paid = [facts(desk, State.PAID, session_id=f"cs_test_{n % 2}") for n in range(6)]
    in_parallel(*[lambda one=one: write(desk, one) for one in paid])
    assert len(desk.donations()) == 2
    desk.assert_books(2, 5_000)


def test_session_of_somebody_else_is_ignored(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.start()
    given = facts(desk, State.PAID, session_id="cs_test_foreign", donation_id=None)
    assert write(desk, given) is None
    assert desk.donation().state == State.OPEN
    assert "belongs to no donation" in caplog.text
    assert DONOR not in caplog.text


# The card's country


def test_gift_by_a_card_of_a_refused_country_goes_back_with_a_mail_that_says_why(
    desk: Desk,
) -> None:
    donation = desk.paid(FROM_BELARUS, dedication="Ales")
    assert (donation.state, donation.card_country) == (State.PAID, "BY")
    assert desk.kinds() == ["gift-refused-card"]
    told = desk.letter("gift-refused-card")
    assert told == {
        "amount": "€25.00",
        "country": "Belarus",
        "contact_email": "contact@example.org",
    }
    (refund,) = desk.refunds()
    assert (refund.reason, refund.state, refund.amount_minor) == ("refused-card", "requested", 2500)
    desk.work()
    assert desk.kinds() == ["gift-refused-card"]
    assert desk.sums() == {
        "donation.count": 1,
        "donation.amount": 2_500,
        "donation.refunded": 2_500,
        "books.gross": 2_500,
        "books.refunded": 2_500,
        "books.fee": 62,
    }
    assert desk.total("raised.EUR") == 0


def test_of_who_paid_by_a_refused_card_nothing_is_kept(desk: Desk) -> None:
    donation = desk.paid(FROM_BELARUS, newsletter="y", dedication="Ales")
    assert (donation.sealed, donation.contact_id) == (None, None)
    assert (donation.dedication, donation.dedication_note) == (None, None)
    assert (desk.contacts(), desk.consents()) == ([], [])


def test_card_country_that_is_known_only_later_is_refused_all_the_same(desk: Desk) -> None:
    desk.start()
    write(desk, facts(desk, State.PAID))
    for _ in range(2):
        write(desk, facts(desk, State.PAID, charge=replace(CHARGE, card_country="RU")))
    assert desk.kinds() == ["gift-refused-card", "thank-you"]
    assert len(desk.refunds()) == 1


def test_gift_by_a_refused_card_that_is_disputed_first_goes_back_once_that_is_won(
    desk: Desk,
) -> None:
    desk.start()
    asks = DisputeFacts("dp_1", 2_500, "EUR", "fraudulent", "needs_response", True, NOW.date())
    charge = replace(CHARGE, card_country="BY", disputes=(asks,))
    for _ in range(2):
        write(desk, facts(desk, State.PAID, charge=charge))
    assert (desk.refunds(), desk.kinds()) == ([], [])
    won = replace(charge, disputes=(replace(asks, status="won", is_open=False),))
    for _ in range(2):
        write(desk, facts(desk, State.PAID, charge=won))
    (refund,) = desk.refunds()
    assert (refund.reason, refund.amount_minor) == ("refused-card", 2_500)
    assert desk.kinds() == ["gift-refused-card"]
    donation = desk.donation()
    assert (donation.card_country, donation.sealed) == ("BY", None)


def test_gift_by_a_refused_card_that_the_bank_takes_back_is_not_refunded_too(desk: Desk) -> None:
    desk.start()
    asks = DisputeFacts("dp_1", 2_500, "EUR", "fraudulent", "needs_response", True, NOW.date())
    charge = replace(CHARGE, card_country="BY", disputes=(asks,))
    write(desk, facts(desk, State.PAID, charge=charge))
    lost = replace(charge, disputes=(replace(asks, status="lost", is_open=False),))
    write(desk, facts(desk, State.PAID, charge=lost))
    assert (desk.refunds(), desk.donation().card_country) == ([], "BY")


def test_country_that_was_not_refused_then_is_not_refused_later(desk: Desk) -> None:
    donation = desk.paid(PAYS)
    assert donation.card_country == "US"
    settings = desk.app.extensions["vigil_settings"]
    desk.app.extensions["vigil_settings"] = settings.model_copy(
        update={"refused_card_countries": ("US",)}
    )
    write(desk, facts(desk, State.PAID, charge=replace(CHARGE, card_country="US")))
    assert desk.refunds() == []


# Gifts that a person should look at


def test_suspicious_gift_is_booked_but_waits_with_its_thank_you(desk: Desk) -> None:
    desk.start(dedication="Ales")
    write(desk, facts(desk, State.PAID, charge=replace(CHARGE, is_suspicious=True)))
    donation = desk.donation()
    assert donation.review == Review.HELD
    assert desk.mails() == []
    assert desk.total("donation.amount.EUR") == 2_500
    assert donation.sealed
    release_it(desk, DONOR)
    assert desk.donation().review == Review.RELEASED
    assert desk.letter("thank-you")["dedication"] == "In honour of Ales"
    write(desk, facts(desk, State.PAID, charge=replace(CHARGE, is_suspicious=True)))
    assert desk.donation().review == Review.RELEASED
    desk.assert_books(1, 2_500)


def release_it(desk: Desk, email: str | None) -> None:
    with desk.app.app_context():
        release(db.session.scalars(db.select(Donation)).one(), email, NOW)
        db.session.commit()


def test_gift_is_released_once_and_only_if_it_was_held(desk: Desk) -> None:
    desk.start()
    with pytest.raises(NotHeld):
        release_it(desk, DONOR)
    write(desk, facts(desk, State.PAID, charge=replace(CHARGE, is_suspicious=True)))
    release_it(desk, None)
    assert desk.mails() == []
    with pytest.raises(NotHeld):
        release_it(desk, DONOR)


def test_warning_of_fraud_that_comes_later_holds_a_gift_that_was_thanked_for(desk: Desk) -> None:
    donation = desk.paid(WARNED)
    assert donation.review == Review.NONE
    desk.let_pass(5)
    desk.tell_all()
    assert desk.donation().review == Review.HELD
    desk.assert_books(1, 2_500)


# Dedications


def test_dedication_is_sealed_for_staff_and_stands_on_the_receipt_alone(desk: Desk) -> None:
    session_id = desk.start("be", dedication="Canary Grandmother", dedication_kind="memory")
    written = desk.donation()
    stored = (written.dedication or b"") + (written.dedication_note or b"")
    assert stored
    assert b"Canary" not in stored
    with desk.app.app_context():
        opened = desk.opener.open("donation.dedication", written.id, written.dedication or b"")
    assert (opened["kind"], opened["name"]) == ("memory", "Canary Grandmother")
    desk.pay(session_id)
    desk.tell_all()
    assert "Canary Grandmother" in desk.letter("thank-you")["dedication"]
    assert desk.donation().dedication_note is None
    assert desk.donation().dedication == written.dedication


def test_receipt_comes_without_the_dedication_where_the_mail_key_has_gone(desk: Desk) -> None:
    session_id = desk.start(dedication="Canary Grandmother")
    desk.app.extensions["vault"].keys.drop()
    desk.pay(session_id)
    desk.tell_all()
    assert "dedication" not in desk.letter("thank-you")


def test_note_of_a_dedication_goes_with_a_gift_that_comes_to_nothing(desk: Desk) -> None:
    session_id = desk.start(dedication="Canary Grandmother")
    desk.control("expire", session=session_id)
    desk.tell_all()
    assert desk.donation().dedication_note is None


# At once


def test_one_look_recorded_by_many_at_once_is_one_gift(desk: Desk) -> None:
    desk.start(newsletter="y")
    later = NOW + timedelta(seconds=1)
    paid = facts(desk, State.PAID, charge=CHARGE)

    def take() -> None:
        with desk.app.app_context():
            record_all([paid], later)
            db.session.commit()

    in_parallel(*[take] * 8)
    desk.assert_books(1, 2_500)
    assert desk.lines() == [("gift", 2_500, 61)]
    assert (len(desk.contacts()), len(desk.consents())) == (1, 1)


def test_campaigns_own_sum_is_raised_beside_the_funds(desk: Desk) -> None:
    desk.paid(campaign="stolen-childhood", fund="families")
    desk.paid(fund="families")
    with desk.app.app_context():
        raised = tally.totals("raised.EUR")
    assert raised == {"families": 5_000, "stolen-childhood/families": 2_500}
    assert {donation.day for donation in desk.donations()} == {date.today()}  # noqa: DTZ011


def test_many_gifts_of_one_donor_recorded_at_once(desk: Desk) -> None:
    """No two wait for each other: rows are locked in one order."""
    for _ in range(5):
        desk.start()
    ids = [(gift.id, gift.stripe_session_id) for gift in desk.donations()]
    given = [
        facts(desk, State.PAID, donation_id=gift_id, session_id=session_id)
        for gift_id, session_id in ids
    ]
    in_parallel(*[lambda one=one: write(desk, one) for one in (*given, *given[::-1])])
    assert len(desk.contacts()) == 1
    desk.assert_books(5, 12_500)
