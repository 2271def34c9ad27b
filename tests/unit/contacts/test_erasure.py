"""Erasing: the person goes out of every table, the accounts stay, what recurs ends."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import func, inspect, select

from config.database import Base, db
from contacts import links, tally
from contacts.erasure import erase_contact
from contacts.models import AddressChange, Contact, CopyRequest, Correction
from donate.books.models import Kind, LedgerLine
from donate.facts import Payer, PaymentFacts
from donate.models import Donation, RecurringDonation, State
from donate.recording import record, record_all
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
