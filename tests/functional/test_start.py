"""`make run`, from its own end: what it says when it cannot, and that nothing outlives it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo import start
from demo.parts import end_parts, start_part
from tests.support.ports import free_port

# A part that starts a process of its own, as the web server does, and says both numbers.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}")
time.sleep(60)
"""
STARTER = """
import os, sys, time
from demo.parts import start_part
start_part("The family", [sys.executable, "-c", sys.argv[1], sys.argv[2]], os.environ)
time.sleep(60)
"""


def is_running(pid: int) -> bool:
    """Whether a process lives; a dead one that nobody has asked after does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def family(note: Path) -> list[int]:
    """The numbers of a part and its child, once they are there."""
    return [int(word) for word in wait_for(lambda: note.exists() and note.read_text()).split()]


def wait_for(ask: Callable[[], object]) -> str:
    """Ask until there is an answer."""
    for _ in range(200):
        if found := ask():
            return str(found)
        time.sleep(0.05)
    raise AssertionError("waited for 10 seconds in vain")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("offset", range(4))
def test_a_busy_port_is_named_with_its_remedy(taken: int, offset: int) -> None:
    with pytest.raises(start.CannotStart, match=r"Port \d+, .* in use.*make run PORT=\d+"):
        start._check_ports(start.Ports(taken - offset))


@pytest.mark.parametrize("given", ["abc", "", "-1", "80", "65533", "99999"])
def test_a_port_that_will_not_do_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("PORT", given)
    with pytest.raises(start.CannotStart, match="choose a number from 1024 to 65532"):
        start._port()


def test_one_folder_runs_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(start, "INSTANCE", tmp_path / "instance")
    monkeypatch.setattr(start, "OUTSIDE", tmp_path / "outside")
    start._claim_folder()
    with pytest.raises(start.CannotStart, match="running from this folder already"):
        start._claim_folder()


def test_settings_of_ones_own_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(start, "OUTSIDE", tmp_path)
    monkeypatch.setattr(start, "SETTINGS_FILE", tmp_path / "settings.env")
    start._write_settings(start.Ports(free_port()))
    written = start.SETTINGS_FILE.read_text()
    assert written.startswith(start.MARK)
    assert start.SETTINGS_FILE.stat().st_mode & 0o077 == 0
    start.SETTINGS_FILE.write_text("ORGANISATION=Ours\n")
    start._write_settings(start.Ports(free_port()))
    assert start.SETTINGS_FILE.read_text() == "ORGANISATION=Ours\n"


def test_ending_a_part_ends_what_it_started(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FAMILY, str(tmp_path / "pids")]
    part = start_part("The family", command, os.environ)
    pids = family(tmp_path / "pids")
    part.process.kill()
    part.process.wait()
    assert part.fate == "signal 9"
    end_parts([part])
    wait_for(lambda: not any(map(is_running, pids)))


def test_a_killed_start_leaves_no_part_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTER, FAMILY, str(tmp_path / "pids")]
    starter = subprocess.Popen(command, cwd=start.ROOT)
    part, _child = family(tmp_path / "pids")
    try:
        starter.kill()
        starter.wait()
        wait_for(lambda: not is_running(part))
    finally:
        os.killpg(part, signal.SIGKILL)  # its child; the web server ends its own by itself
