"""The yearly statement: what is counted, and how it stands on the paper."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from babel import Locale
from flask import Flask
from fpdf.enums import TextDirection

from config.languages import init_languages
from config.settings import ROOT, load_settings
from donate.giving.paper import MARGIN, PAGE, SMALL, Paper, drawable, in_order
from donate.giving.queries import Gift
from donate.giving.statement import (
    Receiver,
    counted,
    paragraphs,
    sums,
    write_statement,
    years,
)
from tests.support.moments import NOW
from tests.unit.donate.giving.pdf import Pdf

TODAY = date(2027, 1, 15)
ANNA = Receiver("Ганна Кавалёва", ("вул. Вільня 1-2", "Vilnius"))


def create_app(**given: Any) -> Flask:
    settings = load_settings(
        _env_file=None,
        **{
            "organisation": "Night Watch",
            "organisation_address": "1 Harbour Street, Vilnius",
            "organisation_number": "305 123 456",
            "supported_languages": ("en", "uk", "be", "he", "ar"),
            **given,
        },
    )
    app = Flask("vigil", root_path=str(ROOT))
    app.extensions["vigil_settings"] = settings
    init_languages(app, settings.supported_languages)
    return app


@pytest.fixture(autouse=True)
def app() -> Iterator[Flask]:
    made = create_app()
    with made.app_context():
        yield made


def create_gift(**given: Any) -> Gift:
    values: dict[str, Any] = {
        "id": uuid.uuid4(),
        "day": date(2026, 5, 4),
        "amount_minor": 2_500,
        "currency": "EUR",
        "fund": "legal-help",
        "state": "paid",
        "method": "online",
    }
    return Gift(**values | given)


def write(gifts: list[Gift], receiver: Receiver = ANNA, language: str = "en") -> Pdf:
    return Pdf(write_statement(gifts, 2026, receiver, language, TODAY))


def test_only_what_was_kept_is_counted() -> None:
    gifts = [
        create_gift(amount_minor=1_000),
        create_gift(amount_minor=2_000, refunded_minor=500),
        create_gift(amount_minor=4_000, disputed_minor=4_000),
        create_gift(amount_minor=8_000, refunded_minor=8_000),
        create_gift(amount_minor=16_000, refunded_minor=10_000, disputed_minor=16_000),
        *(create_gift(state=state) for state in ("pending", "failed", "created")),
        create_gift(day=date(2025, 12, 31), amount_minor=32_000),
        create_gift(currency="JPY", amount_minor=300),
    ]
    listed = counted(gifts, 2026)
    assert sorted(gift.kept_minor for gift in listed) == [300, 1_000, 1_500]
    assert sums(listed) == {"EUR": 2_500, "JPY": 300}
    assert years(gifts) == [2026, 2025]


def test_statement_says_all_that_it_must() -> None:
    gifts = [
        create_gift(amount_minor=123_456),
        create_gift(day=date(2026, 1, 2), amount_minor=5_000, refunded_minor=2_000, method="cash"),
        create_gift(day=date(2026, 12, 31), currency="JPY", amount_minor=3_000, method="transfer"),
    ]
    pdf = write(gifts)
    assert pdf.lines() == [
        "Night Watch",
        "1 Harbour Street, Vilnius",
        "Registration number: 305 123 456",
        "contact@example.org · http://127.0.0.1:8000",
        "Statement of gifts, 2026",
        "Made out to",
        "Ганна Кавалёва",
        "вул. Вільня 1-2",
        "Vilnius",
        "We have received the gifts below from you in 2026. "
        "What was returned to you, or taken back by",
        "your bank, is not counted. Thank you.",
        "Received onWhat forHow it cameAmount",
        "January 2, 2026Legal helpCash€30.00",
        "Of €50.00, €20.00 went back.",
        "May 4, 2026Legal helpOnline€1,234.56",
        "December 31, 2026Legal helpBank transfer¥3,000",
        "Total in EUR€1,264.56",
        "Total in JPY¥3,000",
        "Made on January 15, 20271",
    ]


def test_file_says_its_title_language_and_author() -> None:
    pdf = write([create_gift()], language="be")
    assert pdf.entry(b"Lang") == "be"
    assert "2026" in pdf.entry(b"Title")
    assert pdf.entry(b"Author") == "Night Watch"
    assert b"/DisplayDocTitle true" in pdf.data
    assert b"/CreationDate (D:20270115000000Z)" in pdf.data
    assert "Кавал" not in pdf.entry(b"Title")


def test_fonts_are_within() -> None:
    pdf = write([create_gift()])
    fonts = set(re.findall(rb"/BaseFont /(\S+)", pdf.data))
    assert fonts == {b"MPDFAA+VigilStatement", b"MPDFAA+VigilStatementBold"}
    assert pdf.data.count(b"/FontFile2") == 2


def test_same_statement_is_the_same_bytes() -> None:
    gifts = [create_gift(id=uuid.UUID(int=n)) for n in range(5)]
    assert write(gifts).data == write(gifts[::-1]).data


def test_cyrillic_of_each_language_is_drawn() -> None:
    words = "Ўўіё Їїєґ’ ґанок Ђђ"
    assert words in write([create_gift()], Receiver(words)).lines()


def visual(text: str) -> str:
    """Letters from left to right."""
    return "".join(part if way is TextDirection.LTR else part[::-1] for part, way in in_order(text))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("abc", "abc"),
        ("Anna שרה", "Anna הרש"),
        ("שרה Anna", "Anna הרש"),
        ("רחוב 12, תל", "לת ,12 בוחר"),
        ("x שרה 12, 34 y", "x 34 ,12 הרש y"),
        ("שרה (כהן)", "(ןהכ) הרש".replace("(", "\0").replace(")", "(").replace("\0", ")")),
        ("12 34", "12 34"),
        ("", ""),
    ],
)
def test_mixed_lines_are_put_in_order(text: str, seen: str) -> None:
    """By UAX #9; brackets are turned afterwards, when the letters are shaped."""
    assert visual(text) == seen


