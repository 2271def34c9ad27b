"""What Linux says of this machine: swap, core dumps, who may read a file."""

from __future__ import annotations

import ctypes
import os
import resource
import stat
from pathlib import Path

PROC, SYS = Path("/proc"), Path("/sys")
NOBODY_ELSE = stat.S_IRWXG | stat.S_IRWXO
GET_DUMPABLE, SET_DUMPABLE = 3, 4  # linux/prctl.h
BACKUPS = ("*.age", "*.sql", "*.sql.gz", "*.dump", "*.bak", "*.tar", "*.tar.gz", "*.tgz")


def keep_memory_private() -> None:
    """Let nobody but root read this process's memory and environment, and no dump be written.

    Not another process of the same user either (PR_SET_DUMPABLE, prctl(2)): the web process and the
    worker do not read each other. Whatever the machine's settings are.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _process_control(SET_DUMPABLE, 0)


def _process_control(option: int, value: int = 0) -> int | None:
    """What Linux answers; None elsewhere."""
    try:
        answer: int = ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (AttributeError, OSError):
        return None
    return answer


def is_swap_safe(proc: Path = PROC, sys: Path = SYS) -> bool | None:
    """Whether what is in memory stays off the disk: no swap, or none for us, or an encrypted one.

    None where it cannot be told.
    """
    try:
        devices = [line.split()[0] for line in (proc / "swaps").read_text().splitlines()[1:]]
    except (OSError, IndexError):
        return None
    return all(_is_safe(name, sys) for name in devices) or _is_forbidden_to_us(proc, sys)


def _is_safe(device: str, sys: Path) -> bool:
    """Compressed memory (zram), or a device of dm-crypt."""
    name = Path(device).resolve().name if device.startswith("/dev/") else ""
    if name.startswith("zram"):
        return True
    try:
        uuid = (sys / "block" / name / "dm" / "uuid").read_text() if name else ""
    except OSError:
        return False
    return uuid.startswith("CRYPT-")


def _is_forbidden_to_us(proc: Path, sys: Path) -> bool:
    """MemorySwapMax=0 of systemd, which is memory.swap.max of our control group."""
    try:
        (line,) = [
            text for text in (proc / "self/cgroup").read_text().splitlines() if text[:3] == "0::"
        ]
        group = sys / "fs/cgroup" / line[3:].lstrip("/")
        return (group / "memory.swap.max").read_text().strip() == "0"
    except (OSError, ValueError):
        return False


def are_cores_refused(proc: Path = PROC) -> bool | None:
    """Whether no dump of our memory is written; None where a program of the machine decides.

    Linux writes none of a process that asks for it. Elsewhere the limit of 0 holds for files, and
    not for a program that dumps are piped to (core(5)).
    """
    if _process_control(GET_DUMPABLE) == 0:
        return True
    if resource.getrlimit(resource.RLIMIT_CORE)[0] != 0:
        return False
    try:
        pattern = (proc / "sys/kernel/core_pattern").read_text().strip()
    except OSError:
        return None
    return None if pattern.startswith("|") and pattern != "|/bin/false" else True


def is_private(place: Path) -> bool | None:
    """Whether only its owner reads a file, or a directory with all that lies in it."""
    try:
        if stat.S_IMODE(place.stat().st_mode) & NOBODY_ELSE == 0:
            return True
        if place.is_file() or os.access(place, os.X_OK) is False:
            return False
        files = [path for path in place.iterdir() if path.is_file()]
        return bool(files) and all(_is_closed(path) for path in files)
    except OSError:
        return None


def _is_closed(path: Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) & NOBODY_ELSE == 0


def backups_beside(*folders: Path) -> list[Path]:
    """Files in these folders that look like backups."""
    found = {path for folder in folders for pattern in BACKUPS for path in folder.glob(pattern)}
    return sorted(path for path in found if path.is_file())
