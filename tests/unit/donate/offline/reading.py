"""Reads a QR code's picture back, as a camera's program does once it sees the modules.

Written after ISO/IEC 18004 alone and without the library that draws; byte mode, level M.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FORMAT_MASK = 0b101010000010010
LEVELS = {0b01: "L", 0b00: "M", 0b11: "Q", 0b10: "H"}
# Version: blocks of level M as (number, code words of data), and where the alignment marks stand.
BLOCKS = {
    3: ([(1, 44)], [6, 22]),
    4: ([(2, 32)], [6, 26]),
    5: ([(2, 43)], [6, 30]),
    6: ([(4, 27)], [6, 34]),
    7: ([(4, 31)], [6, 22, 38]),
    8: ([(2, 38), (2, 39)], [6, 24, 42]),
    9: ([(3, 36), (2, 37)], [6, 26, 46]),
    10: ([(4, 43), (1, 44)], [6, 28, 50]),
    11: ([(1, 50), (4, 51)], [6, 30, 54]),
    12: ([(6, 36), (2, 37)], [6, 32, 58]),
    13: ([(8, 37), (1, 38)], [6, 34, 62]),
}
MASKS = [
    lambda r, c: (r + c) % 2 == 0,
    lambda r, c: r % 2 == 0,
    lambda r, c: c % 3 == 0,
    lambda r, c: (r + c) % 3 == 0,
    lambda r, c: (r // 2 + c // 3) % 2 == 0,
    lambda r, c: r * c % 2 + r * c % 3 == 0,
    lambda r, c: (r * c % 2 + r * c % 3) % 2 == 0,
    lambda r, c: ((r + c) % 2 + r * c % 3) % 2 == 0,
]
Grid = list[list[bool]]


@dataclass(frozen=True)
class Read:
    """What a code says, and how."""

    text: str
    level: str
    version: int
    quiet: int  # white modules around it


def read_svg(svg: str) -> Read:
    """Read a picture of black lines, one module high, on white."""
    grid, quiet = _modules(svg)
    size = len(grid)
    version = (size - 17) // 4
    level, mask = _format(grid)
    groups, marks = BLOCKS[version]
    words = _words(grid, MASKS[mask], _reserved(size, version, marks))
    bits = "".join(f"{word:08b}" for word in _in_order(words, groups))
    assert bits[:4] == "0100", "byte mode, with no mark of an encoding before it"
    length_bits = 8 if version < 10 else 16
    length = int(bits[4 : 4 + length_bits], 2)
    start = 4 + length_bits
    octets = bytes(int(bits[start + 8 * n : start + 8 * n + 8], 2) for n in range(length))
    return Read(octets.decode("utf-8"), level, version, quiet)


def _modules(svg: str) -> tuple[Grid, int]:
    """The dark modules, from the path that draws them in rows."""
    found = re.search(r"""<path stroke=['\"]#000['\"] d=['\"]([^'\"]+)""", svg)
    assert found, svg[:300]
    x, y, dark = 0.0, 0.0, set()
    for step, numbers in re.findall(r"([Mmh])([-0-9. ]+)", found[1]):
        values = [float(value) for value in re.findall(r"-?[0-9.]+", numbers)]
        if step == "h":
            dark |= {(int(y), int(x) + n) for n in range(int(values[0]))}
            x += values[0]
        else:
            x, y = values if step == "M" else (x + values[0], y + values[1])
    quiet = min(row for row, _ in dark)
    assert quiet == min(column for _, column in dark)
    size = max(row for row, _ in dark) - quiet + 1
    cells = range(quiet, quiet + size)
    return [[(row, column) in dark for column in cells] for row in cells], quiet


def _format(grid: Grid) -> tuple[str, int]:
    """Level and mask, from the copy beside the first corner mark."""
    places = [(8, c) for c in (0, 1, 2, 3, 4, 5, 7, 8)] + [(r, 8) for r in (7, 5, 4, 3, 2, 1, 0)]
    bits = int("".join(str(int(grid[r][c])) for r, c in places), 2) ^ FORMAT_MASK
    return LEVELS[bits >> 13], bits >> 10 & 0b111


def _reserved(size: int, version: int, marks: list[int]) -> Grid:
    """What holds no data."""
    taken = [[r == 6 or c == 6 for c in range(size)] for r in range(size)]

    def take(rows: range, columns: range) -> None:
        for r in rows:
            for c in columns:
                taken[r][c] = True

    take(range(9), range(9))
    take(range(9), range(size - 8, size))
    take(range(size - 8, size), range(9))
    for r in marks:
        for c in marks:
            if (r, c) not in {(6, 6), (6, marks[-1]), (marks[-1], 6)}:
                take(range(r - 2, r + 3), range(c - 2, c + 3))
    if version >= 7:
        take(range(6), range(size - 11, size - 8))
        take(range(size - 11, size - 8), range(6))
    return taken


def _words(grid: Grid, mask: object, taken: Grid) -> list[int]:
    """The code words in the order they were laid: two columns at a time, up and down."""
    size, bits = len(grid), []
    columns = [c for c in range(size - 1, 0, -2) if c > 6] + [5, 3, 1]
    for number, right in enumerate(columns):
        rows = range(size) if number % 2 else range(size - 1, -1, -1)
        for r in rows:
            for c in (right, right - 1):
                if not taken[r][c]:
                    bits.append(grid[r][c] != mask(r, c))  # type: ignore[operator]
    whole = len(bits) // 8
    return [int("".join(str(int(bit)) for bit in bits[8 * n : 8 * n + 8]), 2) for n in range(whole)]


def _in_order(words: list[int], groups: list[tuple[int, int]]) -> list[int]:
    """The data of each block in turn, out of words that were laid by turns."""
    lengths = [length for number, length in groups for _ in range(number)]
    blocks: list[list[int]] = [[] for _ in lengths]
    laid = iter(words)
    for place in range(max(lengths)):
        for block, length in zip(blocks, lengths, strict=True):
            if place < length:
                block.append(next(laid))
    return [word for block in blocks for word in block]
