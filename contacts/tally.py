"""Counts that stay exact under load: deltas are appended, the worker folds them, readers add both.

One hot counter row would make every sign-up wait for the one before; an appended row does not.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Insert, String, cast, delete, func, insert, select

from config.database import db, insert_or_update
from contacts.models import Tally, TallyDelta

BATCH = 5_000  # deltas folded in one transaction


def change(kind: str, subject: str, n: int, day: date, country: str = "") -> Insert:
    """The statement that appends a change of `n` to a count."""
    return insert(TallyDelta).values(kind=kind, subject=subject, day=day, country=country, n=n)


def fold(now: datetime) -> None:
    """Add a batch of deltas to the counts and drop them; readers see the same sums throughout."""
    rows = db.session.execute(
        delete(TallyDelta)
        .where(
            TallyDelta.id.in_(
                select(TallyDelta.id)
                .order_by(TallyDelta.id)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            )
        )
        .returning(
            TallyDelta.kind, TallyDelta.subject, TallyDelta.day, TallyDelta.country, TallyDelta.n
        )
    ).all()
    sums: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for kind, subject, day, country, n in rows:
        sums[kind, subject, "day", day.isoformat()] += n
        if country:
            sums[kind, subject, "country", country] += n
    for (kind, subject, facet, value), n in sorted(sums.items()):
        statement = insert_or_update(Tally).values(
            kind=kind, subject=subject, facet=facet, value=value, n=n
        )
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["kind", "subject", "facet", "value"],
                set_={"n": Tally.n + statement.excluded.n},
            )
        )


def total(kind: str, subject: str | None = None) -> int:
    """The count as it is now: folded and not yet folded."""
    return sum(totals(kind, subject).values())


def totals(kind: str, subject: str | None = None) -> dict[str, int]:
    """The counts by subject."""
    return _sums(kind, "day", Tally.subject, TallyDelta.subject, subject)


def by_day(kind: str, subject: str | None = None) -> dict[str, int]:
    """The counts by day (ISO 8601), of one subject or of all."""
    return _sums(kind, "day", Tally.value, cast(TallyDelta.day, String), subject)


def by_country(kind: str, subject: str | None = None, least: int = 5) -> dict[str, int]:
    """The counts by country code, only those of `least` or more: fewer could point at a person."""
    counts = _sums(kind, "country", Tally.value, TallyDelta.country, subject)
    return {country: n for country, n in counts.items() if country and n >= least}


def _sums(
    kind: str,
    facet: str,
    folded: Any,
    waiting: Any,
    subject: str | None,
) -> dict[str, int]:
    """Both halves in one statement, so that a fold between them cannot be counted twice."""
    of_tally = [Tally.kind == kind, Tally.facet == facet]
    of_delta = [TallyDelta.kind == kind]
    if subject is not None:
        of_tally.append(Tally.subject == subject)
        of_delta.append(TallyDelta.subject == subject)
    both = (
        select(folded.label("key"), Tally.n.label("n"))
        .where(*of_tally)
        .union_all(select(waiting.label("key"), TallyDelta.n.label("n")).where(*of_delta))
        .subquery()
    )
    rows = db.session.execute(select(both.c.key, func.sum(both.c.n)).group_by(both.c.key))
    return {key: int(n) for key, n in rows}
