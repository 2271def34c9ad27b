"""`flask drill`."""

from __future__ import annotations

import base64
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select

from config.commands import told_in_a_sentence
from config.database import db
from config.settings import settings
from safety.drill.guessing import Stretcher
from safety.drill.running import ADDRESSES, PASSPHRASES, run_drill
from safety.drill.thieves import Means
from safety.words import NOTHING_MORE, TOO_MUCH
from vault.models import VaultPair


@click.command("drill")
@click.option("--guesses", type=click.File(encoding="utf-8"), help="Addresses, one a line.")
@click.option("--passphrases", type=click.File(encoding="utf-8"), help="Passphrases, one a line.")
@click.option("--cookies", type=click.File(encoding="ascii"), help="Staff cookies, one a line.")
@click.option(
    "--also",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Another place on the disk, such as a folder of logs.",
)
@with_appcontext
@told_in_a_sentence(exit_code=2)
def drill(
    guesses: TextIO | None,
    passphrases: TextIO | None,
    cookies: TextIO | None,
    also: tuple[Path, ...],
) -> None:
    """Rob this installation and say what a thief gets. Exit status 1 where it is too much.

    2 where there is no database to rob.
    """
    means = Means(
        guesses=_words(guesses) if guesses else ADDRESSES,
        passphrases=_words(passphrases) if passphrases else PASSPHRASES,
        stretcher=Stretcher(),
        chosen=settings(),
    )
    tokens = tuple(
        base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in _words(cookies)
    )
    db.session.execute(select(VaultPair.id).limit(1))  # there is a database to rob
    db.session.rollback()
    is_bad, instance = False, Path(current_app.instance_path)
    for line in run_drill(means, instance, list(also), tokens, datetime.now(UTC)):
        click.echo(f"!! {line.words}" if line.is_bad else line.words)
        is_bad = is_bad or line.is_bad
    click.echo(TOO_MUCH if is_bad else NOTHING_MORE)
    sys.exit(1 if is_bad else 0)


def _words(file: TextIO | None) -> tuple[str, ...]:
    return tuple(word for line in file or () if (word := line.strip()))
