"""Coming back from Stripe's page: each outcome, told by webhook, by thanks page, or by both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from config.database import db
from contacts import tally
from contacts.consents import stop_news
from contacts.models import ConsentText, Contact
from demo.stripe.faults import Kind
from donate import queries, recording, services
from donate.forms import NEWSLETTER
from donate.models import State
from tests.unit.donate.desk import (
    ASKS,
    DEBIT_FAILS,
    DEBIT_PAYS,
    DECLINED,
    DONOR,
    NOW,
    Desk,
    in_parallel,
)


def test_paid_gift_is_counted_sealed_and_thanked_for(desk: Desk) -> None:
    session_id = desk.start("be", amount="12.50", fund="publicity")
    desk.pay(session_id)
    (event,) = desk.events()
    assert desk.tell(event).status_code == 200
    donation = desk.donation()
    assert donation.state == State.PAID
    assert donation.paid_at is not None
    assert (donation.stripe_payment_intent_id or "").startswith("pi_")
    assert desk.total("donation.count.EUR", "publicity") == 1
    assert desk.total("donation.amount.EUR", "publicity") == 1_250
    ((mail, address, params),) = desk.mails()
    assert (mail.kind, mail.language) == ("thank-you", "be")
    assert mail.idem_key == f"thank-you:{donation.id}"
    assert address == DONOR
    assert params["amount"] == "12,50\u00a0€"
    assert params["statement_name"] == "VIGIL DONATION"
    assert (params["frequency"], params["path"]) == ("once", "/be/donate/manage")
    assert set(params) == {"amount", "fund", "statement_name", "frequency", "path"}


def test_gifts_are_counted_by_currency_fund_and_country(desk: Desk) -> None:
    gifts = [("10", "EUR", "families"), ("20", "EUR", "families"), ("100", "PLN", "publicity")]
    for amount, currency, fund in gifts:
        session_id = desk.start(amount=amount, currency=currency, fund=fund)
        desk.pay(session_id)
        desk.come_back(session_id)
    desk.start(amount="50")  # never paid, never counted
    with desk.app.app_context():
        for _ in ("appended", "folded"):
            assert tally.totals("donation.count.EUR") == {"families": 2}
            assert tally.totals("donation.amount.EUR") == {"families": 3_000}
            assert tally.totals("donation.amount.PLN") == {"publicity": 10_000}
            assert tally.by_country("donation.count.EUR", least=1) == {"PL": 2}
            assert tally.by_country("donation.count.EUR") == {}
            tally.fold(NOW)
            db.session.commit()


def test_donors_details_open_with_a_key_and_only_so(desk: Desk) -> None:
    desk.pay(desk.start())
    desk.tell(desk.events()[0])
    donation, (contact,) = desk.donation(), desk.contacts()
    assert donation.contact_id == contact.id
    assert contact.state == "confirmed"
    assert contact.newsletter is False
    assert desk.consents() == []
    sealed = donation.sealed or b""
    assert b"canary" not in sealed
    with desk.app.app_context():
        opened = desk.opener.open("donation", donation.id, sealed)
    expected = {"name": "Canary Donor", "email": DONOR, "country": "PL"}
    assert {name: opened[name] for name in expected} == expected


def test_wish_for_news_becomes_a_consent_only_when_paid(desk: Desk) -> None:
    session_id = desk.start(newsletter="y")
    assert desk.consents() == []
    desk.pay(session_id)
    desk.come_back(session_id)
    (consent,), (contact,) = desk.consents(), desk.contacts()
    assert (consent.contact_id, consent.deed_id) == (contact.id, desk.donation().id)
    assert (consent.purpose, consent.is_given) == ("newsletter", True)
    with desk.app.app_context():
        words = db.session.get_one(ConsentText, consent.text_hash)
        assert (words.language, words.words) == ("en", str(NEWSLETTER))


def test_who_pays_with_somebody_elses_address_signs_nobody_up_for_news(desk: Desk) -> None:
    """However often: a gift says nothing of whose the address is."""
    for _ in range(2):
        session_id = desk.start(newsletter="y")
        desk.pay(session_id)
        desk.come_back(session_id)
    (contact,) = desk.contacts()
    assert not contact.newsletter
    assert len(desk.consents()) == 2


@pytest.mark.parametrize("state", ["pending", "confirmed"])
def test_wish_for_news_is_always_asked_about_by_mail(desk: Desk, state: str) -> None:
    """Also where the address is known, and its owner has left the news: anybody may pay with it."""
    desk.sign(DONOR, state)
    with desk.app.app_context():
        stop_news(desk.contacts()[0].id, NOW.date())
        db.session.commit()
    session_id = desk.start(newsletter="y")
    desk.pay(session_id)
    desk.come_back(session_id)
    (contact,) = desk.contacts()
    assert not contact.newsletter
    assert desk.kinds() == ["confirm-newsletter", "thank-you"]


def test_second_gift_of_a_person_is_the_same_contact_and_keeps_the_news(desk: Desk) -> None:
    desk.sign(DONOR, "confirmed")
    with desk.app.app_context():
        db.session.execute(update(Contact).values(newsletter=True))
        db.session.commit()
    for wish in ("y", ""):
        session_id = desk.start(**({"newsletter": wish} if wish else {}))
        desk.pay(session_id)
        desk.come_back(session_id)
    (contact,) = desk.contacts()
    assert contact.newsletter
    assert {donation.contact_id for donation in desk.donations()} == {contact.id}
    desk.assert_books(2, 5_000)


def test_thanks_page_before_the_webhook(desk: Desk) -> None:
    session_id = desk.start()
    desk.pay(session_id)
    page = desk.come_back(session_id)
    assert "state=paid amount=€25.00" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert desk.tell(desk.events()[0]).status_code == 200
    desk.assert_books(1, 2_500)


def test_thanks_page_after_the_webhook_asks_stripe_no_more(desk: Desk) -> None:
    session_id = desk.start()
    desk.pay(session_id)
    desk.tell(desk.events()[0])
    before = len(desk.requests("GET"))
    assert "state=paid" in desk.come_back(session_id, "uk").text
    assert "state=paid" in desk.come_back(session_id).text
    assert len(desk.requests("GET")) == before
    desk.assert_books(1, 2_500)


def test_webhook_and_thanks_page_at_the_same_moment(desk: Desk) -> None:
    session_id = desk.start(newsletter="y")
    desk.pay(session_id)
    (event,) = desk.events()
    answers = in_parallel(
        *[lambda: desk.tell(event), lambda: desk.come_back(session_id)] * 4,
    )
    assert {answer.status_code for answer in answers} == {200}
    assert all("state=paid" in page.text for page in answers[1::2])
    desk.assert_books(1, 2_500)
    assert len(desk.contacts()) == 1
    assert len(desk.consents()) == 1


def test_declined_card_leaves_the_page_open_for_another(desk: Desk) -> None:
    session_id = desk.start()
    assert desk.pay(session_id, DECLINED).status_code == 402
    assert "state=open" in desk.come_back(session_id).text
    assert desk.donation().state == State.OPEN
    desk.pay(session_id)
    desk.tell(desk.events()[0])
    desk.assert_books(1, 2_500)


def test_card_that_asks_for_authentication(desk: Desk) -> None:
    session_id = desk.start()
    desk.pay(session_id, ASKS)
    assert desk.events() == []
    desk.at_stripe(f"/c/pay/{session_id}/authenticate", {"answer": "complete"})
    assert "state=paid" in desk.come_back(session_id).text


def test_page_left_open_expires(desk: Desk) -> None:
    session_id = desk.start()
    desk.control("expire", session=session_id)
    assert desk.tell(desk.events()[0]).status_code == 200
    assert desk.donation().state == State.EXPIRED
    assert "state=expired" in desk.come_back(session_id).text
    desk.assert_books(0, 0)


def test_bank_debit_waits_then_pays(desk: Desk) -> None:
    session_id = desk.start()
    desk.debit(session_id, DEBIT_PAYS)
    desk.tell(desk.events()[0])
    assert desk.donation().state == State.PENDING
    assert "state=pending amount=€25.00" in desk.come_back(session_id).text
    desk.assert_books(0, 0)
    desk.control("clock", advance=60)
    assert desk.events()[-1]["type"] == "checkout.session.async_payment_succeeded"
    desk.tell(desk.events()[-1])
    assert desk.donation().state == State.PAID
    desk.assert_books(1, 2_500)


def test_bank_debit_that_fails(desk: Desk) -> None:
    session_id = desk.start()
    desk.debit(session_id, DEBIT_FAILS)
    desk.come_back(session_id)
    assert desk.donation().state == State.PENDING
    desk.control("clock", advance=60)
    assert desk.events()[-1]["type"] == "checkout.session.async_payment_failed"
    desk.tell(desk.events()[-1])
    assert desk.donation().state == State.FAILED
    assert "state=failed" in desk.come_back(session_id).text
    desk.assert_books(0, 0)


@pytest.mark.parametrize("trouble", ["500", "429", "slow"])
def test_thanks_page_while_stripe_is_in_trouble_says_being_confirmed(
    desk: Desk, trouble: Kind
) -> None:
    session_id = desk.start()
    desk.pay(session_id)
    with desk.trouble(trouble):
        page = desk.come_back(session_id)
    assert page.status_code == 200
    assert "state=pending" in page.text
    assert "state=paid" in desk.come_back(session_id).text


@pytest.mark.parametrize(
    "session_id", ["", "cs_test_unknown", "{CHECKOUT_SESSION_ID}", "\x00", "ы"]
)
def test_thanks_page_for_nothing_of_ours_asks_nobody(desk: Desk, session_id: str) -> None:
    page = desk.come_back(session_id)
    assert page.status_code == 200
    assert "state=unknown" in page.text
    assert desk.requests("GET") == []


def test_thanks_page_without_the_index_and_mail_store_still_answers(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vault.services import VaultMissing

    session_id = desk.start()
    desk.pay(session_id)

    def gone(*_: object) -> bytes:
        raise VaultMissing("gone")

    with monkeypatch.context() as patch:
        patch.setattr(desk.app.extensions["vault"], "seal", gone)
        assert "state=pending" in desk.come_back(session_id).text
        assert desk.tell(desk.events()[0]).status_code == 503
    desk.assert_books(0, 0)
    assert desk.event_ids() == set()
    assert desk.tell(desk.events()[0]).status_code == 200
    desk.assert_books(1, 2_500)


@pytest.mark.parametrize("when", ["before", "after"])
def test_thanks_page_without_the_database_says_being_confirmed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    session_id = desk.start()
    desk.pay(session_id)
    real = queries.find_checkout
    asked: list[str] = []

    def gone(wanted: str) -> queries.Checkout | None:
        asked.append(wanted)
        if when == "before" or len(asked) > 1:
            raise OperationalError("SELECT 1", {}, Exception("gone"))
        return real(wanted)

    with monkeypatch.context() as patch:
        patch.setattr(queries, "find_checkout", gone)
        page = desk.come_back(session_id)
    assert page.status_code == 200
    assert "state=pending" in page.text
    assert "state=paid" in desk.come_back(session_id).text


def test_cancelled_page(desk: Desk) -> None:
    assert desk.visitor().get("/uk/donate/cancelled").text == "cancelled"


# The process dies between a step and the next


class Killed(BaseException):
    """What nothing catches."""


@contextmanager
def dying_after(owner: object, name: str) -> Iterator[None]:
    real = getattr(owner, name)

    def last_act(*args: object) -> None:
        real(*args)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, last_act)
        with pytest.raises(Killed):
            yield


@pytest.mark.parametrize(
    "step", ["start_checkout", "order_checkout", "create_checkout", "mark_open"]
)
def test_process_killed_on_the_way_to_stripe_charges_and_counts_nothing_twice(
    desk: Desk, step: str
) -> None:
    owner = desk.app.extensions["gateway"] if step == "create_checkout" else services
    with dying_after(owner, step):
        desk.give()
    made = desk.stand_in.account.ledger.all("checkout.session")
    assert len(made) == (1 if step in {"create_checkout", "mark_open"} else 0)
    for session in made:  # the donor has not seen its address; if somebody pays there, it counts
        desk.pay(session["id"])
        assert desk.tell(desk.events()[-1]).status_code == 200
    desk.assert_books(len(made), 2_500 * len(made))
    session_id = desk.start()
    desk.pay(session_id)
    desk.come_back(session_id)
    desk.assert_books(len(made) + 1, 2_500 * (len(made) + 1))


@pytest.mark.parametrize("step", ["record", "thank", "take_in"])
def test_process_killed_while_it_records_leaves_no_trace(desk: Desk, step: str) -> None:
    desk.pay(desk.start(newsletter="y"))
    (event,) = desk.events()
    with dying_after(recording, step):
        desk.tell(event)
    assert desk.event_ids() == set()
    assert desk.contacts() == []
    desk.assert_books(0, 0)
    assert desk.tell(event).status_code == 200
    desk.assert_books(1, 2_500)
