"""Reading a backup again: age, gzip, JSON lines, checked from the header to the trailer."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

import pyrage

from safety.backup import FORMAT, GZIP, VERSION

HEAD_OF_KEY = "AGE-SECRET-KEY-1"  # how the secret half of a key begins
LONGEST_LINE = 64 * 1024 * 1024  # bytes; far beyond any row


class BadBackup(Exception):
    """The file is no backup, not whole, or not for this key; the message says which."""


@dataclass(frozen=True)
class Header:
    """What a backup says of itself."""

    revision: str
    made_at: str
    counts: dict[str, int]


class Sink(Protocol):
    """Who takes what a backup holds, in its order."""

    def begin(self, header: Header) -> None:
        """The header, before anything else."""

    def table(self, name: str, columns: list[str]) -> None:
        """A table begins."""

    def row(self, values: list[Any]) -> None:
        """A row of it."""


@dataclass
class Nothing:
    """Takes everything and keeps the header: for checking a file."""

    header: Header | None = None

    def begin(self, header: Header) -> None:
        self.header = header

    def table(self, name: str, columns: list[str]) -> None:
        pass

    def row(self, values: list[Any]) -> None:
        pass


def read_backup(source: BinaryIO, identities: list[Any], sink: Sink) -> Header:
    """Give all of a backup to `sink`. Raises BadBackup where the file is not whole and sound.

    What `sink` raises comes through. It must keep nothing for good before this returns.
    """
    reader = _Reader(sink)
    try:
        pyrage.decrypt_io(source, reader, identities)
    except pyrage.DecryptError as error:
        raise BadBackup(_in_words(str(error))) from None
    except (OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BadBackup("The file is damaged or was cut off.") from None
    return reader.finish()


def read_identities(text: str) -> list[Any]:
    """The keys in the text of an age identity file, whatever else it says. Raises BadBackup."""
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line.startswith(HEAD_OF_KEY)]
    try:
        found = [pyrage.x25519.Identity.from_str(key) for key in keys]
    except pyrage.IdentityError:
        found = []
    if not found:
        raise BadBackup(
            f"There is no age key in it, which is a line that starts with {HEAD_OF_KEY}."
        )
    return found


@dataclass
class _Reader:
    """Takes decrypted bytes piece by piece and gives lines on."""

    sink: Sink
    header: Header | None = None
    is_ended: bool = False
    rest: bytes = b""
    current: str = ""
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.digest = hashlib.sha256()
        self.unpacker: Any = zlib.decompressobj(GZIP)

    def write(self, content: bytes) -> int:
        self._take(self.unpacker.decompress(content))
        return len(content)

    def flush(self) -> None:
        pass

    def finish(self) -> Header:
        self._take(self.unpacker.flush())
        if self.header is None or not self.is_ended or self.rest or not self.unpacker.eof:
            raise BadBackup("The file is not whole: its end is missing.")
        return self.header

    def _take(self, content: bytes) -> None:
        *lines, self.rest = (self.rest + content).split(b"\n")
        if len(self.rest) > LONGEST_LINE:
            raise BadBackup("This is no backup of Vigil.")
        for line in lines:
            self._line(line + b"\n")

    def _line(self, line: bytes) -> None:
        try:
            content = json.loads(line.decode("utf-8", "surrogatepass"))
        except ValueError:
            raise BadBackup("This is no backup of Vigil.") from None
        if self.is_ended:
            raise BadBackup("The file goes on behind its end.")
        if isinstance(content, dict) and "end" in content:
            self._end(content)
            return
        self.digest.update(line)
        self._give(content)

    def _give(self, content: Any) -> None:
        if self.header is None:
            self.header = _read_header(content)
            self.sink.begin(self.header)
        elif isinstance(content, dict):
            self.current = str(content.get("table"))
            self.counts[self.current] = 0
            self.sink.table(self.current, list(content.get("columns", ())))
        elif isinstance(content, list) and self.current:
            self.counts[self.current] += 1
            self.sink.row(content)
        else:
            raise BadBackup("This is no backup of Vigil.")

    def _end(self, content: dict[str, Any]) -> None:
        announced = self.header.counts if self.header else None
        if not (self.counts == content.get("counts") == announced):
            raise BadBackup("The file is not whole: rows are missing.")
        if content.get("sha256") != self.digest.hexdigest():
            raise BadBackup("The file is damaged: its digest is another one.")
        self.is_ended = True


def _read_header(content: Any) -> Header:
    read: Callable[[str], Any] = content.get if isinstance(content, dict) else lambda name: None
    if read("format") != FORMAT:
        raise BadBackup("This is no backup of Vigil.")
    if read("version") != VERSION:
        raise BadBackup("This backup is of a newer Vigil: restore it with that one.")
    return Header(read("revision"), read("made_at"), read("counts"))


def _in_words(fault: str) -> str:
    if "No matching keys" in fault:
        return "This key does not open the file: it was encrypted to another one."
    return "The file is not encrypted with age, is damaged or was cut off."
