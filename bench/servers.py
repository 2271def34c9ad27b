"""Starts the servers to be measured, and reads what their processes cost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.settings import ROOT

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A server under load; `processes` are the roots of the process trees that serve it."""

    url: str
    processes: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """The processor time of all its processes since they began."""
        return sum(_cpu_of_tree(process) for process in self.processes)


@contextmanager
def granian(target: str, port: int, environment: Mapping[str, str], ready: str) -> Iterator[int]:
    """The server as the README runs it, on its port; gives the process id."""
    command = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--factory"]
    command += ["--port", str(port), "--workers", "2", "--blocking-threads", "4", "--no-ws"]
    command += ["--respawn-failed-workers", "--log-level", "error", target]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=ROOT, env={**os.environ, **environment}, start_new_session=True
    )
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}{ready}")
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def _wait_until_it_answers(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - loopback
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{address} does not answer")


def _cpu_of_tree(root: int) -> float:
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it has just ended
        process = int(path.parent.name)
        parents[process] = int(fields[1])
        ticks[process] = sum(int(fields[n]) for n in (11, 12, 13, 14))  # own and ended children's
    return sum(ticks[process] for process in ticks if _is_below(process, root, parents)) / TICKS


def _is_below(process: int, root: int, parents: dict[int, int]) -> bool:
    while process and process != root:
        process = parents.get(process, 0)
    return process == root
