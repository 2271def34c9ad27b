"""Small secret files: written whole or not at all, readable by their owner alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

UNFINISHED = ".unfinished-"


def write_new(path: Path, content: bytes) -> bool:
    """Write `path` unless it exists, and tell so; of several processes exactly one succeeds."""
    unfinished = _write_beside(path, content)
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return False
    finally:
        unfinished.unlink(missing_ok=True)
    _sync_directory(path.parent)
    return True


def write_over(path: Path, content: bytes) -> None:
    """Write `path`, in the place of what was there: a reader sees the old or the new, whole."""
    unfinished = _write_beside(path, content)
    try:
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def set_aside(path: Path, name: str) -> Path:
    """Rename `path` to `name` in its directory and return the new place; nothing is lost."""
    moved = path.replace(path.with_name(name))
    _sync_directory(path.parent)
    return moved


def wipe(path: Path) -> None:
    """Overwrite and remove `path`. A journal or a flash disk may keep a copy all the same.

    Renamed first, so that nobody opens it between the two.
    """
    doomed = path.with_name(f"{UNFINISHED}{path.name}")
    try:
        path.replace(doomed)
        with doomed.open("r+b") as stream:
            stream.write(bytes(doomed.stat().st_size))
            stream.flush()
            os.fsync(stream.fileno())
    except FileNotFoundError:
        return  # another process wiped it
    doomed.unlink(missing_ok=True)


def make_private_directory(path: Path) -> None:
    """Make the directory, for its owner alone, unless it exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def _write_beside(path: Path, content: bytes) -> Path:
    """Write a file that mkstemp makes with mode 0600, and bring it to the disk."""
    descriptor, name = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
    with os.fdopen(descriptor, "wb") as stream:
        _give_to_owner(descriptor, path.parent)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)


def _give_to_owner(descriptor: int, directory: Path) -> None:
    """A command run as root must leave the service files that it can read."""
    owner = directory.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
