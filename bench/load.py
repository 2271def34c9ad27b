"""One measurement with wrk: how many, how fast, at what cost."""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.servers import Server

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """What the clients do."""

    name: str
    script: str
    path: str = "/"
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figures:
    """What one run gave."""

    rate: float  # operations a second
    p50_ms: float
    p99_ms: float
    cpu_ms: float  # of server and database, for an operation
    errors: int


def run(case: Case, server: Server, clients: int, seconds: int) -> Figures:
    """Load a server for some seconds. Raises RuntimeError where wrk says nothing."""
    threads = 1 if clients < 4 else 2
    command = ["wrk", "-t", str(threads), "-c", str(clients), "-d", f"{seconds}s", "--latency"]
    command += ["-s", str(FOLDER / case.script), server.url + case.path, "--"]
    command += [*case.arguments, secrets.token_hex(4)]
    before = server.cpu_seconds()
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    spent = server.cpu_seconds() - before
    line = next((row for row in done.stdout.splitlines() if row.startswith("FIGURES ")), None)
    if line is None:
        raise RuntimeError(done.stdout + done.stderr)
    count, errors, duration, p50, p99 = (float(word) for word in line.split()[1:])
    return Figures(
        rate=count / duration,
        p50_ms=p50 / 1000,
        p99_ms=p99 / 1000,
        cpu_ms=1000 * spent / count if count else 0,
        errors=int(errors),
    )


def middle(runs: list[Figures]) -> Figures:
    """The median of each figure; all errors."""
    return Figures(
        rate=median(r.rate for r in runs),
        p50_ms=median(r.p50_ms for r in runs),
        p99_ms=median(r.p99_ms for r in runs),
        cpu_ms=median(r.cpu_ms for r in runs),
        errors=sum(r.errors for r in runs),
    )
