"""Erasing: the person goes out of every table, the accounts stay, what recurs ends."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, inspect, select, text, update

from config.database import Base, db
from contacts import links, tally
from contacts.erasure import erase_contact
from contacts.jobs import run_retention
from contacts.models import AddressChange, Contact, CopyRequest, Correction
from donate import letters
from donate.books.models import Kind, LedgerLine, Refund
from donate.facts import Payer, PaymentFacts
from donate.models import Donation, RecurringDonation, State
from donate.recording import record, record_all
from mail import outbox, traces
from mail.models import OutgoingEmail
from tests.support.moments import NOW
from tests.support.people import (
    confirm,
    contact_of,
    create_gift,
    create_recurring,
    create_sign_up,
    create_signature,
)
from tests.support.visitor import mails

ANNA, OTHER = "anna@example.org", "other@example.org"


def everything(email: str) -> uuid.UUID:
    """A person with a row in every table that can have one."""
    confirm(create_signature(email, NOW, news=True), NOW)
    create_signature(email, NOW)
    confirm(create_sign_up(email, NOW), NOW)
    create_gift(email, NOW)
    create_recurring(email, NOW)
    contact_id, day = contact_of(email), NOW.date()
    later = NOW + timedelta(hours=1)
    db.session.add_all(
        [
            Correction(contact_id=contact_id, sealed=b"box", day=day),
            AddressChange(
                hash=contact_id.bytes * 2, contact_id=contact_id, sealed=b"box", expires_at=later
            ),
            CopyRequest(contact_id=contact_id, language="en", asked_at=NOW, expires_at=later),
        ]
    )
    links.make_link("giving", contact_id, NOW)
    db.session.commit()
    return contact_id


def rows_of(contact_id: uuid.UUID) -> dict[str, int]:
    """How many rows each table has of a contact."""
    models: list[Any] = [mapper.class_ for mapper in Base.registry.mappers]
    hanging = [model for model in models if "contact_id" in inspect(model).columns]
    return {
        model.__tablename__: db.session.scalar(
            select(func.count()).select_from(model).where(model.contact_id == contact_id)
        )
        or 0
        for model in hanging
    }


def test_a_person_goes_out_of_every_table(app: Flask) -> None:
    anna, other = everything(ANNA), everything(OTHER)
    before = rows_of(other)
    assert all(rows_of(anna).values()), rows_of(anna)  # so a new table cannot be forgotten
    erase_contact(anna, NOW)
    db.session.commit()
    assert not any(rows_of(anna).values())
    assert db.session.get(Contact, anna) is None
    assert rows_of(other) == before
    assert tally.total("signature.confirmed") == tally.total("volunteer.new") == 1
    assert tally.total("signature.pending") == 1
    erase_contact(anna, NOW)  # nothing is left to do
    db.session.commit()


def test_accounts_stay_without_the_person(app: Flask) -> None:
    gift, recurring = create_gift(ANNA, NOW), create_recurring(ANNA, NOW)
    line = LedgerLine(
        donation_id=gift.id,
        kind=Kind.GIFT,
        gross_minor=2_500,
        fee_minor=60,
        currency="EUR",
        day=NOW.date(),
    )
    db.session.add(line)
    db.session.commit()
    erase_contact(contact_of(ANNA), NOW)
    db.session.commit()
    for row in (gift, recurring):
        db.session.refresh(row)
        personal = (row.contact_id, row.sealed, row.dedication, row.dedication_note)
        assert personal == (None,) * 4
        assert (row.amount_minor, row.fund) == (2_500, "families")
    assert db.session.scalars(select(LedgerLine)).one().donation_id == gift.id
    assert recurring.end_reason == "erased"  # the worker tells Stripe


def test_a_payment_under_way_brings_nobody_back(app: Flask) -> None:
    recurring = create_recurring(
        ANNA, NOW, stripe_subscription_id="sub_1", stripe_session_id="cs_1"
    )
    erase_contact(contact_of(ANNA), NOW)
    db.session.commit()
    facts = PaymentFacts(
        asked_at=NOW,
        state=State.PAID,
        amount_minor=2_500,
        currency="EUR",
        recurring_id=recurring.id,
        subscription_id="sub_1",
        invoice_id="in_1",
        payment_intent_id="pi_1",
        payer=Payer("Anna", ANNA, "LT"),
    )
    assert record_all([facts], NOW) == set()
    db.session.commit()
    donation = db.session.scalars(select(Donation)).one()
    assert (donation.state, donation.contact_id, donation.sealed) == ("paid", None, None)
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 0
    assert db.session.get_one(RecurringDonation, recurring.id).sealed is None
    assert record(replace(facts, asked_at=NOW + timedelta(minutes=1)), NOW)


def test_addresses_in_waiting_mails_go_too(app: Flask) -> None:
    create_signature(ANNA, NOW)
    create_signature(OTHER, NOW)
    erase_contact(contact_of(ANNA), NOW)
    db.session.commit()
    rows = db.session.execute(select(OutgoingEmail.idem_key, OutgoingEmail.blob)).all()
    assert sorted((key.split(":")[0], blob is None) for key, blob in rows) == [
        ("confirm", False),
        ("gone", True),
    ]


def test_the_same_address_can_begin_anew(app: Flask) -> None:
    confirm(create_signature(ANNA, NOW), NOW)
    first = contact_of(ANNA)
    erase_contact(first, NOW)
    db.session.commit()
    confirm(create_signature(ANNA, NOW), NOW)
    assert contact_of(ANNA) != first
    assert tally.total("signature.confirmed") == 1


def waiting(key: str) -> None:
    """A mail that is not sent yet."""
    outbox.enqueue(
        kind="thank-you", idem_key=key, language="en", to=ANNA, params={}, now=NOW,
    )  # fmt: skip


def test_no_mail_about_money_or_address_keeps_the_address(app: Flask) -> None:
    gift, recurring = create_gift(ANNA, NOW), create_recurring(ANNA, NOW)
    other, anna = create_gift(OTHER, NOW), contact_of(ANNA)
    letters.say_refunded(gift, Refund(id=uuid.uuid4(), amount_minor=5), ANNA, NOW)
    letters.say_refunded(other, Refund(id=uuid.uuid4(), amount_minor=5), OTHER, NOW)
    for what in ("paused", "resumed"):
        letters.say_changed(recurring, what, ANNA, NOW, NOW)
    last = uuid.UUID(int=2**128 - 1)
    for key in (
        f"address-change:{anna}:{last}", f"address-asked:{anna}:{last}",
        f"renewal:{recurring.id}:in_1Zz:3", f"my-copy:{anna}:20260301T1200",
        f"thank-you:{gift.id}", f"recurring-ended:{recurring.id}", f"confirm-newsletter:{gift.id}",
    ):  # fmt: skip
        waiting(key)
    waiting(f"address-change:{contact_of(OTHER)}:{uuid.uuid4()}")
    db.session.commit()
    erase_contact(anna, NOW)
    db.session.commit()
    left = db.session.scalars(
        select(OutgoingEmail.idem_key).where(OutgoingEmail.blob.is_not(None))
    ).all()
    assert sorted(key[: key.rindex(":")] for key in left) == [
        f"address-change:{contact_of(OTHER)}",
        f"gift-refunded:{other.id}",
    ]
    keys = db.session.scalars(select(OutgoingEmail.idem_key)).all()
    assert len(keys) == 12
    assert not [key for key in keys if str(anna) in key]


def test_mails_of_many_gifts_are_found_by_the_index(app: Flask) -> None:
    """It happens under the write lock; and SQLite takes no condition of 1000 parts."""
    asked: list[str] = []
    event.listen(
        db.engine, "before_cursor_execute", lambda c, cursor, words, *more: asked.append(words)
    )
    traces.empty_of_gifts([uuid.uuid4() for _ in range(350)])
    assert len([words for words in asked if "outgoing_email" in words]) == 4
    assert not any(words.startswith("SELECT") for words in asked)
    if db.engine.dialect.name == "sqlite":
        one = traces._begins(traces._OF_GIFT_AND_MORE, [uuid.uuid4()])
        statement = select(OutgoingEmail.id).where(one, OutgoingEmail.blob.is_not(None))
        plan = statement.compile(db.engine, compile_kwargs={"literal_binds": True})
        steps = db.session.execute(text(f"EXPLAIN QUERY PLAN {plan}".replace("%%", "%"))).all()
        assert not any(step.detail.startswith("SCAN") for step in steps), steps


def test_mails_stay_discreet_when_the_person_is_gone(app: Flask) -> None:
    """What Stripe says later is written about to an address that we know no more."""
    quiet, usual = create_recurring(ANNA, NOW), create_recurring(OTHER, NOW)
    gift = create_gift(ANNA, NOW)
    db.session.execute(
        update(Contact).where(Contact.id == contact_of(ANNA)).values(is_discreet=True)
    )
    for email in (ANNA, OTHER):
        erase_contact(contact_of(email), NOW)
    letters.say_ended(quiet, ANNA, NOW)
    letters.thank(gift, ANNA, "", NOW)
    db.session.commit()
    assert [bool(mail.params.get("discreet")) for mail in mails()] == [True, True]
    db.session.refresh(usual)
    assert not usual.is_discreet


def test_donors_forgotten_in_time_stay_discreet(app: Flask) -> None:
    gift = create_gift(ANNA, NOW)
    db.session.execute(update(Contact).values(is_discreet=True))
    db.session.commit()
    assert run_retention(NOW + timedelta(days=800))
    db.session.refresh(gift)
    assert (gift.contact_id, gift.is_discreet) == (None, True)


def renewal(recurring: RecurringDonation, subscription: str) -> PaymentFacts:
    """A debit of a recurring gift that has arrived."""
    return PaymentFacts(
        asked_at=NOW,
        state=State.PAID,
        amount_minor=2_500,
        currency="EUR",
        recurring_id=recurring.id,
        subscription_id=subscription,
        invoice_id=f"in_{subscription}",
        payer=Payer("Anna", ANNA, "LT"),
    )


def known() -> list[bool]:
    """Of each gift and recurring gift, whether anything is known of its giver."""
    models = (Donation, RecurringDonation)
    rows = [row for model in models for row in db.session.scalars(select(model)).all()]
    return [bool(row.contact_id or row.sealed) for row in rows]


@pytest.mark.parametrize("subscription", ["sub_1", "sub_2"])
def test_a_late_debit_of_what_has_ended_brings_nobody_back(app: Flask, subscription: str) -> None:
    """Nor does what was begun twice: it is another subscription."""
    recurring = create_recurring(
        ANNA, NOW, state="ended", end_reason="donor", stripe_subscription_id="sub_1"
    )
    erase_contact(contact_of(ANNA), NOW)
    db.session.commit()
    record_all([renewal(recurring, subscription)], NOW)
    db.session.commit()
    assert not any(known())
    assert set(db.session.scalars(select(RecurringDonation.end_reason))) == {"erased"}
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 0


def test_second_payment_of_an_erased_gift_brings_nobody_back(app: Flask) -> None:
    gift = create_gift(ANNA, NOW, stripe_session_id="cs_1")
    again = PaymentFacts(
        asked_at=NOW,
        state=State.PAID,
        amount_minor=2_500,
        currency="EUR",
        donation_id=gift.id,
        session_id="cs_2",
        payer=Payer("Anna", ANNA, "LT"),
    )
    erase_contact(contact_of(ANNA), NOW)
    db.session.commit()
    record_all([again], NOW)
    db.session.commit()
    assert known() == [False, False]
    stays = create_gift(OTHER, NOW, stripe_session_id="cs_3")
    record_all([replace(again, donation_id=stays.id, session_id="cs_4")], NOW)
    db.session.commit()
    assert sorted(known()) == [False, False, True, True]
