"""The rules for how long donors are kept, and a run beside people who sign at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from config.database import db
from contacts import links, retention
from contacts.jobs import preview, run_retention
from contacts.models import AddressChange, Contact, CopyRequest, PrivateLink
from contacts.services import record_deed
from donate.models import Donation, RecurringDonation
from petitions.models import Signature
from tests.support.moments import NOW
from tests.support.people import (
    confirm,
    contact_of,
    create_gift,
    create_recurring,
    create_signature,
    given_signature,
)

ANNA, OTHER = "anna@example.org", "other@example.org"
TWO_YEARS = 730


def run(days: int) -> dict[str, int]:
    """A run so many days from now, as its dry run before had said; only what it dropped."""
    later = NOW + timedelta(days=days)
    said = preview(later)
    assert run_retention(later) == said
    return {name: number for name, number in said.items() if number}


def known(model: type[Any]) -> int:
    """How many gifts have somebody's box."""
    return db.session.scalar(select(func.count(model.sealed))) or 0


def test_donors_are_forgotten_some_time_after_their_last_gift(app: Flask) -> None:
    create_gift(ANNA, NOW - timedelta(days=500))
    create_gift(ANNA, NOW)
    create_gift(None, NOW)  # of somebody who gave no address
    assert run(TWO_YEARS) == {}
    dropped = run(TWO_YEARS + 1)
    assert dropped == {"gifts that lose their donor": 3, "contacts that nothing keeps": 1}
    assert (known(Donation), db.session.scalar(select(func.count(Donation.id)))) == (0, 3)
    assert db.session.scalars(select(Donation.contact_id)).all() == [None] * 3


def test_donors_are_known_while_a_recurring_gift_lives(app: Flask) -> None:
    create_gift(ANNA, NOW)
    recurring = create_recurring(ANNA, NOW, state="paused")
    nameless = create_recurring(None, NOW)
    create_gift(None, NOW, recurring_id=nameless.id)
    assert run(TWO_YEARS * 3) == {}
    ended = {"state": "ended", "ended_at": NOW + timedelta(days=TWO_YEARS * 3)}
    db.session.execute(update(RecurringDonation).values(ended))
    db.session.commit()
    assert run(TWO_YEARS * 3) == {
        "gifts that lose their donor": 2,
        "recurring gifts that lose their donor": 2,
        "contacts that nothing keeps": 1,
    }
    db.session.refresh(recurring)
    assert (recurring.contact_id, recurring.sealed, recurring.dedication) == (None,) * 3


def test_a_donor_who_signs_stays_and_only_the_gifts_are_loosed(app: Flask) -> None:
    create_gift(ANNA, NOW)
    confirm(create_signature(ANNA, NOW), NOW)
    assert run(TWO_YEARS + 1) == {"gifts that lose their donor": 1}
    assert db.session.get(Contact, contact_of(ANNA))


def test_a_page_that_somebody_may_open_keeps_the_contact(app: Flask) -> None:
    confirm(create_signature(ANNA, NOW), NOW)
    contact_id = contact_of(ANNA)
    db.session.execute(Signature.__table__.delete())
    later = NOW + timedelta(hours=2)
    links.make_link("giving", contact_id, NOW)
    db.session.add_all(
        [
            CopyRequest(contact_id=contact_id, language="en", asked_at=NOW, expires_at=later),
            AddressChange(hash=b"h" * 32, contact_id=contact_id, sealed=b"x", expires_at=later),
        ]
    )
    db.session.commit()
    assert run(days=0) == {}
    assert run(days=1) == {
        "private links that have run out": 1,
        "copies that have run out": 1,
        "changes of address that were not confirmed": 1,
        "contacts that nothing keeps": 1,
    }
    assert db.session.scalar(select(func.count()).select_from(PrivateLink)) == 0


