"""Paper to set a statement on: lines of any script, mixed as they may be, and mirrored pages.

fpdf2 shapes letters and knows the levels of the bidirectional algorithm, but puts the parts of a
line in order for two levels only; here they are put in order for all (Unicode UAX #9, L2).
Distances are in millimetres, from the edge where the language begins to read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from pathlib import Path

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from fpdf import FPDF
from fpdf.bidi import BidiParagraph, auto_detect_base_direction
from fpdf.enums import TextDirection
from fpdf.prefs import ViewerPreferences

from config.languages import direction

FONTS = Path(__file__).parent / "fonts"
PAGE, HEIGHT, MARGIN = 210.0, 297.0, 22.0  # A4
WIDTH = PAGE - 2 * MARGIN
BOTTOM = HEIGHT - 26.0  # below it stands the foot
LEADING = 1.45  # line height in sizes of the type
MM = 25.4 / 72  # of a point
INK, MUTED, LINE, FLAME = (28, 26, 23), (95, 88, 78), (200, 192, 180), (240, 162, 58)


@dataclass(frozen=True)
class Type:
    """A size in points, a weight and a colour."""

    size: float = 10.5
    bold: bool = False
    color: tuple[int, int, int] = INK

    @property
    def height(self) -> float:
        """Of a line of it."""
        return self.size * MM * LEADING


@dataclass(frozen=True)
class Cell:
    """A part of a row: where it begins, and how wide it is."""

    text: str
    start: float
    width: float
    at_end: bool = False


BODY, STRONG, SMALL = Type(), Type(bold=True), Type(8.5, color=MUTED)


@cache
def drawable() -> frozenset[int]:
    """The characters (code points) that the fonts can draw."""
    with TTFont(FONTS / "statement-regular.ttf", lazy=True) as font:
        return frozenset(font.getBestCmap())


class Paper:
    """Pages of A4; `at` is where the next line begins, counted from the top."""

    def __init__(
        self, language: str, title: str, author: str, foot: str, made_at: datetime
    ) -> None:
        self.is_rtl = direction(language) == "rtl"
        self.at = MARGIN
        self._foot = foot
        self._pdf = FPDF(format="A4")
        self._pdf.set_auto_page_break(False)
        self._pdf.set_margin(0)
        self._pdf.c_margin = 0
        for weight, name in (("", "regular"), ("B", "bold")):
            self._pdf.add_font("Statement", weight, FONTS / f"statement-{name}.ttf")
        self._pdf.set_title(title)
        self._pdf.set_author(author)
        self._pdf.set_lang(language)
        self._pdf.set_creation_date(made_at)
        self._pdf.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self._pdf.add_page()

    def needs_page(self, height: float) -> bool:
        """Whether so much does not fit on this page."""
        return self.at + height > BOTTOM

    def turn(self) -> None:
        """Begin another page."""
        self._end_page()
        self._pdf.add_page()
        self.at = MARGIN

    def skip(self, height: float) -> None:
        """Leave some room."""
        self.at += height

    def line(
        self,
        text: str,
        type: Type = BODY,
        *,
        start: float = 0.0,
        width: float = WIDTH,
        at_end: bool = False,
    ) -> None:
        """Set one line and stay on it; `at_end`: flush with where lines end.

        A line reads in the direction of its first letter: a Hebrew name does on any page.
        """
        self._take(type)
        spare = width - self._measure(text)
        x = MARGIN + (WIDTH - start - width if self.is_rtl else start)
        x += spare if at_end is not self.is_rtl else 0.0
        for part, way in in_order(text):
            self._pdf.set_text_shaping(True, direction=way)
            part_width = self._pdf.get_string_width(part)
            self._pdf.set_xy(x, self.at)
            self._pdf.cell(part_width, type.height, part)
            x += part_width

    def lines(self, text: str, type: Type = BODY) -> None:
        """Set a paragraph over as many lines and pages as it needs."""
        self._take(type)
        for line in list(self._wrap(text, WIDTH)):
            if self.needs_page(type.height):
                self.turn()
            self.line(line, type)
            self.at += type.height

    def row(self, cells: Sequence[Cell], type: Type = BODY) -> None:
        """Set cells side by side, each over as many lines as it needs."""
        self._take(type)
        wrapped = [list(self._wrap(cell.text, cell.width)) for cell in cells]
        top, height = self.at, max(map(len, wrapped)) * type.height
        for cell, lines in zip(cells, wrapped, strict=True):
            self.at = top
            for line in lines:
                self.line(line, type, start=cell.start, width=cell.width, at_end=cell.at_end)
                self.at += type.height
        self.at = top + height

    def rule(self, *, flame: bool = False) -> None:
        """Draw a line across."""
        self._pdf.set_draw_color(*(FLAME if flame else LINE))
        self._pdf.set_line_width(0.8 if flame else 0.2)
        self._pdf.line(MARGIN, self.at, PAGE - MARGIN, self.at)

    def output(self) -> bytes:
        """The finished file; the same bytes for the same content."""
        self._end_page()
        return bytes(self._pdf.output())

    def _end_page(self) -> None:
        self.at = HEIGHT - 18.0
        self.line(self._foot, SMALL)
        self.line(str(self._pdf.page), SMALL, at_end=True)

    def _take(self, type: Type) -> None:
        self._pdf.set_font("Statement", "B" if type.bold else "", type.size)
        self._pdf.set_text_color(*type.color)

    def _measure(self, text: str) -> float:
        self._pdf.set_text_shaping(True)
        return float(self._pdf.get_string_width(text))

    def _wrap(self, text: str, width: float) -> Iterator[str]:
        line = ""
        for word in text.split(" "):  # and nowhere else: some spaces do not break
            for piece in self._pieces(word, width):
                longer = f"{line} {piece}" if line else piece
                if line and self._measure(longer) > width:
                    yield line
                    longer = piece
                line = longer
        if line:
            yield line

    def _pieces(self, word: str, width: float) -> Iterator[str]:
        """A word that is wider than the line, cut."""
        while len(word) > 1 and self._measure(word) > width:
            most = next(
                n for n in range(len(word), 0, -1) if n == 1 or self._measure(word[:n]) <= width
            )
            yield word[:most]
            word = word[most:]
        yield word


def in_order(text: str) -> list[tuple[str, TextDirection]]:
    """The parts of a line from left to right, each in the order of reading, with its direction."""
    parts = []
    seen = BidiParagraph(text, auto_detect_base_direction(text)).get_reordered_characters()
    for level, group in groupby(seen, lambda character: character.embedding_level):
        letters = [character.character for character in group]
        if level % 2:
            letters.reverse()
        way = TextDirection.RTL if level % 2 else TextDirection.LTR
        parts.append(("".join(letters), way))
    return parts
