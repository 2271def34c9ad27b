"""Contacts and gifts as CSV, row by row, safe to open in a spreadsheet.

A cell that begins like a formula would be run by the spreadsheet, also where another separator than
the comma splits it (OWASP, CSV Injection): an apostrophe before it makes it text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from donate.currencies import exponent
from staff.giving.gifts import GiftRow, Sums
from staff.people.current import open_current
from staff.people.deeds import DeedRow
from staff.people.persons import OpenDeed
from vault.services import Opener

BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads UTF-8 as something else
COLUMNS = (
    "kind", "campaign", "state", "day", "name", "email", "phone", "country", "languages", "skills",
    "availability", "message", "newsletter", "amount", "amount_minor", "currency", "language",
    "contact",
)  # fmt: skip
# Without persons, whoever exports: it is for the books. The list of contacts has who gave.
GIFT_COLUMNS = (
    "donation", "begun", "paid", "state", "method", "review", "frequency", "fund", "campaign",
    "amount", "amount_minor", "currency", "fee_cover", "fee_cover_minor",
    "refunded", "refunded_minor", "disputed", "disputed_minor",
    "settled_gross", "settled_fee", "settled_net", "settled_net_minor", "settled_currency",
    "card_country", "reference", "recurring_donation", "stripe_payment_intent", "stripe_charge",
)  # fmt: skip
CLOSED = "cannot be opened"
_FORMULA = re.compile(r"(^|[;,|\t\r\n])([\s\"']*)(?=[=+\-@\t\r＝＋－＠−])")  # noqa: RUF001


def csv_of_deeds(batches: Iterable[Sequence[DeedRow]], opener: Opener) -> Iterator[str]:
    """The lines of the table, opened as they go; the header first."""
    yield BYTE_ORDER_MARK + _lines([COLUMNS])
    for batch in batches:
        yield _lines(_cells(deed) for deed in open_current(batch, opener))


def csv_of_gifts(batches: Iterable[Sequence[tuple[GiftRow, Sums]]]) -> Iterator[str]:
    """The lines of the table of gifts, without who gave; the header first."""
    yield BYTE_ORDER_MARK + _lines([GIFT_COLUMNS])
    for batch in batches:
        yield _lines(_gift_cells(row, sums) for row, sums in batch)


def plain_amount(minor: int, currency: str) -> Decimal:
    """An amount as a plain number, with as many decimals as Stripe counts: 12.50, 300, 1.250."""
    return Decimal(minor).scaleb(-exponent(currency))


def safe_cell(value: Any) -> str:
    """A value as text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, int | Decimal):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
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
        "amount": row.currency and plain_amount(row.amount_minor or 0, row.currency),
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "language": row.language,
        "contact": row.contact_id,
    }
    if not deed.is_open:
        given = {**given, "name": CLOSED}
    return [safe_cell(given[column]) for column in COLUMNS]


def _gift_cells(row: GiftRow, sums: Sums) -> list[str]:
    settled = sums.settled
    given: Mapping[str, Any] = {
        **{name: getattr(row, name, None) for name in GIFT_COLUMNS},
        "donation": row.id,
        "begun": row.day.isoformat(),
        "paid": row.paid_on and row.paid_on.isoformat(),
        **_amounts("amount", row.amount_minor, row.currency),
        **_amounts("fee_cover", row.fee_cover_minor, row.currency),
        **_amounts("refunded", sums.refunded_minor, row.currency),
        **_amounts("disputed", sums.disputed_minor, row.currency),
        "settled_gross": _one_of([plain_amount(one.gross_minor, one.currency) for one in settled]),
        "settled_fee": _one_of([plain_amount(one.fee_minor, one.currency) for one in settled]),
        "settled_net": _one_of([plain_amount(one.net_minor, one.currency) for one in settled]),
        "settled_net_minor": _one_of([one.net_minor for one in settled]),
        "settled_currency": _one_of([one.currency for one in settled]),
        "recurring_donation": row.recurring_id,
        "stripe_payment_intent": row.stripe_payment_intent_id,
        "stripe_charge": row.stripe_charge_id,
    }
    return [safe_cell(given[column]) for column in GIFT_COLUMNS]


def _one_of(values: Sequence[Any]) -> Any:
    """The one value; all of them where Stripe has changed the currency that it settles in."""
    return values[0] if len(values) == 1 else values


def _amounts(name: str, minor: int, currency: str) -> dict[str, Any]:
    return {name: plain_amount(minor, currency), f"{name}_minor": minor}


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()
