"""The background work: one process at a time, batch by batch, and no longer than the session."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from config.database import db
from contacts.models import Contact
from staff.door import sessions
from staff.models import AuditEvent, KeyedWork, StaffSession
from staff.work import indexing, keyed_work, lease
from staff.work.indexing import Indexing
from staff.work.keyed_thread import Background, background
from staff.work.keyed_work import Batch
from tests.unit.staff.conftest import Browser, People
from tests.unit.staff.keyed import Desk
from vault.services import vault

UNINDEXED = select(func.count()).select_from(Contact).where(Contact.email_index.is_(None))


@pytest.fixture
def desk(app: Flask, holder_key: bytes) -> Desk:
    """A key holder, and seven people who came while the keys were lost."""
    made = Desk(app, holder_key)
    made.lose_keys()
    people = People(app)
    for n in range(7):
        people.create_signature(f"P{n}")
    return made


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three contacts at a time."""
    monkeypatch.setattr(indexing, "SIZE", 3)


class Broken(Indexing):
    """A step that the power takes away in its second batch."""

    def __init__(self, do: Callable[[], object]) -> None:
        self.batches, self.do = 0, do

    def write(self, *args: Any) -> int:
        """Write; in the second batch something happens after it and before the commit."""
        done = super().write(*args)
        self.batches += 1
        if self.batches == 2:
            self.do()
        return done


class Faulty(Indexing):
    """A step that cannot even begin to read."""

    name = "faulty"

    def read(self, *args: Any) -> Batch | None:
        """A row that nobody thought of."""
        raise ValueError


class Ending(Indexing):
    """A step after whose last batch something happens."""

    def __init__(self) -> None:
        self.do: Callable[[], object] = lambda: None
        self.is_finished = False

    def read(self, *args: Any) -> Batch | None:
        """The next rows, or the end."""
        batch = super().read(*args)
        if batch is None:
            db.session.rollback()
            self.do()
        return batch

    def finish(self, *args: Any) -> None:
        """It came so far."""
        self.is_finished = True


def fail() -> None:
    raise SystemError


def left(desk: Desk) -> int:
    return int(desk.read(UNINDEXED)[0][0])


def with_step(app: Flask, step: Indexing) -> None:
    app.extensions["vigil_keyed_steps"] = (step,)


