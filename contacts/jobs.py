"""The retention run: every step, batch by batch, each batch in a transaction of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError, OperationalError

from config.database import begin_read, begin_write, db
from contacts.retention import Step, steps

log = logging.getLogger("vigil.contacts")

FIND = 5_000  # keys in one search
BATCH = 500  # rows dropped in one transaction
PAUSE = 0.02  # seconds after each, in which others get SQLite's write lock
WORKER_SECONDS = 20.0  # of one run in the worker, whose mails wait meanwhile


def keep_to_times(now: datetime) -> dict[str, int]:
    """The worker's run: what is left after some seconds waits for the next one."""
    return run_retention(now, seconds=WORKER_SECONDS)


def run_retention(now: datetime, seconds: float | None = None) -> dict[str, int]:
    """Drop what is over; how much of each, by the steps' names. Call it with no transaction open.

    Broken off at any point, the next run goes on. A batch that a concurrent change makes fail is
    left for the next search and stops nothing else.
    """
    until = time.monotonic() + seconds if seconds is not None else float("inf")
    return {step.name: _run_step(step, now, until) for step in steps()}


def preview(now: datetime) -> dict[str, int]:
    """What a run would drop, by doing it all in one transaction that is then undone.

    So it says exactly what the run would do. On SQLite sign-ups wait as long as it takes.
    """
    begin_write()
    try:
        return {step.name: _preview_step(step, now) for step in steps()}
    finally:
        db.session.rollback()


def _run_step(step: Step, now: datetime, until: float) -> int:
    dropped = 0
    while time.monotonic() < until:
        begin_read()
        found = step.find(now, FIND)
        db.session.rollback()
        this_round = 0
        for batch in _batches(found):
            if time.monotonic() >= until:
                break
            this_round += _drop(step, batch, now)
            time.sleep(PAUSE)
        dropped += this_round
        if not this_round:
            break
    return dropped


def _drop(step: Step, batch: Sequence[Any], now: datetime) -> int:
    begin_write()
    try:
        dropped = step.drop(batch, now)
        db.session.commit()
    except (IntegrityError, OperationalError) as error:  # somebody came between, or a deadlock
        db.session.rollback()
        log.warning("retention: a batch of “%s” waits: %s", step.name, type(error).__name__)
        return 0
    return dropped


def _preview_step(step: Step, now: datetime) -> int:
    dropped = 0
    while found := step.find(now, FIND):
        this_round = sum(step.drop(batch, now) for batch in _batches(found))
        db.session.flush()
        dropped += this_round
        if not this_round:
            break
    return dropped


def _batches(found: Sequence[Any]) -> list[Sequence[Any]]:
    return [found[start : start + BATCH] for start in range(0, len(found), BATCH)]
