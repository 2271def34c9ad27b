"""The database: one session, SQLite or PostgreSQL, and the column types that every room shares."""

from __future__ import annotations

import logging
import sqlite3
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Engine, MetaData, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

log = logging.getLogger("vigil.database")

CHECKPOINT_WAIT_MS = 1000
BUSY_MS = 5000
PATIENCE_SECONDS = 5.0  # for the write lock
ASK_AGAIN_SECONDS = 0.001

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class UTCDateTime(TypeDecorator[datetime]):
    """A moment in UTC: refuses a naive one, gives back an aware one on both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value  # type: ignore[no-any-return]
        return value.replace(tzinfo=UTC)  # type: ignore[no-any-return]


class HasId:
    """A random id: says nothing of order or number."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)


db = SQLAlchemy(model_class=Base)


def begin_write() -> None:
    """Take SQLite's write lock now, for a GET that will write.

    Without it a write after a read fails at once where another has written meanwhile
    (SQLITE_BUSY_SNAPSHOT).
    """
    db.session.rollback()
    db.session.connection(execution_options={"vigil_writes": True})


def begin_read() -> None:
    """Begin a transaction that only reads, for a POST that draws its form again: it waits for none.

    What was begun is undone.
    """
    db.session.rollback()
    db.session.connection(execution_options={"vigil_writes": False})


def insert_or_update(table: Any) -> Any:
    """An insert that knows ON CONFLICT, in the words of the database in use."""
    dialect = db.session.get_bind().dialect.name
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def forget_deleted_rows() -> None:
    """Take what was deleted out of SQLite's write-ahead log too; call it after the commit.

    In WAL mode deleted rows stay readable on the disk until a truncating checkpoint, whatever
    secure_delete says (sqlite.org, wal.html). Where others are reading, the next call does it.
    """
    if db.engine.dialect.name != "sqlite":
        return
    connection = db.engine.raw_connection()
    try:
        cursor = connection.cursor()
        (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout={CHECKPOINT_WAIT_MS}")
        (is_busy, *_) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        cursor.execute(f"PRAGMA busy_timeout={int(patience)}")
    finally:
        connection.close()
    if is_busy:
        log.warning("the write-ahead log could not be truncated: it is in use")


def _reads_only(connection: Connection) -> bool:
    writes: bool | None = connection.get_execution_options().get("vigil_writes")
    if writes is not None:
        return not writes
    return flask.has_request_context() and flask.request.method in {"GET", "HEAD", "OPTIONS"}


def _take_write_lock(connection: Connection) -> None:
    """Wait for SQLite's write lock, asking often: its own waiting sleeps up to 100 ms at a time.

    Raises OperationalError after PATIENCE_SECONDS, and for anything but a lock at once.
    """
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA busy_timeout=0")
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while time.monotonic() < deadline:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    break  # a full or broken disk does not get better by asking
                time.sleep(ASK_AGAIN_SECONDS)
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # once more, for an error of SQLAlchemy's
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_MS}")


def make_place() -> None:
    """Make folder and file of a SQLite database that is not there yet, for their owner alone.

    For the commands with which an installation begins: anywhere else a wrong place is a mistake.
    Where it cannot be made, the database says so itself.
    """
    place = db.engine.url.database
    if db.engine.dialect.name == "sqlite" and place:
        with suppress(OSError):
            Path(place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            Path(place).touch(mode=0o600)


def prepare_engine(engine: Engine) -> None:
    """Set SQLite up for a service: WAL, durable commits, foreign keys, deleted rows overwritten.

    A transaction that may write takes the write lock at its start and so waits its turn,
    where a later upgrade would be refused at once (sqlite.org, lang_transaction).
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            f"busy_timeout={BUSY_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if _reads_only(connection):
            connection.exec_driver_sql("BEGIN")
        else:
            _take_write_lock(connection)
