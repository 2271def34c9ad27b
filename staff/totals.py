"""What was given, and what the books made of it, added up from the counts of the first page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.settings import settings
from donate.books.totals import Books
from staff.queries import Figures

# What the names of the counts are called here: donation.<name>.<currency>, books.<name>.<currency>
_GIVEN = {
    "count": "count",
    "amount": "amount_minor",
    "offline": "offline_minor",
    "refunded": "refunded_minor",
    "disputed": "disputed_minor",
}
_BOOKS = {
    "gross": "gross_minor",
    "refunded": "refunded_minor",
    "disputed": "disputed_minor",
    "fee": "fee_minor",
}


@dataclass(frozen=True)
class Given:
    """Donations for one fund in one month and currency; minor units of what people gave."""

    month: str  # 2026-03; empty in a sum over all
    fund: str
    currency: str
    count: int = 0
    amount_minor: int = 0
    offline_minor: int = 0  # the part of the amount that came by transfer or in cash
    refunded_minor: int = 0
    disputed_minor: int = 0

    @property
    def left_minor(self) -> int:
        """What was not given or taken back."""
        return self.amount_minor - self.refunded_minor - self.disputed_minor


@dataclass(frozen=True)
class MonthOfBooks(Books):
    """What one month did to the balance in one currency of settlement."""

    month: str = ""


def given(figures: Figures) -> list[Given]:
    """By month, fund and currency, the newest month first.

    What was given back counts in the month in which it was, also where nothing came in then.
    """
    sums = _sums(figures, "donation", _GIVEN)
    rows = [Given(month, fund, code, **n) for (month, fund, code), n in sums.items()]
    place = _places(row.currency for row in rows)
    rows.sort(key=lambda row: (row.fund, place[row.currency]))
    return sorted(rows, key=lambda row: row.month, reverse=True)


def given_in_all(figures: Figures) -> list[Given]:
    """The sum over all months and funds, for each currency."""
    sums = _by_currency(_sums(figures, "donation", _GIVEN))
    return [Given("", "", code, **sums[code]) for code in _places(sums)]


def given_in(figures: Figures, month: str) -> dict[str, int]:
    """Donations of one month by currency, in minor units."""
    sums: dict[str, int] = defaultdict(int)
    for row in given(figures):
        if row.month == month and row.amount_minor:
            sums[row.currency] += row.amount_minor
    return {code: sums[code] for code in _places(sums)}


def currencies(figures: Figures) -> list[str]:
    """The currencies that donations came in."""
    return [row.currency for row in given_in_all(figures)]


def books(figures: Figures) -> list[MonthOfBooks]:
    """What each month did to the balance, the newest first, by currency of settlement."""
    months: dict[str, dict[Key, dict[str, int]]] = defaultdict(dict)
    for key, n in _sums(figures, "books", _BOOKS).items():
        months[key[0]][key] = n
    return [
        MonthOfBooks(code, **n, month=month)
        for month in sorted(months, reverse=True)
        for code, n in _by_currency(months[month]).items()
    ]


def books_in_all(figures: Figures) -> list[Books]:
    """The sum over all months, for each currency of settlement."""
    sums = _by_currency(_sums(figures, "books", _BOOKS))
    return [Books(code, **n) for code, n in sums.items()]


Key = tuple[str, str, str]  # month, fund, currency


def _sums(figures: Figures, room: str, names: Mapping[str, str]) -> dict[Key, dict[str, int]]:
    """The counts of one room that are not nothing, by month, fund and currency."""
    found: dict[Key, dict[str, int]] = defaultdict(dict)
    for (kind, fund, month), n in figures.by_month.items():
        what, _dot, rest = kind.partition(".")
        name, _dot, code = rest.partition(".")
        if what == room and name in names and n:
            found[month, fund, code][names[name]] = n
    return found


def _by_currency(sums: Mapping[Key, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """The same counts over all months and funds, the currencies in their order."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (_month, _fund, code), counts in sums.items():
        for name, n in counts.items():
            found[code][name] += n
    return {code: dict(found[code]) for code in _places(found)}


def _places(codes: Iterable[str]) -> dict[str, int]:
    """Currencies in the order of the settings; sums in different ones cannot be compared."""
    known = {code: n for n, code in enumerate(settings().currencies)}
    found = sorted(set(codes), key=lambda code: (known.get(code, len(known)), code))
    return {code: place for place, code in enumerate(found)}