def test_many_are_dropped_in_batches(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contacts.jobs.FIND", 3)
    monkeypatch.setattr("contacts.jobs.BATCH", 2)
    for number in range(7):
        create_signature(f"person-{number}@example.org", NOW)
    said = {"deeds not confirmed in time": 7, "contacts that nothing keeps": 7}
    assert run(days=8) == said


def test_it_goes_on_where_it_was_broken_off(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contacts.jobs.BATCH", 2)
    for number in range(5):
        create_signature(f"person-{number}@example.org", NOW)
    later = NOW + timedelta(days=8)
    breaks_at(app, batch=2, error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run_retention(later)
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Signature)) == 3
    db.session.rollback()
    assert run_retention(later)["deeds not confirmed in time"] == 3


def test_a_batch_that_fails_stops_nothing_else(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("contacts.jobs.BATCH", 2)
    for number in range(5):
        create_signature(f"person-{number}@example.org", NOW)
    breaks_at(app, batch=2, error=IntegrityError("", {}, Exception()))
    dropped = run_retention(NOW + timedelta(days=8))
    assert set(dropped.values()) == {5, 0}
    assert "waits: IntegrityError" in caplog.text
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 0


def breaks_at(app: Flask, batch: int, error: BaseException) -> None:
    """Let the first step break off once, in the middle of a batch."""
    first, *rest = app.extensions["vigil_retention"]
    done: list[int] = []

    def drop(ids: Sequence[Any], now: datetime) -> int:
        dropped = first.drop(ids, now)
        done.append(dropped)
        if len(done) == batch:
            raise error
        return dropped

    app.extensions["vigil_retention"] = (replace(first, drop=drop), *rest)


def test_who_comes_back_at_the_same_moment_stays(app: Flask) -> None:
    """Between finding and dropping, a person signs anew: the contact is not dropped."""
    confirm(create_signature(ANNA, NOW - timedelta(days=9)), NOW - timedelta(days=9))
    contact_id = contact_of(ANNA)
    db.session.execute(Signature.__table__.delete())
    db.session.commit()
    assert retention.CONTACTS.find(NOW, 10) == [contact_id]
    db.session.rollback()
    create_signature(ANNA, NOW)
    assert retention.CONTACTS.drop([contact_id], NOW) == 0
    db.session.commit()
    assert contact_of(ANNA) == contact_id


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_runs_beside_sign_ups_lose_nobody(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """Contacts are dropped while the same people sign again and again: nothing fails, nor hangs."""
    emails = [f"person-{number}@example.org" for number in range(6)]
    faults: list[BaseException] = []
    stop = threading.Event()

    def together(work: Callable[[], None]) -> threading.Thread:
        def body() -> None:
            try:
                with app.app_context():
                    work()
            except BaseException as error:  # noqa: BLE001 - told below
                faults.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        return thread

    def sign_again() -> None:
        for _round in range(12):
            for email in emails:
                record_deed(given_signature(email), NOW)
                db.session.commit()

    def keep_dropping() -> None:
        while not stop.is_set():
            run_retention(NOW + timedelta(days=1))
            db.session.execute(Signature.__table__.delete())
            db.session.commit()

    dropper = together(keep_dropping)
    signers = [together(sign_again) for _number in range(2)]
    for thread in signers:
        thread.join(60)
    stop.set()
    dropper.join(60)
    assert faults == []
    assert "waits" not in caplog.text
    run_retention(NOW + timedelta(days=1))
    hanging = db.session.scalar(
        select(func.count(Contact.id)).where(
            ~select(Signature.id).where(Signature.contact_id == Contact.id).exists()
        )
    )
    assert hanging == 0


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_who_is_just_signing_is_waited_for(app: Flask) -> None:
    """A transaction that hangs a deed on the contact is still open when the contact is to go."""
    create_signature(ANNA, NOW)
    contact_id = contact_of(ANNA)
    db.session.execute(Signature.__table__.delete())
    db.session.commit()
    dropped: list[int | Exception] = []

    def drop() -> None:
        with app.app_context():
            try:
                dropped.append(retention.drop_empty([contact_id]))
                db.session.commit()
            except IntegrityError as error:
                dropped.append(error)

    record_deed(given_signature(ANNA), NOW)
    thread = threading.Thread(target=drop)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive()
    db.session.commit()
    thread.join(10)
    assert dropped == [0]
