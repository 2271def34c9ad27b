"""The yearly statement of gifts, as a PDF that the donor names and nobody keeps.

Names are sealed, and nothing on the server opens them: the donor types the name that is to stand
there, and it goes no further than this sheet of paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from babel.dates import format_date
from flask_babel import force_locale
from flask_babel import gettext as _

from config.settings import Settings, settings
from donate.funds import fund_name
from donate.giving.paper import SMALL, STRONG, WIDTH, Cell, Paper, Type
from donate.giving.queries import Gift
from donate.giving.words import METHODS
from donate.money import format_amount
from donate.wording import wording_text

NAME, TITLE = Type(14, bold=True), Type(21, bold=True)
# The columns: day, purpose, way, amount; where each begins and how wide it is, in millimetres.
COLUMNS = ((0.0, 43.0), (45.0, 53.0), (100.0, 32.0), (134.0, WIDTH - 134.0))
ROOM = 18.0  # for a row, with what was returned of it


@dataclass(frozen=True)
class Receiver:
    """Who the statement is for, as they wrote it."""

    name: str
    address: Sequence[str] = ()


def counted(gifts: Iterable[Gift], year: int) -> list[Gift]:
    """The gifts on the statement of a year, the oldest first: those of which something was kept."""
    found = [gift for gift in gifts if gift.day.year == year and gift.kept_minor]
    return sorted(found, key=lambda gift: (gift.day, str(gift.id)))


def years(gifts: Iterable[Gift]) -> list[int]:
    """The years for which there is a statement, the newest first."""
    return sorted({gift.day.year for gift in gifts if gift.kept_minor}, reverse=True)


def sums(gifts: Iterable[Gift]) -> dict[str, int]:
    """What was kept, in minor units by currency."""
    total: dict[str, int] = {}
    for gift in gifts:
        total[gift.currency] = total.get(gift.currency, 0) + gift.kept_minor
    return dict(sorted(total.items()))


def write_statement(
    gifts: Iterable[Gift], year: int, receiver: Receiver, language: str, made_on: date
) -> bytes:
    """The PDF; the same bytes for the same gifts, receiver, language and day."""
    listed = counted(gifts, year)
    with force_locale(language):
        paper = Paper(
            language,
            title=_("Statement of gifts, %(year)s", year=year),
            author=settings().organisation,
            foot=_("Made on %(day)s", day=_day(made_on, language)),
            made_at=datetime.combine(made_on, time(), UTC),
        )
        _head(paper, settings())
        paper.lines(_("Statement of gifts, %(year)s", year=year), TITLE)
        paper.skip(4)
        _receiver(paper, receiver)
        for paragraph in paragraphs(wording_text("statement", language) or _usual_words(year)):
            paper.lines(paragraph)
            paper.skip(2)
        _table(paper, listed, language)
        _totals(paper, listed, language)
    return paper.output()


def paragraphs(text: str) -> list[str]:
    """A text's paragraphs, which empty lines part, each as one line."""
    parts = re.split(r"\n\s*\n", text)
    return [re.sub(r"[ \t\r\n]+", " ", part.strip()) for part in parts if part.strip()]


def _usual_words(year: int) -> str:
    words: str = _(
        "We have received the gifts below from you in %(year)s. What was returned to you, or "
        "taken back by your bank, is not counted. Thank you.",
        year=year,
    )
    return words


def _head(paper: Paper, chosen: Settings) -> None:
    paper.lines(chosen.organisation, NAME)
    if chosen.organisation_address:
        paper.lines(chosen.organisation_address, SMALL)
    if chosen.organisation_number:
        number = _("Registration number: %(number)s", number=chosen.organisation_number)
        paper.lines(number, SMALL)
    paper.lines(f"{chosen.contact_email} · {chosen.base_url}", SMALL)
    paper.skip(4)
    paper.rule(flame=True)
    paper.skip(10)


def _receiver(paper: Paper, receiver: Receiver) -> None:
    paper.lines(_("Made out to"), SMALL)
    paper.lines(receiver.name, Type(12.5, bold=True))
    for line in receiver.address:
        paper.lines(line)
    paper.skip(7)


def _table(paper: Paper, gifts: Sequence[Gift], language: str) -> None:
    _headings(paper)
    for gift in gifts:
        if paper.needs_page(ROOM):
            paper.turn()
            _headings(paper)
        way = str(METHODS.get(gift.method, gift.method))
        purpose = fund_name(gift.fund, language)
        paper.row(_cells(_day(gift.day, language), purpose, way, _kept(gift, language)))
        if gift.kept_minor < gift.amount_minor:
            paper.row([Cell(_returned(gift, language), 45.0, WIDTH - 45.0)], SMALL)
        paper.skip(1.2)
        paper.rule()
        paper.skip(1.8)


def _headings(paper: Paper) -> None:
    paper.skip(3)
    paper.row(_cells(_("Received on"), _("What for"), _("How it came"), _("Amount")), SMALL)
    paper.skip(1)
    paper.rule()
    paper.skip(1.8)


def _cells(*texts: str) -> list[Cell]:
    last = len(texts) - 1
    return [
        Cell(text, start, width, at_end=number == last)
        for number, (text, (start, width)) in enumerate(zip(texts, COLUMNS, strict=True))
    ]


def _totals(paper: Paper, gifts: Sequence[Gift], language: str) -> None:
    found = sums(gifts)
    if paper.needs_page(len(found) * STRONG.height + 4):
        paper.turn()
    paper.skip(2)
    for currency, minor in found.items():
        words = _("Total in %(currency)s", currency=currency)
        amount = format_amount(minor, currency, language)
        cells = [Cell(words, 0.0, 120.0), Cell(amount, 120.0, WIDTH - 120.0, at_end=True)]
        paper.row(cells, STRONG)


def _kept(gift: Gift, language: str) -> str:
    return format_amount(gift.kept_minor, gift.currency, language)


def _returned(gift: Gift, language: str) -> str:
    words: str = _(
        "Of %(whole)s, %(back)s went back.",
        whole=format_amount(gift.amount_minor, gift.currency, language),
        back=format_amount(gift.amount_minor - gift.kept_minor, gift.currency, language),
    )
    return words


def _day(value: date, language: str) -> str:
    return format_date(value, format="long", locale=language)
