"""A small reader of the PDFs that fpdf2 writes: what stands where, letter by letter."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from itertools import groupby

PUT = re.compile(rb"/(F\d+) [\d.]+ Tf|([\d.]+) ([\d.]+) (?:Td|Tm)|\(((?:\\.|[^\\)])*)\) Tj", re.S)
POINT = 25.4 / 72


@dataclass(frozen=True)
class Put:
    """Some letters at a place: millimetres from the left and from the top of a page."""

    page: int
    x: float
    y: float
    letters: str


class Pdf:
    """What can be read of a file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        (table,) = re.findall(rb"\nxref\n0 \d+\n(.*?)trailer", data, re.S)
        starts = [int(row[:10]) for row in table.splitlines()]
        self.objects: dict[int, bytes] = {}
        self.streams: dict[int, bytes] = {}
        for number, start in enumerate(starts[1:], 1):
            self._read_object(number, start)
        self.fonts = self._fonts()

    def _read_object(self, number: int, start: int) -> None:
        head, _, _rest = self.data[start:].partition(b"endobj")
        head, is_stream, _ = head.partition(b"\nstream\n")
        self.objects[number] = head
        if is_stream:
            body = self.data[start + len(head) + len(is_stream) :].partition(b"\nendstream")[0]
            self.streams[number] = zlib.decompress(body) if b"/FlateDecode" in head else body

    def entry(self, name: bytes) -> str:
        """What the catalogue or the information of the file says."""
        (found,) = re.findall(rb"/" + name + rb" (?:\((.*?)\)|<feff(\w*)>)\n", self.data)
        return str(bytes.fromhex(found[1].decode()).decode("utf-16-be") or found[0].decode())

    def pages(self) -> int:
        return len(re.findall(rb"/Type /Page\n", self.data))

    def puts(self) -> list[Put]:
        """In the order in which they were drawn."""
        drawn = [body for body in self.streams.values() if b" Tj" in body]
        return [put for page, body in enumerate(drawn) for put in self._read(page, body)]

    def lines(self) -> list[str]:
        """Each line of each page, its letters from left to right as the eye sees them."""
        ordered = sorted(self.puts(), key=lambda put: (put.page, round(put.y, 1), put.x))
        grouped = groupby(ordered, lambda put: (put.page, round(put.y, 1)))
        return ["".join(put.letters for put in group) for _place, group in grouped]

    def place(self, letters: str) -> Put:
        """Where something stands; it must be drawn once, in one piece."""
        (found,) = [put for put in self.puts() if put.letters.strip() == letters]
        return found

    def _read(self, page: int, body: bytes) -> list[Put]:
        font, x, y, puts = "", 0.0, 0.0, []
        for name, left, bottom, drawn in PUT.findall(body):
            if name:
                font = name.decode()
            elif left:
                x, y = float(left) * POINT, 297 - float(bottom) * POINT
            elif drawn:
                puts.append(Put(page, x, y, self._letters(font, drawn)))
        return puts

    def _letters(self, font: str, drawn: bytes) -> str:
        raw = re.sub(rb"\\(.)", lambda found: _ESCAPED.get(found[1], found[1]), drawn, flags=re.S)
        codes = [int.from_bytes(raw[i : i + 2]) for i in range(0, len(raw), 2)]
        return "".join(self.fonts[font][code] for code in codes)

    def _fonts(self) -> dict[str, dict[int, str]]:
        names = re.findall(rb"/(F\d+) (\d+) 0 R", self.data)
        return {name.decode(): self._map(int(number)) for name, number in names}

    def _map(self, number: int) -> dict[int, str]:
        (to_unicode,) = re.findall(rb"/ToUnicode (\d+) 0 R", self.objects[number])
        pairs = re.findall(rb"<(\w{4})> <(\w+)>", self.streams[int(to_unicode)])
        return {int(a, 16): bytes.fromhex(b.decode()).decode("utf-16-be") for a, b in pairs}


_ESCAPED = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
