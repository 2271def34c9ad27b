"""`flask restore`: a backup into an empty database, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import Table, func, insert, inspect, select, text
from sqlalchemy.engine import Connection

from config.database import Base, db
from contacts.confirmations import Confirmation
from contacts.services import CONFIRM_WITHIN
from mail.models import OutgoingEmail, State
from mail.reminders import CONFIRM
from safety.backup import ROWS_AT_ONCE, revision_of
from safety.reading import BadBackup, Header
from safety.tables import backed_up_tables, readers_of


class NotEmpty(Exception):
    """The database holds something already; nothing of it may be mixed with a backup."""


def has_tables() -> bool:
    """Whether the database was ever migrated."""
    return bool(inspect(db.engine).get_table_names())


def check_revision(header: Header) -> None:
    """Raise BadBackup where the backup's tables are not those of this Vigil."""
    migrations = current_app.extensions["migrate"].migrate.get_config()
    head = ScriptDirectory.from_config(migrations).get_current_head()
    if header.revision != head:
        raise BadBackup(
            f"This backup was made with the tables of revision {header.revision or 'none'}, and "
            f"this Vigil has {head}. Restore it with the Vigil of that time, then update."
        )


def check_empty() -> None:
    """Raise NotEmpty where any table has a row."""
    for table in Base.metadata.sorted_tables:
        if db.session.execute(select(1).select_from(table).limit(1)).first() is not None:
            raise NotEmpty(table.name)


@dataclass
class Restoring:
    """Puts rows into the tables, in the caller's transaction."""

    connection: Connection
    _table: Table | None = None
    _names: list[str] = field(default_factory=list)
    _read: list[Callable[[Any], Any]] = field(default_factory=list)
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def begin(self, header: Header) -> None:
        """Nothing: the header was checked before."""
        if header.revision != revision_of(self.connection):
            raise BadBackup("The database was changed meanwhile.")

    def table(self, name: str, columns: list[str]) -> None:
        """Another table begins. Raises BadBackup for one that we do not have."""
        self.flush()
        known = {table.name: table for table in backed_up_tables()}
        if name not in known or columns != [column.name for column in known[name].columns]:
            raise BadBackup(f"The backup has a table that this Vigil does not know: {name}.")
        self._table, self._names = known[name], columns
        self._read = readers_of(known[name])

    def row(self, values: list[Any]) -> None:
        """Take a row; several are written at once."""
        try:
            read = [change(value) for change, value in zip(self._read, values, strict=True)]
        except (TypeError, ValueError):
            raise BadBackup("A row of the backup cannot be read.") from None
        self._rows.append(dict(zip(self._names, read, strict=True)))
        if len(self._rows) >= ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what was taken."""
        if self._rows and self._table is not None:
            self.connection.execute(insert(self._table), self._rows)
        self._rows = []


def finish(restoring: Restoring, header: Header) -> None:
    """Write the last rows, count all of them, and let new numbers begin behind the old ones."""
    restoring.flush()
    for table in backed_up_tables():
        n = restoring.connection.scalar(select(func.count()).select_from(table))
        if n != header.counts.get(table.name, 0):
            raise BadBackup(f"Not all rows of {table.name} arrived.")
    if restoring.connection.dialect.name == "postgresql":
        _set_sequences(restoring.connection)


def note_lost_mails(now: datetime) -> None:
    """Note the confirmations that waited as lost: a backup has no outbox.

    A key holder's next sign-in has them written anew. Flushes.
    """
    confirmations: Sequence[Confirmation] = current_app.extensions["vigil_confirmations"]
    for confirmation in confirmations:
        model = confirmation.model
        waiting = select(model.id, model.language, model.day).where(
            model.state == "pending", model.day >= now.date() - CONFIRM_WITHIN
        )
        db.session.add_all(
            OutgoingEmail(
                idem_key=f"{CONFIRM}{deed.id}",
                kind=confirmation.mail,
                language=deed.language,
                state=State.UNREADABLE,
                due_at=now,
                expires_at=now,
                day=deed.day,
            )
            for deed in db.session.execute(waiting).all()
        )
    db.session.flush()


def _set_sequences(connection: Connection) -> None:
    """SQLite goes on behind the largest number by itself."""
    for table in backed_up_tables():
        column = table.autoincrement_column
        if column is None:
            continue
        sequence = connection.scalar(
            text("SELECT pg_get_serial_sequence(:table, :column)"),
            {"table": table.name, "column": column.name},
        )
        largest = connection.scalar(select(func.max(column)))
        if sequence and largest is not None:
            connection.execute(select(func.setval(sequence, largest)))