def test_hebrew_name_on_an_english_page_reads_from_the_right() -> None:
    pdf = write([create_gift()], Receiver("שרה כהן", ("רחוב הרצל 12",)))
    lines = pdf.lines()
    assert "ןהכ הרש" in lines
    assert "12 לצרה בוחר" in lines
    assert pdf.place("Made out to").x == pytest.approx(MARGIN, abs=0.1)


def test_arabic_letters_are_joined() -> None:
    """The first and the third letter are the same, but stand in other forms."""
    pdf = write([create_gift()], Receiver("محمد"))
    assert "دمحم" in pdf.lines()
    forms = [letter for font in pdf.fonts.values() for letter in font.values()]
    assert forms.count("م") == 2


@pytest.mark.parametrize("language", ["he", "ar"])
def test_page_of_a_language_from_the_right_is_mirrored(language: str) -> None:
    gift = create_gift(currency="EUR")
    here, there = write([gift]), write([gift], language=language)
    for words in ("Made out to", "What for", "Amount"):
        left, right = here.place(words), there.place(words)
        width = _width(words)
        assert right.x == pytest.approx(PAGE - left.x - width, abs=0.2)
        assert right.y == pytest.approx(left.y, abs=0.01)
    assert there.entry(b"Lang") == language


def _width(words: str) -> float:
    paper = Paper("en", "x", "x", "x", NOW)
    paper._take(SMALL)
    width = paper._measure(words)
    paper.output()  # closes the fonts
    return width


def test_hundreds_of_gifts_take_pages_with_headings_each() -> None:
    gifts = [create_gift(day=date(2026, 1, 1) + timedelta(days=n)) for n in range(300)]
    pdf = write(gifts)
    lines = pdf.lines()
    assert lines.count("Received onWhat forHow it cameAmount") == pdf.pages() > 8
    assert sum("Legal help" in line for line in lines) == 300
    assert [line for line in lines if line.startswith("Total")] == ["Total in EUR€7,500.00"]
    assert lines[-1] == f"Made on January 15, 2027{pdf.pages()}"
    assert all(MARGIN - 0.1 <= put.x < PAGE - MARGIN for put in pdf.puts())
    assert all(put.y < 297 - 10 for put in pdf.puts())


def test_long_words_stay_on_the_paper() -> None:
    pdf = write([create_gift()], Receiver("W" * 120, ("щ" * 120, "Б" * 120)))
    lines = pdf.lines()
    assert "".join(line for line in lines if set(line) == {"W"}) == "W" * 120
    assert all(put.x < PAGE - MARGIN for put in pdf.puts())


def test_organisations_own_words(tmp_path: Path) -> None:
    (tmp_path / "statement.en.md").write_text("First line\nof one.\n\n\nSecond, № 5.\n", "utf-8")
    with create_app(wording_dir=tmp_path).app_context():
        lines = write([create_gift()]).lines()
        assert "First line of one." in lines
        assert "Second, № 5." in lines
        assert not any("We have received" in line for line in lines)
        assert not any(
            "First line" in line for line in write([create_gift()], language="be").lines()
        )


def test_paragraphs_are_parted_by_empty_lines() -> None:
    assert paragraphs(" a\n b \n\n \n c\r\n\r\nd") == ["a b", "c", "d"]


@pytest.mark.parametrize("language", ["en", "uk", "be", "he", "ar", "de", "pl", "ru", "lt", "fa"])
def test_fonts_have_every_letter_of_a_language(language: str) -> None:
    locale = Locale.parse(language)
    months = [*locale.months["format"]["wide"].values(), *locale.days["format"]["wide"].values()]
    letters = {letter for word in months for letter in word + word.upper() if not letter.isspace()}
    assert {letter for letter in letters if ord(letter) not in drawable()} == set()
    assert {ord(sign) for sign in "€£$¥₴zł₪₺₾₸ґўЎ№«»“”„’–—·"} <= drawable()