def test_crash_between_two_batches_keeps_the_first_and_goes_on_later(
    app: Flask, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with_step(app, Broken(fail))
    desk.work()
    assert left(desk) == 4, "the first batch is committed, the second is not"
    assert desk.figures("index") == (3, 4)
    assert "keyed work failed at index: SystemError" in caplog.text
    with_step(app, Indexing())
    assert desk.work() == 4
    assert left(desk) == 0
    assert desk.figures("index") == (4, 0)


def test_signing_out_ends_the_work_after_the_batch(app: Flask, desk: Desk) -> None:
    shift = desk.create_shift()
    step = Broken(lambda: db.session.execute(StaffSession.__table__.delete()))
    with_step(app, step)
    shift.run()
    assert step.batches == 2
    assert left(desk) == 1
    assert desk.read(select(KeyedWork.leased_until).where(KeyedWork.name == lease.ROW)) == [(None,)]


def test_session_that_was_idle_for_too_long_works_no_more(desk: Desk) -> None:
    shift = desk.create_shift(clock=lambda: desk.now + sessions.IDLE + timedelta(seconds=1))
    assert shift.run() == 0
    assert left(desk) == 7


def test_only_one_process_works(app: Flask, desk: Desk) -> None:
    others = []
    with_step(app, Broken(lambda: others.append(threading.Thread(target=second.run))))
    first, second = desk.create_shift(), desk.create_shift()
    first_lease: list[bool] = []
    first._take_lease()
    with app.app_context():
        first_lease.append(lease.is_taken(desk.now))
        assert not keyed_work.is_wanted(desk.now), "somebody is at it"
    assert second.run() == 0
    assert left(desk) == 7
    assert first_lease == [True]


def test_lease_of_a_dead_process_runs_out_and_its_late_batch_is_refused(desk: Desk) -> None:
    dead, heir = desk.create_shift(), desk.create_shift()
    dead._take_lease()
    desk.now += lease.LEASE + timedelta(seconds=1)
    assert heir.run() == 7
    with pytest.raises(lease.Stopped), heir.app.app_context():
        lease.renew(dead.leased_until, desk.now)


def test_nothing_is_done_with_the_key_of_a_vault_that_was_replaced(desk: Desk) -> None:
    shift = desk.create_shift()
    shift.opener = shift.opener.followed_by(2, secrets.token_bytes(32))
    assert shift.run() == 0
    assert left(desk) == 7
    with desk.app.app_context():
        assert vault().email_index("anna@example.org") is None


def test_batch_that_crossed_another_is_tried_once_more(
    app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import IntegrityError

    def cross() -> None:
        raise IntegrityError("crossed", None, Exception())

    step = Broken(cross)
    with_step(app, step)
    assert desk.work() == 7
    assert (left(desk), step.batches) == (0, 4)


def test_page_of_a_key_holder_begins_the_work_in_a_thread(
    app: Flask, desk: Desk, browser_of: Callable[[str], Browser], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    viewer, keeper = browser_of("viewer"), browser_of("contacts")
    viewer.get("/staff/")
    with app.app_context():
        assert background().thread is None, "a viewer has no key"
    page = keeper.get("/staff/").text
    assert "7 people" in page, "the page says what waits"
    with app.app_context():
        running = background()
    thread = running.thread
    assert thread is not None
    assert thread.daemon, "it ends with the process"
    thread.join(20)
    assert left(desk) == 0
    assert running.shift is None, "the key is gone from memory"
    with app.app_context():
        assert vault().email_index("anna@example.org"), "sign-ups are indexed again"
        restored = AuditEvent.action == "index-key.restored"
        actors = db.session.scalars(select(AuditEvent.actor_id).where(restored)).all()
        assert list(actors) == [keeper.staff_id]
    assert desk.key.hex() not in caplog.text
    assert "7 people" not in keeper.get("/staff/").text


def test_process_that_ends_stops_between_two_batches(app: Flask, desk: Desk) -> None:
    made = Background(app)
    with_step(app, Broken(lambda: made.shift and made.shift.told_to_stop.set()))
    made.start(desk.create_shift())
    assert made.thread
    made.thread.join(20)
    assert left(desk) == 1
    made.stop()


def test_looks_for_work_are_some_seconds_apart_but_a_new_session_is_heard_at_once(
    app: Flask, desk: Desk
) -> None:
    made = Background(app)
    _one, first = desk.sign_in()
    _two, second = desk.sign_in()
    assert made.looks_again(first, desk.now)
    assert not made.looks_again(first, desk.now + timedelta(seconds=1))
    assert made.looks_again(second, desk.now + timedelta(seconds=1))
    assert made.looks_again(second, desk.now + timedelta(seconds=7))


def test_fault_of_one_step_does_not_stop_the_others(
    app: Flask, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    app.extensions["vigil_keyed_steps"] = (Faulty(), Indexing())
    assert desk.work() == 7
    assert "keyed work failed at faulty: ValueError" in caplog.text
    assert left(desk) == 0


@pytest.mark.parametrize("reason", ["told to stop", "signed out"])
def test_step_is_not_finished_when_its_session_is_over(app: Flask, desk: Desk, reason: str) -> None:
    step = Ending()
    with_step(app, step)
    shift = desk.create_shift()

    def end() -> None:
        if reason == "told to stop":
            shift.told_to_stop.set()
            return
        with app.app_context():
            db.session.execute(StaffSession.__table__.delete())
            db.session.commit()

    step.do = end
    shift.run()
    assert left(desk) == 0
    assert not step.is_finished
