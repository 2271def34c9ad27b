"""`python -m bench.search`: free-text search through sealed boxes beside LIKE over plain rows.

A whole search: rows read, boxes opened, words compared, to the end, for a word that nobody has.
Writes SEARCH.md beside RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from flask import Flask
from sqlalchemy import insert, select, text, update

from bench.report import processor
from config.database import begin_write, db
from contacts.models import Contact
from petitions.models import Petition, Signature
from staff.models import KeyedWork
from staff.people.search import Hit, Terms, search
from staff.work.archiving import Archiving
from tests.support.instances import Instance, InstanceMaker
from tests.support.postgres import Postgres
from vault.models import Holder
from vault.services import Opener, unlock, vault

RESULTS = Path(__file__).parent / "SEARCH.md"
FIRST = ("Anna", "Марыя", "Olena", "Ігар", "Natallia", "Вольга", "Piotr", "Alės", "Michał", "Жанна")
LAST = ("Kavalenka", "Іваноў", "Shevchenko", "Ластоўскі", "Nowak", "Дубовік", "Žukauskas")
BATCH = 5_000
NOBODY = "zzyzx"


class Time(NamedTuple):
    """Seconds by the clock, and of them those of our own processor time."""

    clock: float = 0
    ours: float = 0

    def __str__(self) -> str:
        return f"{self.clock:.2f} s ({self.ours:.2f} s)"


@dataclass
class Taken:
    """What things took on one database."""

    slow: Time = Time()
    fast: Time = Time()
    slow_page: Time = Time()
    fast_page: Time = Time()
    plain: Time = Time()
    converting: Time = Time()


def main() -> None:
    """Measure on both databases, then write."""
    parser = argparse.ArgumentParser(prog="python -m bench.search")
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3, help="each figure is the median of these")
    chosen = parser.parse_args()
    postgres = Postgres(durable=True)
    postgres.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            maker = InstanceMaker(Path(folder), postgres)
            engines = ("sqlite", "postgresql")
            taken = {name: _measure(maker.make(name), chosen) for name in engines}
    finally:
        postgres.stop()
    words = _table(taken, chosen)
    RESULTS.write_text(words, "utf-8")
    print(words)  # noqa: T201 - a command


def _measure(instance: Instance, chosen: argparse.Namespace) -> Taken:
    app, taken = instance.app(), Taken()
    with app.app_context():
        opener = _open(instance)
        _fill(chosen.contacts)
        timed = lambda words: _median(chosen.rounds, lambda: _search(words, opener))  # noqa: E731
        taken.slow, taken.slow_page = timed(NOBODY), timed("ластоўскі")
        taken.converting = _median(1, lambda: _convert(app, opener))
        taken.fast, taken.fast_page = timed(NOBODY), timed("ластоўскі")
        taken.plain = _median(chosen.rounds, _like)
        db.session.remove()
        db.engine.dispose()
    return taken


def _open(instance: Instance) -> Opener:
    holder = db.session.scalars(select(Holder).where(Holder.kind == "staff")).one()
    unlocked = unlock(holder, instance.first.passphrase)
    if unlocked is None:
        raise RuntimeError("the first passphrase opens nothing")
    return vault().open_with(unlocked.key)


def _fill(count: int) -> None:
    """People as the form would have written them, and the same ones in plain rows."""
    petition = db.session.scalars(select(Petition.id).limit(1)).one()
    db.session.execute(
        text("CREATE TABLE plain (id TEXT PRIMARY KEY, name TEXT, email TEXT, phone TEXT)")
    )
    db.session.commit()
    people = _people(count)
    while batch := [person for _, person in zip(range(BATCH), people, strict=False)]:
        contacts, signatures = [], []
        for person in batch:
            contact, signature = _rows(person, petition)
            contacts.append(contact)
            signatures.append(signature)
        begin_write()
        db.session.execute(insert(Contact), contacts)
        db.session.execute(insert(Signature), signatures)
        columns = "INSERT INTO plain (id, name, email, phone) VALUES (:id, :name, :email, :phone)"
        plain = [{**person, "id": uuid.uuid4().hex, "phone": ""} for person in batch]
        db.session.execute(text(columns), plain)
        db.session.commit()
    with db.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


def _people(count: int) -> Iterator[dict[str, str]]:
    chance = random.Random(1)  # noqa: S311 - the same people each time
    for number in range(count):
        name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
        yield {"name": name, "email": f"person.{number}@example.org", "country": "LT"}


def _rows(person: dict[str, str], petition: uuid.UUID) -> tuple[dict[str, Any], dict[str, Any]]:
    contact_id, signature_id, now = uuid.uuid4(), uuid.uuid4(), datetime.now(UTC)
    day = now.date() - timedelta(days=contact_id.int % 700)
    both = {"language": "be", "state": "confirmed", "day": day}
    contact = {
        "id": contact_id,
        "email_index": vault().email_index(person["email"]),
        "sealed": vault().seal("contact", contact_id, {"email": person["email"]}),
        **both,
    }
    details = {**person, "at": now.isoformat(), "agreed": [signature_id.hex * 2]}
    signature = {
        "id": signature_id,
        "petition_id": petition,
        "contact_id": contact_id,
        "sealed": vault().seal("signature", signature_id, details),
        "confirm_hash": os.urandom(32),
        **both,
    }
    return contact, signature


def _search(words: str, opener: Opener) -> None:
    found = sum(isinstance(one, Hit) for one in search(Terms(words), "", opener))
    if bool(found) is (words == NOBODY):
        raise RuntimeError(f"found {found}")


def _convert(app: Flask, opener: Opener) -> None:
    """What the background does after a key holder signed in."""
    step, place, now = Archiving(), None, datetime.now(UTC)
    while batch := step.read(opener, now, place):
        begin_write()
        step.write(opener, batch, now)
        db.session.commit()
        place = batch.place
    db.session.execute(update(KeyedWork).values(left=0))
    db.session.commit()


def _like() -> None:
    """The same search where nothing is sealed, as peers have it."""
    like = "ILIKE" if db.engine.dialect.name == "postgresql" else "LIKE"
    any_column = " OR ".join(f"{column} {like} :words" for column in ("name", "email", "phone"))
    rows = db.session.execute(
        text(f"SELECT id, name FROM plain WHERE {any_column} LIMIT 50"),  # noqa: S608 - our words
        {"words": f"%{NOBODY}%"},
    ).all()
    db.session.rollback()
    if rows:
        raise RuntimeError("found somebody")


def _median(rounds: int, run: Callable[[], None]) -> Time:
    took = []
    for _ in range(rounds):
        began, ours = time.perf_counter(), time.process_time()
        run()
        took.append(Time(time.perf_counter() - began, time.process_time() - ours))
    return sorted(took)[len(took) // 2]


def _table(taken: dict[str, Taken], chosen: argparse.Namespace) -> str:
    rows: list[tuple[str, Callable[[Taken], Time]]] = [
        ("sealed box (version 1), the whole search", lambda t: t.slow),
        ("archive (version 2), the whole search", lambda t: t.fast),
        ("sealed box, the first page of 50 hits", lambda t: t.slow_page),
        ("archive, the first page of 50 hits", lambda t: t.fast_page),
        ("plain rows with LIKE, the whole search", lambda t: t.plain),
        ("converting all into the archive, once", lambda t: t.converting),
    ]
    head = [
        "# Searching",
        "",
        f"Written by `python -m bench.search`, {datetime.now(UTC):%Y-%m-%d}:",
    ]
    head += [
        f"{chosen.contacts:,} contacts with a signature each, one process on {os.cpu_count()} cores"
        f" of {processor()}; the median of {chosen.rounds}.",
        "“Whole” is a word that nobody has, so that every box is opened.",
        "In brackets: of it our own processor time, without the database’s.",
        "",
        f"| what | {' | '.join(taken)} |",
        f"|---|{'---|' * len(taken)}",
    ]
    lines = [
        f"| {what} | {' | '.join(str(show(one)) for one in taken.values())} |"
        for what, show in rows
    ]
    return "\n".join([*head, *lines]) + "\n"


main()
