"""A database after years: millions of signatures, as many counts as they would have left."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from statistics import median

from sqlalchemy import select, text

from config.database import db, forget_deleted_rows
from contacts import tally
from contacts.models import TallyDelta
from tests.support.instances import Instance

DAYS = 730
COUNTRIES = 200
BATCH = 250_000


def add_many(instance: Instance, count: int) -> None:
    """Add rows in the database's own words: the ids random, the boxes as long as real ones."""
    with instance.app().app_context():
        sqlite = db.engine.dialect.name == "sqlite"
        with db.engine.begin() as connection:
            petition = connection.execute(text("SELECT id FROM petition LIMIT 1")).scalar_one()
            contact = connection.execute(text("SELECT id FROM contact LIMIT 1")).scalar_one()
        for start in range(0, count, BATCH):
            with db.engine.begin() as connection:
                if sqlite:
                    connection.exec_driver_sql("PRAGMA cache_size=-2000000")  # kB: 2 GB
                connection.execute(
                    text(_ROWS_OF_SQLITE if sqlite else _ROWS_OF_POSTGRES),
                    {
                        "n": min(BATCH, count - start),
                        "petition": petition,
                        "contact": contact,
                        "day": date(2026, 1, 1),
                    },
                )
        _add_counts(count)
        _tidy_up()
        db.session.remove()
        db.engine.dispose()


def _tidy_up() -> None:
    """What a database does in the background after such a load, done before the clock starts."""
    forget_deleted_rows()  # SQLite's log is written into its database
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")


def _add_counts(count: int) -> None:
    """The folded counts of so many signatures: a row a day and a row a country."""
    today = date(2026, 1, 1)
    slug = "bring-the-children-home"
    facets = [("day", (today - timedelta(days=n)).isoformat()) for n in range(DAYS)]
    facets += [("country", f"{chr(65 + n // 26 % 26)}{chr(65 + n % 26)}") for n in range(COUNTRIES)]
    for facet, value in facets:
        n = count // (DAYS if facet == "day" else COUNTRIES)
        db.session.execute(
            text(
                "INSERT INTO tally (kind, subject, facet, value, n) VALUES "
                "('signature.confirmed', :slug, :facet, :value, :n) ON CONFLICT DO NOTHING"
            ),
            {"slug": slug, "facet": facet, "value": value, "n": n},
        )
    db.session.commit()


def dashboard_milliseconds(instance: Instance) -> float:
    """What the totals of the dashboard's signatures cost in the database (median of 20).

    The worker, which does not run here, would have folded the deltas of the load by now.
    """
    with instance.app().app_context():
        while db.session.scalar(select(TallyDelta.id).limit(1)):
            tally.fold(datetime.now(UTC))
            db.session.commit()
        took = []
        for _ in range(20):
            began = time.perf_counter()
            tally.totals("signature.confirmed")
            tally.totals("signature.pending")
            tally.by_country("signature.confirmed")
            took.append(1000 * (time.perf_counter() - began))
            db.session.rollback()
        db.engine.dispose()
        return median(took)


# One contact for all: what is measured is the number of signatures.
_ROWS_OF_SQLITE = """
WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < :n)
INSERT INTO signature (id, petition_id, contact_id, sealed, language, state, day, confirm_hash)
SELECT lower(hex(randomblob(16))), :petition, :contact, randomblob(323), 'uk', 'repeated', :day,
  randomblob(32) FROM numbers
"""
_ROWS_OF_POSTGRES = """
INSERT INTO signature (id, petition_id, contact_id, sealed, language, state, day, confirm_hash)
SELECT gen_random_uuid(), :petition, :contact, decode(repeat(md5(i::text), 20), 'hex'), 'uk',
  'repeated', :day, decode(md5(random()::text) || md5(random()::text), 'hex')
FROM generate_series(1, :n) AS i
"""
