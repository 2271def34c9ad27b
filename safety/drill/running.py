"""The whole drill: all thieves one after another, and what is printed of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from safety.drill import report
from safety.drill.loot import Loot, copied_database, database_files
from safety.drill.report import Line
from safety.drill.thieves import (
    DATABASE,
    DISK,
    RUNNING,
    Haul,
    Means,
    are_volatile,
    disk_loot,
    places_of,
    rob,
    rob_backup,
    running_loot,
)

# What people really have, and what people really choose; a list of one's own is better.
MAILBOXES = ("info", "admin", "anna", "olga", "maria", "ivan", "sergey", "test", "press", "office")
PROVIDERS = ("gmail.com", "mail.ru", "yandex.ru", "tut.by", "proton.me", "ukr.net", "example.org")
ADDRESSES = tuple(f"{name}@{provider}" for name in MAILBOXES for provider in PROVIDERS)
PASSPHRASES = ("password", "correct horse battery staple")


def run_drill(
    means: Means, instance: Path, also: list[Path], cookies: tuple[bytes, ...], now: datetime
) -> Iterator[Line]:
    """Rob this installation in every way; the copies are gone afterwards."""
    beside = next((path.parent for path in database_files()), None)
    with tempfile.TemporaryDirectory(prefix=".drill-", dir=beside) as name:
        hauls = _rob_all(means, instance, also, cookies, now, Path(name))
        for number, haul in enumerate(hauls, 1):
            yield Line(f"\n{number}. A thief with {haul.thief}")
            yield from report.report_on(haul)
            if haul.thief == DATABASE:
                yield Line("What stands there in clear, by design:")
                yield from map(Line, report.readable_by_design(haul.loot))
    yield Line("")
    yield Line(report.speed(means.stretcher))
    yield Line(report.promise(are_volatile(means.chosen)))


def _rob_all(
    means: Means,
    instance: Path,
    also: list[Path],
    cookies: tuple[bytes, ...],
    now: datetime,
    folder: Path,
) -> Iterator[Haul]:
    with copied_database(folder) as (connect, files):
        disk = disk_loot(connect, files, places_of(means.chosen, instance, also))
        disk = Loot(disk.connect, tuple(p for p in disk.files if folder not in p.parents))
        yield rob(DATABASE, Loot(connect), means)
        yield rob(DISK, disk, means)
        yield from rob_backup(folder, means, now)
        yield rob(RUNNING, running_loot(connect, disk, cookies, means.chosen), means)
