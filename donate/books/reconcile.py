"""Bringing our books in line with Stripe's, by hand or by the worker.

Each step asks Stripe with no transaction open, records and commits. So it may be killed anywhere
and begun again, and runs safely beside live webhooks and beside itself: the same constraints
decide.
"""

from __future__ import annotations

import logging
from datetime import datetime

from config.database import db
from donate.books.comparison import compare_books
from donate.books.left_behind import look_again
from donate.books.missed import Run, adopt_sessions, catch_up, keep_failures
from donate.gateway import gateway

log = logging.getLogger("vigil.donate")

PATIENCE = 60.0  # seconds that the worker gives to a run: mail waits meanwhile
SLICE, LARGE_SLICE = 50, 1_000  # gifts of one kind that are looked at in a run


def reconcile(now: datetime, *, patience: float | None = None, size: int = LARGE_SLICE) -> Run:
    """Catch up with what was missed; says what was done. Commits as it goes.

    `patience` is in seconds, `size` how many waiting gifts of each kind are looked at. Call it with
    no transaction open. Raises GatewayOff, GatewayUnavailable, VaultMissing and
    VolatileKeysUnreachable: what was recorded until then stays, and the cursors stay behind it.
    """
    run = Run(now, patience)
    for step in (catch_up, adopt_sessions, lambda run: look_again(run, size)):
        if run.is_whole:
            step(run)
    keep_failures(run)
    return run


def reconcile_now(now: datetime) -> None:
    """The worker's job, every quarter of an hour."""
    if not gateway().is_on:
        return
    db.session.rollback()
    run = reconcile(now, patience=PATIENCE, size=SLICE)
    if run.events or run.sessions or run.failed:
        log.info("reconciled: %d events, %d sessions were missed", run.events, run.sessions)
    if run.failed:
        log.error("reconciled: Stripe refuses to show %d of what we asked for", len(run.failed))


def compare_now(now: datetime) -> None:
    """The worker's job, once a day."""
    if not gateway().is_on:
        return
    db.session.rollback()
    found = compare_books(now, is_whole=False)
    if found.recorded or found.differences:
        log.error(
            "books compared: %d lines were missing and are recorded, %d differences are left",
            len(found.recorded),
            len(found.differences),
        )
