"""The statements that write a deed, compiled once for each kind of deed.

PostgreSQL takes contact, deed, consents, count and mail as one statement. SQLite has no such
statement, but runs inside this process, where four more cost microseconds.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from flask import current_app
from sqlalchemy import Insert, Table, bindparam, insert, select

from config.database import db, insert_or_update
from config.prepared import Prepared, binds
from contacts.models import Consent, Contact, TallyDelta
from mail import outbox

DEED = ("id", "sealed", "language", "state", "day", "confirm_hash", "confirm_note")
CONTACT = (
    "id", "email_index", "sealed", "language", "newsletter", "is_discreet", "state", "day",
)  # fmt: skip
CONSENT = ("id", "deed_id", "purpose", "text_hash", "is_given", "day")
COUNT = ("kind", "subject", "day", "country", "n")


def contact_insert() -> Any:
    """Adds a contact (values `contact_…`), or finds the one with this address; returns the id."""
    table: Any = Contact.__table__
    statement = insert_or_update(table).values(**binds(table, "contact", *CONTACT))
    # An update that changes nothing: only so does the statement return the row that was there.
    return statement.on_conflict_do_update(
        index_elements=["email_index"], set_={"email_index": statement.excluded.email_index}
    ).returning(table.c.id)


class DeedWriter:
    """Writes a deed of one table with so many consents, and all that goes with it."""

    def __init__(self, table: Table, own_columns: Sequence[str], consents: int) -> None:
        dialect = db.engine.dialect
        self.first: Prepared | None = None
        self.rest: list[Prepared]
        if dialect.name == "sqlite":
            key = bindparam("contact_key", type_=Contact.__table__.c.id.type, required=True)
            self.first = Prepared(contact_insert(), dialect)
            parts = _parts(table, own_columns, consents, key)
            self.rest = [Prepared(part, dialect) for part in parts]
        else:
            parent = contact_insert().cte("parent")
            found = select(parent.c.id).scalar_subquery()
            *middle, last = _parts(table, own_columns, consents, found)
            together = (part.cte(f"part_{number}") for number, part in enumerate(middle))
            self.rest = [Prepared(last.add_cte(*together), dialect)]

    def write(self, values: Mapping[str, Any]) -> None:
        """Execute in the open transaction."""
        connection = db.session.connection()
        if self.first is not None:
            found = self.first.run(connection, values).scalar_one()
            values = {**values, "contact_key": uuid.UUID(found)}
        for part in self.rest:
            part.run(connection, values)


def deed_writer(table: Table, own_columns: Sequence[str], consents: int) -> DeedWriter:
    """The writer for a table and number of consents, made at its first use."""
    writers: dict[Any, DeedWriter] = current_app.extensions.setdefault("vigil_deed_writers", {})
    key = (table.name, tuple(own_columns), consents)
    if key not in writers:
        writers[key] = DeedWriter(table, own_columns, consents)
    return writers[key]


def _parts(table: Table, own: Sequence[str], consents: int, contact_key: Any) -> list[Insert]:
    consent: Any = Consent.__table__
    delta: Any = TallyDelta.__table__
    return [
        insert(table).values(contact_id=contact_key, **binds(table, "deed", *DEED, *own)),
        *(
            insert(consent).values(
                contact_id=contact_key, **binds(consent, f"consent{number}", *CONSENT)
            )
            for number in range(consents)
        ),
        insert(delta).values(**binds(delta, "count", *COUNT)),
        outbox.queueing(is_capped=True),
    ]
