"""`flask backup`: the whole database in one stream, compressed and encrypted as it is read.

    age( gzip( JSON lines ) )

The first line is a header (format, schema revision, rows in each table), then each table's name and
columns and its rows, and at last a trailer (rows again, SHA-256 of every line before). Nothing of
it is ever in clear on the disk, and nothing is held in memory but a few rows.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

import pyrage
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, func, select
from sqlalchemy.engine import Connection

from safety.tables import as_line, backed_up_tables, rows_to_keep, writers_of

FORMAT = "vigil backup"
VERSION = 1
ROWS_AT_ONCE = 1000
GZIP = 31  # zlib's name for a gzip stream with the largest window
LEVEL = 6


class NoRecipient(Exception):
    """There is nobody to encrypt to."""


@dataclass
class BackedUp:
    """What went into a backup: rows by table, and bytes as written."""

    counts: dict[str, int] = field(default_factory=dict)
    size: int = 0

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(self.counts.values())


def write_backup(
    engine: Engine, recipients: Sequence[str], out: BinaryIO, now: datetime
) -> BackedUp:
    """Write the database as it stands at one moment. Raises NoRecipient; reads only.

    Others go on writing meanwhile: on both databases one transaction sees one moment.
    """
    if not recipients:
        raise NoRecipient
    keys = [pyrage.x25519.Recipient.from_str(recipient) for recipient in recipients]
    counted, made = _Counting(out), BackedUp()
    with snapshot(engine) as connection:
        lines = _lines(connection, now, made)
        pyrage.encrypt_io(Pulled(_compressed(lines)), counted, keys)
    made.size = counted.size
    return made


def snapshot(engine: Engine) -> Connection:
    """A connection whose one transaction reads a single moment and can write nothing."""
    if engine.dialect.name == "sqlite":
        return engine.connect().execution_options(vigil_writes=False)
    return engine.connect().execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )


def revision_of(connection: Connection) -> str:
    """The schema's revision; empty where there is none."""
    return MigrationContext.configure(connection).get_current_revision() or ""


class Pulled(io.RawIOBase):
    """What an iterator gives, for somebody who reads."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = memoryview(chunk)
        taken = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(taken) :]
        return bytes(taken)


class _Counting:
    """Passes on what is written, and counts it."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self.size = out, 0

    def write(self, content: bytes) -> int:
        self.size += len(content)
        self._out.write(content)
        return len(content)

    def flush(self) -> None:
        self._out.flush()


def _lines(connection: Connection, now: datetime, made: BackedUp) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for line in _content(connection, now, made):
        digest.update(line)
        yield line
    yield as_line({"end": FORMAT, "counts": made.counts, "sha256": digest.hexdigest()})


def _content(connection: Connection, now: datetime, made: BackedUp) -> Iterator[bytes]:
    tables = backed_up_tables()
    yield as_line(
        {
            "format": FORMAT,
            "version": VERSION,
            "revision": revision_of(connection),
            "made_at": now.isoformat(),
            "counts": {
                table.name: connection.scalar(
                    select(func.count()).select_from(rows_to_keep(table).subquery())
                )
                for table in tables
            },
        }
    )
    streamed = connection.execution_options(yield_per=ROWS_AT_ONCE)
    for table in tables:
        yield as_line({"table": table.name, "columns": [column.name for column in table.columns]})
        write, n = writers_of(table), 0
        for row in streamed.execute(rows_to_keep(table)):
            yield as_line([change(value) for change, value in zip(write, row, strict=True)])
            n += 1
        made.counts[table.name] = n


def _compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    packer: Any = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    for line in lines:
        if chunk := packer.compress(line):
            yield chunk
    yield packer.flush()
