"""Statements that are compiled once: for the one path that a peak takes.

SQLAlchemy works a statement out anew for each execution, which costs more than the database does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, bindparam
from sqlalchemy.engine import Connection, CursorResult, Dialect
from sqlalchemy.sql.expression import ClauseElement


class Prepared:
    """A Core statement as text for one database, with what turns each value into the driver's."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self.order: list[str] | None = compiled.positiontup
        # None is what a place has that `run` must fill: write null() for a NULL that is meant.
        self.fixed: dict[str, Any] = {
            name: value for name, value in compiled.params.items() if value is not None
        }
        self.processors = {
            bind.key: bind.type.dialect_impl(dialect).bind_processor(dialect)
            for bind in compiled.binds.values()
        }

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute with values by name; names that the statement does not have are passed over."""
        given = {
            name: self._driver_value(name, values[name] if name in values else self.fixed[name])
            for name in self.processors
        }
        if self.order is None:
            return connection.exec_driver_sql(self.text, given)
        return connection.exec_driver_sql(self.text, tuple(given[name] for name in self.order))

    def _driver_value(self, name: str, value: Any) -> Any:
        processor = self.processors[name]
        return value if processor is None or value is None else processor(value)


def binds(table: Table, prefix: str, *columns: str) -> dict[str, Any]:
    """A named place for the value of each column: `prefix_column`."""
    return {
        name: bindparam(f"{prefix}_{name}", type_=table.c[name].type, required=True)
        for name in columns
    }
