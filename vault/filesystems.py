"""On which kind of file system a directory lies, as Linux tells it (proc_pid_mountinfo(5))."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
IN_MEMORY = {"tmpfs", "ramfs"}


def filesystem_of(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the file system's type, such as tmpfs or ext4, or None where it cannot be told."""
    place = path.resolve()
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    best, found = -1, None
    for line in lines:
        mount_point, kind = _parse(line)
        # Of several at one place the last one covers the others.
        if place.is_relative_to(mount_point) and len(mount_point.parts) >= best:
            best, found = len(mount_point.parts), kind
    return found


def is_in_memory(filesystem: str | None) -> bool | None:
    """Whether what lies there vanishes with the power, or None where it cannot be told."""
    return None if filesystem is None else filesystem in IN_MEMORY


def _parse(line: str) -> tuple[Path, str]:
    before, _, after = line.partition(" - ")
    escaped = before.split(" ")[4]
    mount_point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), escaped)
    return Path(mount_point), after.split(" ", 1)[0]
