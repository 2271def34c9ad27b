"""A new file that only its owner reads, and an age key that is typed or read from a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from safety.reading import BadBackup

TO_STDOUT = "-"


@contextmanager
def new_file(name: str) -> Iterator[BinaryIO]:
    """A file that only its owner reads, and that was not there; no half of one stays."""
    if name == TO_STDOUT:
        if sys.stdout.isatty():
            raise click.ClickException("Name a file, or lead the output into a program.")
        yield sys.stdout.buffer
        return
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"{name}: {error.strerror}. Nothing was made.") from None
    try:
        with os.fdopen(descriptor, "wb") as out:
            yield out
            out.flush()
            os.fsync(descriptor)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def identity_text(place: str) -> str:
    if place == TO_STDOUT:
        if sys.stdin.isatty():
            return str(click.prompt("The age key (AGE-SECRET-KEY-1…)", hide_input=True))
        return sys.stdin.read()
    try:
        return Path(place).read_text("utf-8")
    except (OSError, ValueError):
        raise BadBackup(f"{place} cannot be read.") from None
