"""The processes of `make run`: none outlives the one that started it. Linux, like the rest."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 10  # seconds that a part gets to end by itself
PR_SET_PDEATHSIG = 1  # prctl(2)
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Part:
    """A process with a name for people. In a session of its own: Ctrl-C reaches us alone."""

    name: str
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def fate(self) -> str | None:
        """How it ended; None while it runs."""
        code = self.process.poll()
        if code is None:
            return None
        return f"exit code {code}" if code >= 0 else f"signal {-code}"


def start_part(name: str, command: Sequence[str], environment: Mapping[str, str]) -> Part:
    """Start a part; it is told to end when we are gone, however we went."""
    parent = os.getpid()

    def die_with_us() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # we went before it could be told
            os._exit(1)

    process = subprocess.Popen(  # noqa: S603 - our own command
        command,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
        preexec_fn=die_with_us,
        stdout=subprocess.DEVNULL,
    )
    return Part(name, process)


def end_parts(parts: Sequence[Part]) -> None:
    """Ask all to end, then make them, with the processes that they started themselves."""
    for part in reversed(parts):
        if part.fate is None:
            part.process.terminate()
    for part in parts:
        with suppress(subprocess.TimeoutExpired):
            part.process.wait(timeout=PATIENCE)
        _kill_group(part.process.pid)
        part.process.wait()


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError):  # nobody is left
        os.killpg(leader, signal.SIGKILL)


class Parent:
    """Who started us: `make`, as a rule."""

    def __init__(self) -> None:
        self.pid = os.getppid()
        self.caught = self._caught_signals()

    def is_done_with_us(self) -> bool:
        """Whether it is gone, or was told to stop.

        make does not pass on a SIGINT or SIGHUP that it gets alone (a terminal's goes to both):
        it only gives up its handler, and waits for us.
        """
        return os.getppid() != self.pid or self._caught_signals() != self.caught

    def _caught_signals(self) -> int:
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text("ascii", "replace").splitlines()
        except OSError:
            return 0
        facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        if facts.get("Name") != "make":
            return 0
        told_to_stop = 1 << (signal.SIGINT - 1) | 1 << (signal.SIGHUP - 1)
        return int(facts["SigCgt"], 16) & told_to_stop
