"""The recovery code as somebody types it at a terminal."""

from __future__ import annotations

import click

from config.database import db
from vault.services import BadRecoveryCode, Fault, holder_from_recovery_code

NOTHING = "Nothing was changed."
WORDS = {
    Fault.CHARACTER: "There is a sign in it that no recovery code has. Look at your paper again.",
    Fault.LENGTH: "A recovery code has 14 groups of 4. This one is longer or shorter.",
    Fault.CHECKSUM: "There is a typing mistake in it. Look at your paper again.",
}


def ask_for_code() -> bytes:
    """The recovery holder's key, once the code is typed without a mistake."""
    while True:
        try:
            return holder_from_recovery_code(click.prompt("Recovery code", hide_input=True))
        except BadRecoveryCode as error:
            click.echo(WORDS[error.fault])


def of_another() -> click.ClickException:
    """What to say where a key opens nothing. Undoes what was begun."""
    db.session.rollback()
    return click.ClickException(
        f"This opens nothing here. {NOTHING} Either it was replaced, or it is of another\n"
        "installation, or KEYS_DIR/pin is: where you are sure of the code, move that file away and "
        "run\nthis again."
    )
