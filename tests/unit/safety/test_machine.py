"""What is read of the machine: each promise is found to hold and found broken."""

from __future__ import annotations

import ctypes
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from safety import machine

HEADER = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
Writing = Callable[[str, str], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A made-up /proc and /sys in one folder."""
    return tmp_path


@pytest.fixture
def write(root: Path) -> Writing:
    """Writes a file there."""

    def write_file(name: str, content: str) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)

    return write_file


def test_no_swap_is_safe(root: Path, write: Writing) -> None:
    write("swaps", HEADER)
    assert machine.is_swap_safe(root, root) is True


@pytest.mark.parametrize("name", ["/swapfile", "/dev/sda2", "/dev/dm-1"])
def test_open_swap_is_not(root: Path, write: Writing, name: str) -> None:
    write("swaps", f"{HEADER}{name} file 100 0 -2\n")
    write("block/dm-1/dm/uuid", "LVM-x")
    assert machine.is_swap_safe(root, root) is False


def test_compressed_memory_and_encrypted_swap_are(root: Path, write: Writing) -> None:
    write("swaps", f"{HEADER}/dev/zram0 partition 100 0 100\n/dev/dm-1 partition 1 0 -2\n")
    write("block/dm-1/dm/uuid", "CRYPT-LUKS2-x")
    assert machine.is_swap_safe(root, root) is True


def test_swap_that_we_may_not_use_is_safe(root: Path, write: Writing) -> None:
    write("swaps", f"{HEADER}/swapfile file 100 0 -2\n")
    write("self/cgroup", "0::/system.slice/vigil.service\n")
    write("fs/cgroup/system.slice/vigil.service/memory.swap.max", "max\n")
    assert machine.is_swap_safe(root, root) is False
    write("fs/cgroup/system.slice/vigil.service/memory.swap.max", "0\n")
    assert machine.is_swap_safe(root, root) is True


def test_swap_that_nobody_tells_of_is_unknown(root: Path) -> None:
    assert machine.is_swap_safe(root, root) is None


@pytest.fixture
def readable() -> Iterator[None]:
    """This process as one that has asked Linux for nothing yet."""
    linux = ctypes.CDLL(None)
    before = linux.prctl(machine.GET_DUMPABLE, 0, 0, 0, 0)
    linux.prctl(machine.SET_DUMPABLE, 1, 0, 0, 0)
    yield
    linux.prctl(machine.SET_DUMPABLE, before, 0, 0, 0)


@pytest.mark.usefixtures("readable")
@pytest.mark.parametrize(
    ("pattern", "holds"),
    [("core", True), ("|/bin/false", True), ("|/usr/share/apport/apport", None)],
)
def test_core_dumps_where_only_a_limit_refuses_them(
    root: Path, write: Writing, pattern: str, holds: bool | None
) -> None:
    write("sys/kernel/core_pattern", f"{pattern}\n")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    assert machine.are_cores_refused(root) is holds
    machine.keep_memory_private()
    assert machine.are_cores_refused(root) is True


def test_nobody_else_reads_the_memory_of_the_service(app: Flask) -> None:
    """Making the application is enough, so that web server, worker and commands all have it."""
    assert app
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
    assert ctypes.CDLL(None).prctl(machine.GET_DUMPABLE, 0, 0, 0, 0) == 0


def test_private_places(root: Path) -> None:
    folder = root / "keys"
    folder.mkdir(mode=0o755)
    file = folder / "pepper"
    file.write_text("x")
    file.chmod(0o644)
    assert machine.is_private(file) is False
    assert machine.is_private(folder) is False
    file.chmod(0o600)
    assert machine.is_private(file) is True
    assert machine.is_private(folder) is True  # a list of names, and closed files
    file.chmod(0o640)
    assert machine.is_private(folder) is False
    folder.chmod(0o700)
    assert machine.is_private(folder) is True
    assert machine.is_private(root / "nothing") is None


def test_backups_beside(root: Path) -> None:
    (root / "vigil.db").write_text("x")
    assert machine.backups_beside(root) == []
    (root / "vigil.sql.gz").write_text("x")
    assert machine.backups_beside(root, root / "nothing") == [root / "vigil.sql.gz"]
