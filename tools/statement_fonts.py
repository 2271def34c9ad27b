"""Makes the two fonts of the yearly statement from Noto Sans: one file a weight, all its scripts.

    python -m tools.statement_fonts FOLDER      with NotoSans, NotoSansHebrew and NotoSansArabic,
                                                Regular and Bold (Debian's fonts-noto-core)

One file for all scripts, so that a line that mixes them is shaped as one. What the scripts need to
be joined and accented stays (GSUB, GPOS); hinting, which paper does not need, goes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from fontTools import subset
from fontTools.merge import Merger
from fontTools.merge import Options as MergeOptions
from fontTools.ttLib import TTFont

FONTS = Path(__file__).resolve().parent.parent / "donate" / "giving" / "fonts"
# Latin, Greek and Cyrillic with their marks; punctuation, currency signs, No. and trade mark.
LETTERS = [*range(0x20, 0x250), 0x259, *range(0x2B9, 0x2BD), *range(0x300, 0x340)]
LETTERS += [*range(0x370, 0x530), *range(0x1E00, 0x1F00), *range(0x2010, 0x2028)]
LETTERS += [0x202F, 0x2030, 0x2032, 0x2033, 0x2039, 0x203A, *range(0x20A0, 0x20C0), 0x2116, 0x2122]
# Marks that turn or join text are not drawn, but a font must have them or they end up as boxes.
LETTERS += [0x200C, 0x200D, 0x200E, 0x200F, 0x2066, 0x2067, 0x2068, 0x2069]
MADE = 3_691_872_000  # 2020-12-26, the date of Debian's package, in seconds since 1904
UNNEEDED = ["DSIG", "gasp"]
PARTS = {
    "NotoSans": LETTERS,
    "NotoSansHebrew": [*range(0x591, 0x5F5)],
    "NotoSansArabic": [*range(0x600, 0x700), *range(0x750, 0x780)],
}


def make_fonts(folder: Path) -> None:
    """Write `statement-regular.ttf` and `statement-bold.ttf` beside the statement's code."""
    for weight in ("Regular", "Bold"):
        with TemporaryDirectory() as place:
            parts = []
            for name, letters in PARTS.items():
                parts.append(f"{place}/{name}.ttf")
                _cut(folder / f"{name}-{weight}.ttf", letters).save(parts[-1])
            merged = Merger(MergeOptions(drop_tables=UNNEEDED)).merge(parts)
        _rename(merged, weight)
        merged["head"].created = merged["head"].modified = MADE  # the same bytes each time
        merged.recalcTimestamp = False
        merged.save(FONTS / f"statement-{weight.lower()}.ttf")


def _cut(path: Path, letters: list[int]) -> TTFont:
    options = subset.Options(hinting=False)
    font = TTFont(path, recalcTimestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=letters)
    cutter.subset(font)
    return font


def _rename(font: TTFont, weight: str) -> None:
    """A name of its own: it is no longer the font that Noto's authors made."""
    for record in list(font["name"].names):
        if record.nameID in {1, 3, 4, 6, 16}:
            name = {1: "Vigil Statement", 16: "Vigil Statement", 6: f"VigilStatement-{weight}"}
            font["name"].setName(
                name.get(record.nameID, f"Vigil Statement {weight}"),
                record.nameID,
                record.platformID,
                record.platEncID,
                record.langID,
            )


if __name__ == "__main__":
    make_fonts(Path(sys.argv[1]))
