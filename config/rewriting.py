"""Rewriting the database's files: deleting alone leaves bytes where nobody looks.

SQLite overwrites deleted rows (secure_delete), but where it has moved rows from page to page, the
unused middle of a page may keep an old copy. VACUUM writes every page anew.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from config.database import db, forget_deleted_rows

log = logging.getLogger("vigil.database")

LARGEST = 256 * 1024 * 1024  # bytes of an SQLite file that the worker rewrites while people sign up


def rewrite_small_database(now: datetime) -> bool:
    """The worker's rewriting, of SQLite alone, once a day (UTC); whether it was done.

    Nobody can write meanwhile, so that a large file is left to `flask retention rewrite`. Call it
    with no transaction open.
    """
    if db.engine.dialect.name != "sqlite" or _day_of_rewriting() == now.toordinal():
        return False
    size = Path(db.engine.url.database or "").stat().st_size
    if size > LARGEST:
        log.warning("the database is too large to rewrite by day: run `flask retention rewrite`")
        return False
    rewrite_database()
    _on_sqlite(f"PRAGMA user_version={now.toordinal()}")
    return True


def rewrite_database() -> str:
    """Write all tables anew, without the space that is free in them; what was rewritten.

    On PostgreSQL each table is locked while it is rewritten (VACUUM FULL), and old copies stay in
    the write-ahead log until it is recycled. Call it with no transaction open.
    """
    if db.engine.dialect.name == "sqlite":
        _on_sqlite("VACUUM")
        forget_deleted_rows()
        return "the whole database"
    tables = [table.name for table in db.metadata.sorted_tables]
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in tables:
            connection.exec_driver_sql(f'VACUUM (FULL) "{name}"')
    return f"{len(tables)} tables"


def _day_of_rewriting() -> int:
    """Kept in the file's own number for applications, which nothing else here uses."""
    return int(_on_sqlite("PRAGMA user_version")[0][0])


def _on_sqlite(statement: str) -> Any:
    """Run what SQLite takes outside of transactions only."""
    connection = db.engine.raw_connection()
    try:
        return connection.cursor().execute(statement).fetchall()
    finally:
        connection.close()
