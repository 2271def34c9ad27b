"""What a thief carries away: a copy of the database, files, keys that were in memory, cookies."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, LargeBinary, Table, create_engine, event, select
from sqlalchemy.engine import Connection, make_url

from config.database import Base, db
from safety.backup import ROWS_AT_ONCE, snapshot
from safety.reading import Header, read_backup
from safety.restore import Restoring
from vault.filesystems import filesystem_of, is_in_memory

BESIDE = ("", "-wal", "-shm", "-journal")  # what SQLite writes beside a database
Connecting = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True)
class Loot:
    """One thief's bag. `connect` is None for who has no database in readable form."""

    connect: Connecting | None = None
    files: tuple[Path, ...] = ()
    volatile: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    cookies: tuple[bytes, ...] = field(default=(), repr=False)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a small table."""
        return list(self.each_row(table))

    def each_row(self, table: str) -> Iterator[dict[str, Any]]:
        """The rows of a table, a few at a time."""
        if self.connect is None:
            return
        statement = select(Base.metadata.tables[table])
        with self.connect() as connection:
            streamed = connection.execution_options(yield_per=ROWS_AT_ONCE)
            for row in streamed.execute(statement).mappings():
                yield dict(row)


def tables_with_bytes() -> Iterator[tuple[Table, list[str]]]:
    """Each table with the names of its columns that hold bytes."""
    for table in Base.metadata.sorted_tables:
        names = [c.name for c in table.columns if isinstance(c.type, LargeBinary)]
        if names:
            yield table, names


@contextmanager
def copied_database(folder: Path) -> Iterator[tuple[Connecting, tuple[Path, ...]]]:
    """The database as a thief copies it, and the files it was in where we can see them.

    SQLite is copied with its log while others write; of PostgreSQL we take what a dump would hold.
    """
    if db.engine.dialect.name != "sqlite":
        yield lambda: snapshot(db.engine), ()
        return
    files = database_files()
    for path in files:
        shutil.copyfile(path, folder / path.name)
    engine = create_engine(f"sqlite:///{folder / files[0].name}")
    yield engine.connect, files
    engine.dispose()


def database_files() -> tuple[Path, ...]:
    """SQLite's files; none for PostgreSQL."""
    name = make_url(str(db.engine.url)).database
    if db.engine.dialect.name != "sqlite" or not name:
        return ()
    return tuple(path for end in BESIDE if (path := Path(f"{name}{end}")).is_file())


class _Unpacking(Restoring):
    """Puts a stolen backup into a database of the thief's own."""

    def begin(self, header: Header) -> None:
        Base.metadata.create_all(self.connection)


def _hurry(connection: Any, record: object) -> None:
    """This copy need not outlive a crash."""
    for pragma in ("synchronous=OFF", "journal_mode=OFF"):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def unpacked_backup(file: Path, identity: Any, folder: Path) -> Iterator[Connecting]:
    """The database in a backup, for who has the offline key besides."""
    engine: Engine = create_engine(f"sqlite:///{folder / f'unpacked-{uuid.uuid4().hex}.db'}")
    event.listen(engine, "connect", _hurry)
    with engine.begin() as connection, file.open("rb") as source:
        sink = _Unpacking(connection)
        read_backup(source, [identity], sink)
        sink.flush()
    yield engine.connect
    engine.dispose()


def files_below(places: list[Path]) -> tuple[Path, ...]:
    """Every file at or below these places that a powered-off disk keeps."""
    found: dict[Path, None] = {}
    for place in places:
        below = [place] if place.is_file() else sorted(place.rglob("*"))
        found.update(dict.fromkeys(path.resolve() for path in below if path.is_file()))
    return tuple(path for path in found if not vanishes(path.parent))


def vanishes(path: Path) -> bool:
    """Whether what lies there goes with the power, as far as we can tell."""
    return bool(is_in_memory(filesystem_of(path)))
