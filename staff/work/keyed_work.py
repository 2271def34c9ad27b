"""Work that needs an open vault, done in the background by the process of a signed-in key holder.

A thread of the web process takes the steps in turn, batch by batch, each batch in a transaction of
its own, for as long as that session lives. The key is in the memory of the thread alone. One
process works at a time: it holds a lease in the database, which runs out where the process dies.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from flask import Flask, current_app
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError

from config.database import (
    begin_read,
    begin_write,
    db,
    forget_deleted_rows,
    insert_or_update,
)
from staff import audit
from staff.door.sessions import is_live
from staff.models import KeyedWork, StaffSession
from staff.work import lease
from vault.services import Opener, VaultMissing, state_of_keys, vault

log = logging.getLogger("vigil.staff")

ATTEMPTS = 3  # for a batch that crossed somebody else's
BREATH = 0.02  # seconds between two batches, for those who are being served


@dataclass(frozen=True)
class Batch:
    """Some rows, read and opened: what there is to write, and where to go on."""

    rows: Sequence[Any] = field(repr=False)
    place: Any
    skipped: int = 0  # boxes that do not open


class Step(Protocol):
    """One kind of work. `read` and `left` run in a transaction that reads; `write` flushes."""

    name: str

    def left(self, now: datetime, most: int | None = None) -> int:
        """How many rows wait; counting stops at `most`."""

    def read(self, opener: Opener, now: datetime, after: Any) -> Batch | None:
        """The next rows after a place, opened; None where there are no more."""

    def write(self, opener: Opener, batch: Batch, now: datetime) -> int:
        """Write a batch; how many rows were done. Whoever was quicker is left alone."""

    def finish(self, opener: Opener, now: datetime) -> Callable[[], None] | None:
        """Write what is to be written at the end; what it returns is called when committed."""


@dataclass
class Course:
    """How far one step is in one round."""

    step: Step
    waiting: int
    done: int = 0
    skipped: int = 0
    place: Any = None

    @property
    def left(self) -> int:
        """How many rows still wait, as far as known at the beginning."""
        return max(self.waiting - self.done - self.skipped, 0)

    def after(self, batch: Batch, done: int) -> Course:
        """How far it will be once this batch is committed."""
        skipped = self.skipped + batch.skipped
        return Course(self.step, self.waiting, self.done + done, skipped, batch.place)


@dataclass
class Shift:
    """One round of all steps with one session's opener."""

    app: Flask
    opener: Opener = field(repr=False)
    session_id: uuid.UUID
    staff_id: uuid.UUID
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    told_to_stop: threading.Event = field(default_factory=threading.Event)
    leased_until: datetime | None = None
    skipped: int = 0

    def run(self) -> int:
        """Take the lease and all steps; how many rows were done. Never raises."""
        done = 0
        try:
            self._take_lease()
            self._restore_index_key()
            for step in self.app.extensions["vigil_keyed_steps"]:
                done += self._try_step(step)
        except lease.Stopped:
            log.info("keyed work stopped before its end")
        except VaultMissing as fault:
            log.warning("keyed work stopped: %s", fault)
        except Exception as error:  # nobody waits for this thread, who could be told
            log.error("keyed work failed: %s", type(error).__name__)
        self._give_back()
        return done

    def _try_step(self, step: Step) -> int:
        """Take a step; its fault is its own, and those after it are taken. Raises Stopped."""
        course = Course(step, waiting=0)
        try:
            self._run_step(course)
        except lease.Stopped:
            raise
        except VaultMissing as fault:
            log.warning("keyed work stopped at %s: %s", step.name, fault)
        except Exception as error:
            log.error("keyed work failed at %s: %s", step.name, type(error).__name__)
        return course.done

    def _run_step(self, course: Course) -> None:
        with self.app.app_context():
            course.waiting = course.step.left(self.clock())
        if not course.waiting:
            return
        while self._one_batch(course):
            self.told_to_stop.wait(BREATH)
        self.skipped += course.skipped
        self._finish(course)

    def _one_batch(self, course: Course) -> bool:
        """Take the next batch; once more where it crossed somebody else's. False: no more."""
        for attempt in range(1, ATTEMPTS):
            try:
                return self._try_batch(course)
            except (IntegrityError, OperationalError):
                self.told_to_stop.wait(BREATH * 10 * attempt)
        return self._try_batch(course)

    def _try_batch(self, course: Course) -> bool:
        with self.app.app_context():
            now = self.clock()
            begin_read()
            self._check(now)
            batch = course.step.read(self.opener, now, course.place)
            if batch is None:
                return False
            begin_write()
            until = lease.renew(self.leased_until, now)
            after = course.after(batch, course.step.write(self.opener, batch, now))
            _note(course.step.name, after.done, after.left, now)
            db.session.commit()
            self.leased_until = until
            course.place, course.done, course.skipped = after.place, after.done, after.skipped
            return True

    def _finish(self, course: Course) -> None:
        with self.app.app_context():
            now = self.clock()
            begin_write()
            self._check(now)
            until = lease.renew(self.leased_until, now)
            afterwards = course.step.finish(self.opener, now)
            _note(course.step.name, course.done, 0, now)
            db.session.commit()
            self.leased_until = until
            if afterwards:
                afterwards()

    def _check(self, now: datetime) -> None:
        """The session lives, and its vault is still the one that seals. Raises Stopped."""
        if self.told_to_stop.is_set():
            raise lease.Stopped
        session = db.session.scalar(select(StaffSession).where(StaffSession.id == self.session_id))
        if session is None or not is_live(session, now):
            raise lease.Stopped
        if vault().check().id != self.opener.active_id:
            raise lease.Stopped

    def _take_lease(self) -> None:
        with self.app.app_context():
            begin_write()
            until = lease.take(self.clock())
            db.session.commit()
            self.leased_until = until

    def _restore_index_key(self) -> None:
        """Put the index key back where it was lost since its holder signed in; the log says so."""
        with self.app.app_context():
            now = self.clock()
            self._check(now)
            if vault().restore_index_key(self.opener):
                about = ("vault", None)
                audit.record("index-key.restored", now, actor=self.staff_id, subject=about)
            db.session.commit()

    def _give_back(self) -> None:
        """Let the next one begin at once; where that fails, the lease runs out."""
        if self.leased_until is None:
            return
        try:
            with self.app.app_context():
                begin_write()
                lease.give_back(self.leased_until, self.skipped, self.clock())
                db.session.commit()
                forget_deleted_rows()  # boxes that were replaced, contacts that were merged
        except Exception as error:
            log.warning("keyed work's lease was not given back: %s", type(error).__name__)


def steps() -> Sequence[Step]:
    """The steps in the order in which they are taken."""
    return cast(Sequence[Step], current_app.extensions["vigil_keyed_steps"])


def is_wanted(now: datetime) -> bool:
    """Whether something waits and nobody is at it."""
    if lease.is_taken(now):
        return False
    return not state_of_keys().has_index_key or any(step.left(now, most=1) for step in steps())


def _note(name: str, done: int, left: int, now: datetime) -> None:
    """How far a step is, for the first page of staff."""
    row = insert_or_update(KeyedWork).values(name=name, done=done, left=left, at=now)
    db.session.execute(
        row.on_conflict_do_update(
            index_elements=["name"], set_={"done": done, "left": left, "at": now}
        )
    )
