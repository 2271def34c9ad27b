"""The daily comparison: Stripe's balance transactions against our ledger lines, one by one.

Our lines are read before Stripe is asked and again after, so that a gift that comes in meanwhile is
no difference: what Stripe does not know was ours before, what we lack is not ours even after.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import exists, func, select

from config.database import begin_read, db
from donate import letters
from donate.at_stripe.listed import BalanceLine
from donate.books.cursors import move_cursor, note_run, place_cursor, read_cursor
from donate.books.missed import look_and_record
from donate.books.models import LedgerLine
from donate.facts import Facts, PaymentFacts
from donate.gateway import gateway
from donate.models import Donation

OVERLAP = timedelta(days=7)
NOTED = 200  # differences that are kept; their number is told in full


class Line(NamedTuple):
    """What a line does to the balance, in minor units of its currency."""

    gross_minor: int
    fee_minor: int
    currency: str
    donation_id: uuid.UUID | None = None


@dataclass
class Sums:
    """One side of the comparison in one currency."""

    lines: int = 0
    gross_minor: int = 0
    fee_minor: int = 0

    @property
    def net_minor(self) -> int:
        """What it did to the balance."""
        return self.gross_minor - self.fee_minor

    def add(self, line: Line) -> None:
        """Count one more line."""
        self.lines += 1
        self.gross_minor += line.gross_minor
        self.fee_minor += line.fee_minor


@dataclass
class Comparison:
    """What came of it; ids and numbers only."""

    since: date
    recorded: list[BalanceLine] = field(default_factory=list)  # were missing, are in the books now
    differences: list[dict[str, Any]] = field(default_factory=list)
    not_ours: int = 0
    theirs: dict[str, Sums] = field(default_factory=dict)
    ours: dict[str, Sums] = field(default_factory=dict)


def compare_books(now: datetime, *, is_whole: bool) -> Comparison:
    """Compare, record what was missing, keep and report the differences; commits.

    `is_whole`: from the first gift on, else from where they last agreed. Call it with no
    transaction open. Raises GatewayOff, GatewayUnavailable, VaultMissing, VolatileKeysUnreachable.
    """
    since = _first_day(now) if is_whole else _agreed_day(now)
    before = _our_lines(since)
    listed = {line.id: line for line in gateway().list_movements(_midnight(since))}
    found = Comparison(since)
    strange = _record_missing(found, [one for one in listed.values() if one.id not in before])
    after = _our_lines(since)
    theirs = {one.id: _as_line(one) for one in listed.values() if one.id not in strange}
    found.differences = list(_differences(before, after, theirs))
    found.theirs = _sums(theirs.values())
    # what came in while Stripe was asked is on neither side
    found.ours = _sums(after[one] for one in after if one in before or one in theirs)
    _keep(found, now)
    return found


def _first_day(now: datetime) -> date:
    begin_read()
    first: date | None = db.session.scalar(select(func.min(Donation.day)))
    db.session.rollback()
    return (first or now.date()) - timedelta(days=1)


def _agreed_day(now: datetime) -> date:
    cursor = read_cursor("books")
    return _first_day(now) if cursor is None else (cursor - OVERLAP).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _our_lines(since: date) -> dict[str, Line]:
    """The lines that went through Stripe, by the id of their balance transaction."""
    table = LedgerLine
    statement = select(
        table.stripe_balance_transaction_id,
        table.gross_minor,
        table.fee_minor,
        table.currency,
        table.donation_id,
    ).where(table.stripe_balance_transaction_id.is_not(None), table.day >= since)
    begin_read()
    found = {str(row[0]): Line(*row[1:]) for row in db.session.execute(statement)}
    db.session.rollback()
    return found


def _as_line(line: BalanceLine) -> Line:
    return Line(line.gross_minor, line.fee_minor, line.currency)


def _record_missing(found: Comparison, missing: Iterable[BalanceLine]) -> set[str]:
    """Look at what a missing line came from and record it; the ids of those that are not ours.

    A line is ours where its gift bears our mark.
    """
    strange: set[str] = set()
    for line in missing:
        if _is_booked(line.id):
            continue  # with another line of its gift, or by a webhook meanwhile
        facts = look_and_record(partial(_look_at, line))
        if _is_booked(line.id):
            found.recorded.append(line)
        elif facts is not None and not any(map(_is_marked, facts)):
            strange.add(line.id)
    found.not_ours = len(strange)
    return strange


def _look_at(line: BalanceLine) -> Sequence[Facts]:
    return gateway().look_at_charge(line.charge_id) if line.charge_id else ()


def _is_marked(fact: Facts) -> bool:
    return isinstance(fact, PaymentFacts) and bool(fact.donation_id or fact.recurring_id)


def _is_booked(line_id: str) -> bool:
    begin_read()
    known = exists().where(LedgerLine.stripe_balance_transaction_id == line_id)
    found = bool(db.session.scalar(select(known)))
    db.session.rollback()
    return found


def _differences(
    before: Mapping[str, Line], after: Mapping[str, Line], theirs: Mapping[str, Line]
) -> Iterator[dict[str, Any]]:
    """What Stripe has and we have not, what both have with other amounts, what Stripe lacks."""
    for line_id, line in theirs.items():
        ours = after.get(line_id)
        if ours is None:
            yield {"what": "missing", "id": line_id, **_sides(None, line)}
        elif ours[:3] != line[:3]:  # all but whose it is
            yield {"what": "amounts", "id": line_id, **_sides(ours, line)}
    for line_id in before.keys() - theirs.keys():
        yield {"what": "unknown", "id": line_id, **_sides(before[line_id], None)}


def _sides(ours: Line | None, theirs: Line | None) -> dict[str, Any]:
    """Both sides of a difference in minor units; a side that is not there is left out."""
    told: dict[str, Any] = {}
    for side, line in (("ours", ours), ("theirs", theirs)):
        if line:
            told |= {side: line.gross_minor, f"{side}_fee": line.fee_minor}
            told |= {"currency": line.currency}
    if ours:
        told["donation"] = str(ours.donation_id)
    return told


def _sums(lines: Iterable[Line]) -> dict[str, Sums]:
    sums: dict[str, Sums] = defaultdict(Sums)
    for line in lines:
        sums[line.currency].add(line)
    return dict(sums)


def _keep(found: Comparison, now: datetime) -> None:
    """Keep the differences for staff, tell of them once a day, and begin there the next time."""
    if found.differences:
        place_cursor("books", _midnight(found.since) + OVERLAP, now)
        letters.alert("books-differ", len(found.differences), now)
    else:
        move_cursor("books", now, now)
    note_run("books", now, found.differences[:NOTED])
    db.session.commit()
