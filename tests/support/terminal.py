"""Somebody at a terminal, who reads what a command shows and types what it asks for."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from config.settings import ROOT


@dataclass
class Terminal:
    """A command that runs, and its terminal."""

    process: subprocess.Popen[bytes]
    descriptor: int
    letters: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self.letters = self._said()

    def _said(self) -> Iterator[str]:
        while True:
            yield from os.read(self.descriptor, 4096).decode()

    def until(self, words: str) -> str:
        """What comes up to and with these words."""
        seen = ""
        while not seen.endswith(words):
            seen += next(self.letters)
        return seen

    def type(self, words: str) -> None:
        """Type a line."""
        os.write(self.descriptor, f"{words}\n".encode())

    def write_down(self) -> str:
        """Read the recovery code from the frame, and type back what is asked; the code."""
        groups = re.findall(r"\b[0-9A-Z]{4}\b", self.until("cleared then."))
        assert len(groups) == 14
        self.type("")
        self.until("of 7: ")
        self.type("no")
        self.until("Look at your paper again.")
        for _ in range(2):
            [(line, place)] = re.findall(r"line (\d), group (\d) of 7", self.until("of 7: "))
            self.type(f" {groups[(int(line) - 1) * 7 + int(place) - 1].lower()} ")
        return "-".join(groups)


@contextmanager
def at_terminal(environment: Mapping[str, str], *words: str) -> Iterator[Terminal]:
    """A command of `flask`, begun at a terminal of its own; it must end well."""
    descriptor, inside = pty.openpty()
    command = [sys.executable, "-m", "flask", "--app", "app", *words]
    streams = {"stdin": inside, "stdout": inside, "stderr": inside}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, **streams) as process:
        os.close(inside)
        try:
            yield Terminal(process, descriptor)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            os.close(descriptor)
