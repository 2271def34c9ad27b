"""What the stand-in remembers, in SQLite: objects, events, deliveries, idempotency keys, due work
and a movable clock.

One connection behind one lock: a request holds it from its first read to its commit, so that
handlers never meet half a change. Nothing here may wait for the network.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]

SCHEMA = """
create table if not exists objects (
    seq integer primary key, id text unique not null, kind text not null, created integer not null,
    body text not null, private text not null default '{}');
create index if not exists objects_by_kind on objects (kind, seq);
create table if not exists deliveries (
    id integer primary key, event text not null, endpoint text not null, state text not null,
    attempts integer not null default 0, due_at real not null);
create table if not exists attempts (
    id integer primary key, delivery integer not null, at real not null, status integer,
    error text);
create table if not exists idempotency (
    key text primary key, fingerprint text not null, request text not null, status integer not null,
    body text not null, created real not null);
create table if not exists jobs (
    id integer primary key, due_at real not null, kind text not null, subject text not null);
create table if not exists meta (name text primary key, value text not null);
"""


class Ledger:
    """The stand-in's memory; every public method may be called from any thread."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._standing_at: float | None = None
        self._db = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None
        )
        self._db.row_factory = sqlite3.Row
        if path:
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Keep other threads out, over several transactions."""
        with self._lock:
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a transaction inside another joins it."""
        with self._lock:
            outermost = self._depth == 0
            if outermost:
                self._db.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                if outermost:
                    self._db.execute("rollback")
                raise
            else:
                if outermost:
                    self._db.execute("commit")
            finally:
                self._depth -= 1

    def execute(self, statement: str, *values: Any) -> int:
        """Run one statement; returns how many rows it touched."""
        with self.transaction():
            return self._db.execute(statement, values).rowcount

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    # The clock

    def now(self) -> float:
        """Unix seconds by the stand-in's own clock, which tests may put forward."""
        with self._lock:
            if self._standing_at is not None:
                return self._standing_at
        return time.time() + float(self.recall("clock", "0"))

    @contextmanager
    def standing_at(self, moment: float) -> Iterator[None]:
        """The clock shows when work fell due while that work is done: a year put forward at once
        has its twelve renewals a month apart.
        """
        with self._lock:
            self._standing_at = moment
            try:
                yield
            finally:
                self._standing_at = None

    def advance(self, seconds: float) -> None:
        with self.transaction():
            self.remember("clock", str(float(self.recall("clock", "0")) + seconds))

    def recall(self, name: str, default: str) -> str:
        found = self.rows("select value from meta where name = ?", name)
        return str(found[0]["value"]) if found else default

    def remember(self, name: str, value: str) -> None:
        self.execute("insert or replace into meta (name, value) values (?, ?)", name, value)

    # Objects

    def add(self, body: Json, private: Json | None = None) -> None:
        """Store a new object under its own `id` and `object`; the API never shows `private`."""
        self.execute(
            "insert into objects (id, kind, created, body, private) values (?, ?, ?, ?, ?)",
            body["id"],
            body["object"],
            body["created"],
            json.dumps(body),
            json.dumps(private or {}),
        )

    def save(self, body: Json) -> None:
        self.execute("update objects set body = ? where id = ?", json.dumps(body), body["id"])

    def save_private(self, object_id: str, private: Json) -> None:
        self.execute("update objects set private = ? where id = ?", json.dumps(private), object_id)

    def find(self, kind: str, object_id: str) -> Json | None:
        found = self.rows("select body from objects where id = ? and kind = ?", object_id, kind)
        return json.loads(found[0]["body"]) if found else None

    def get(self, kind: str, object_id: str) -> Json:
        """The object of this id; raises LookupError, for ids the stand-in itself wrote down."""
        found = self.find(kind, object_id)
        if found is None:
            raise LookupError(f"{kind} {object_id} is not in the ledger")
        return found

    def private(self, object_id: str) -> Json:
        found = self.rows("select private from objects where id = ?", object_id)
        return json.loads(found[0]["private"]) if found else {}

    def all(self, kind: str) -> list[Json]:
        """Every object of a kind, newest first."""
        found = self.rows("select body from objects where kind = ? order by seq desc", kind)
        return [json.loads(row["body"]) for row in found]

    # Work that falls due by the clock

    def schedule(self, kind: str, subject: str, due_at: float) -> None:
        self.execute(
            "insert into jobs (due_at, kind, subject) values (?, ?, ?)", due_at, kind, subject
        )

    def next_job(self, until: float) -> tuple[int, str, str, float] | None:
        """Number, kind, subject and time of the first work that is due."""
        found = self.rows(
            "select id, kind, subject, due_at from jobs where due_at <= ?"
            " order by due_at, id limit 1",
            until,
        )
        if not found:
            return None
        job = found[0]
        return job["id"], job["kind"], job["subject"], job["due_at"]

    def finish_job(self, job: int) -> None:
        self.execute("delete from jobs where id = ?", job)
