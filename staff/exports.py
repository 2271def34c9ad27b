"""Contacts as CSV, row by row, safe to open in a spreadsheet.

A cell that begins like a formula would be run by the spreadsheet, also where another separator than
the comma splits it (OWASP, CSV Injection): an apostrophe before it makes it text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from staff.deeds import DeedRow
from staff.people import OpenDeed, open_deeds
from vault.services import Opener

BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads UTF-8 as something else
COLUMNS = (
    "kind", "campaign", "state", "day", "name", "email", "phone", "country", "languages", "skills",
    "availability", "message", "newsletter", "amount_minor", "currency", "language", "contact",
)  # fmt: skip
CLOSED = "cannot be opened"
_FORMULA = re.compile(r"(^|[;,|\t\r\n])([\s\"']*)(?=[=+\-@\t\r＝＋－＠−])")  # noqa: RUF001


def csv_of_deeds(batches: Iterable[Sequence[DeedRow]], opener: Opener) -> Iterator[str]:
    """The lines of the table, opened as they go; the header first."""
    yield BYTE_ORDER_MARK + _lines([COLUMNS])
    for batch in batches:
        yield _lines(_cells(deed) for deed in open_deeds(batch, opener))


def safe_cell(value: Any) -> str:
    """A value as text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return _FORMULA.sub(r"\1\2'", str(value))


def _cells(deed: OpenDeed) -> list[str]:
    row, details = deed.row, deed.details
    given: Mapping[str, Any] = {
        **{name: details.get(name) for name in COLUMNS[4:12]},
        "kind": row.kind,
        "campaign": row.subject,
        "state": row.state,
        "day": row.day.isoformat(),
        "newsletter": "yes" if row.newsletter else "no",
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "language": row.language,
        "contact": row.contact_id,
    }
    if not deed.is_open:
        given = {**given, "name": CLOSED}
    return [safe_cell(given[column]) for column in COLUMNS]


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()
