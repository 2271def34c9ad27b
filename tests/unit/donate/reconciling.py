"""Reconciling at a desk, and what is to be found there when it is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from click.testing import Result

from config.database import db
from demo.stripe import listing
from donate.books.comparison import Comparison, compare_books
from donate.books.missed import Run
from donate.books.models import Reconciliation
from donate.books.reconcile import reconcile
from donate.cli import donate_commands
from tests.unit.donate.desk import Desk


def command(desk: Desk, *args: str) -> Result:
    """flask donate reconcile."""
    return desk.app.test_cli_runner().invoke(donate_commands, ["reconcile", *args])


def run(desk: Desk, now: datetime | None = None, **options: Any) -> Run:
    with desk.app.app_context():
        return reconcile(now or datetime.now(UTC), **options)


def compare(desk: Desk, *, is_whole: bool = True) -> Comparison:
    with desk.app.app_context():
        return compare_books(datetime.now(UTC), is_whole=is_whole)


def kept(desk: Desk, name: str) -> Reconciliation:
    (found,) = [row for row in desk.rows(Reconciliation) if row.name == name]
    return found


def write(desk: Desk, *statements: Any) -> None:
    """Something happens to our database."""
    with desk.app.app_context():
        for statement in statements:
            db.session.execute(statement)
        db.session.commit()


@contextmanager
def no_events(desk: Desk) -> Iterator[None]:
    """Stripe has forgotten them."""
    age, listing.EVENT_AGE = listing.EVENT_AGE, -1
    try:
        yield
    finally:
        listing.EVENT_AGE = age
