"""The four thieves, what each carries away, and what each gets out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyrage

from config.database import Base, db
from config.settings import Settings
from safety.backup import write_backup
from safety.drill import boxes, guessing, traces
from safety.drill.keys import Keys, find_keys
from safety.drill.loot import Connecting, Loot, files_below, unpacked_backup, vanishes
from safety.reading import BadBackup, read_identities
from vault.pins import fingerprint
from vault.sealing import MAIL_KEY
from vault.services import VaultMissing, vault

DATABASE, DISK, RUNNING = "the database alone", "the disk, powered off", "the running machine"
BACKUP, OPEN_BACKUP = "a backup", "a backup and its offline key"


@dataclass(frozen=True)
class Means:
    """What all thieves bring along: guesses, cookies, and one Argon2 for all of them."""

    guesses: Sequence[str]
    passphrases: Sequence[str]
    stretcher: guessing.Stretcher
    chosen: Settings = field(repr=False)


@dataclass(frozen=True)
class Haul:
    """What one thief got; counts, and at most a few of the things themselves."""

    thief: str
    loot: Loot = field(repr=False)
    tried: int
    boxes: boxes.Opened
    vaults: int
    mails: tuple[int, int, str]
    guessed: guessing.Guessed = field(repr=False)
    has_index_key: bool
    passphrases: list[str] = field(repr=False)
    sessions: tuple[int, int]
    in_clear: dict[str, list[str]] = field(repr=False)
    opens_backups: bool


def rob(thief: str, loot: Loot, means: Means) -> Haul:
    """Try everything that this thief can."""
    keys = find_keys(loot)
    peppers = [*guessing.NO_KEYS, *(key.value for key in keys.in_files)]
    wraps = guessing.wraps_in(loot)
    right = guessing.guess_passphrases(wraps, means.passphrases, peppers, means.stretcher)
    tokens = [*loot.cookies, *(key.value for key in keys.candidates)]
    sessions = boxes.session_keys(loot, tokens)
    holder_keys = [*(key for _guess, key in right), *sessions]
    vaults = boxes.vault_keys(loot, keys.candidates, holder_keys)
    return Haul(
        thief=thief,
        loot=loot,
        tried=len(keys.candidates),
        boxes=boxes.open_boxes(loot, vaults),
        vaults=len(vaults),
        mails=boxes.open_outbox(loot, keys.in_files),
        guessed=guessing.guess_addresses(loot, keys.candidates, means.guesses),
        has_index_key=any("index-" in key.where for key in keys.in_files),
        passphrases=[guess for guess, _key in right],
        sessions=(len(loot.rows("staff_session")), len(sessions)),
        in_clear=_in_clear(loot, means),
        opens_backups=_opens_backups(keys, means.chosen),
    )


def _in_clear(loot: Loot, means: Means) -> dict[str, list[str]]:
    known = traces.known_addresses(loot, means.chosen)
    hits = {
        str(path): found
        for path in loot.files
        if (found := traces.search_file(path, known, means.guesses))
    }
    if loot.files:  # the rows lie in these files, or were searched as the database alone
        return hits
    public = {*traces.PUBLIC, "staff_member"}
    tables = [name for name in Base.metadata.tables if name not in public]
    return hits | traces.search_rows(loot, tables, known)


def _opens_backups(keys: Keys, chosen: Settings) -> bool:
    """Whether the offline key lies on this machine after all."""
    for text in keys.age:
        try:
            (identity,) = read_identities(text)
        except BadBackup:
            continue
        if str(identity.to_public()) == chosen.backup_recipient:
            return True
    return False


def places_of(chosen: Settings, instance: Path, also: Iterable[Path]) -> list[Path]:
    """Where a disk holds what belongs to this installation."""
    places = [instance, chosen.keys_dir, *also]
    if "://" not in chosen.volatile_keys:
        places.append(Path(chosen.volatile_keys))
    return [place for place in places if place.exists()]


def disk_loot(connect: Connecting, files: Iterable[Path], places: list[Path]) -> Loot:
    """The disk of a machine that is off: what lay in memory is gone."""
    return Loot(connect, tuple(dict.fromkeys([*files, *files_below(places)])))


def running_loot(
    connect: Connecting, disk: Loot, cookies: tuple[bytes, ...], chosen: Settings
) -> Loot:
    """The same machine, taken while it runs: with the keys that vanish."""
    return Loot(connect, disk.files, volatile_keys(disk, chosen), cookies)


def volatile_keys(loot: Loot, chosen: Settings) -> dict[str, bytes]:
    """The index key of each vault and the mail key, as they are at hand now."""
    names = [f"index-{fingerprint(bytes(row['public_key']))[:16]}" for row in loot.rows("vault")]
    found = {}
    for name in [*names, MAIL_KEY]:
        try:
            value = vault().keys.get(name)
        except VaultMissing:
            continue
        if value:
            found[name] = value
    return found


def are_volatile(chosen: Settings) -> bool | None:
    """Whether VOLATILE_KEYS goes with the power; None where we cannot tell."""
    try:
        return vault().keys.facts().vanishes
    except VaultMissing:
        if "://" in chosen.volatile_keys:
            return None
        return vanishes(Path(chosen.volatile_keys))


def rob_backup(folder: Path, means: Means, now: datetime) -> Iterator[Haul]:
    """A stolen backup: first as it is, then with its offline key.

    It is encrypted to a key of the drill's own: the true one should not be here to be tried, and
    whether it lies on the disk is asked there.
    """
    identity = pyrage.x25519.Identity.generate()
    file = folder / "stolen.age"
    with file.open("xb") as out:
        write_backup(db.engine, [str(identity.to_public())], out, now)
    yield rob(BACKUP, Loot(files=(file,)), means)
    with unpacked_backup(file, identity, folder) as connect:
        yield rob(OPEN_BACKUP, Loot(connect), means)
