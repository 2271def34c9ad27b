"""`flask staff recover`: back in with the recovery code, whatever else is gone."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from flask.cli import with_appcontext

from config.database import db
from config.settings import settings
from staff.services import FIRST_NAME
from staff.team import recovery
from staff.team.invitations import LIFETIME, BadName, checked_name
from staff.team.typed_code import NOTHING, ask_for_code, of_another
from vault.services import (
    CannotOpen,
    KeysNotWritable,
    Opener,
    VaultMissing,
    recover_vault,
    recovery_code_fits,
    renew_pepper,
    vault,
)


@click.command("recover", help="Come back in with the recovery code, by a new link.")
@click.option("--name", default=FIRST_NAME, show_default=True, help="The administrator to invite.")
@with_appcontext
def recover(name: str) -> None:
    """Open the vault with the code, put right what is gone, and invite an administrator."""
    try:
        login = checked_name(name)
    except BadName:
        raise click.ClickException(f"Give a name of 1 to 80 letters. {NOTHING}") from None
    key, now = ask_for_code(), datetime.now(UTC)
    opener = _open_or_mend(key, now)
    token = recovery.invite_by_code(opener, login, now)
    db.session.commit()
    hours = int(LIFETIME.total_seconds() // 3600)
    click.echo(f"\nFor {login}, once, within {hours} hours:\n")
    click.echo(f"  {settings().base_url}/staff/invitation/{token}\n")
    if vault().is_stopped():
        click.echo("The intake is stopped still. To start it again: flask panic --undo")


def _open_or_mend(key: bytes, now: datetime) -> Opener:
    if not recovery_code_fits(key):
        raise of_another()
    db.session.rollback()
    _have_pepper()
    try:
        return vault().open_with(key, even_stopped=True)
    except CannotOpen:
        raise of_another() from None
    except VaultMissing as fault:
        db.session.rollback()
        _ask_to_mend(str(fault))
    try:
        recovered = recover_vault(key, now)
    except CannotOpen:
        raise of_another() from None
    except (KeysNotWritable, VaultMissing) as fault:
        db.session.rollback()
        raise click.ClickException(f"{fault}. {NOTHING}") from None
    if recovered.is_new:
        recovery.settle_in(recovered.opener)
        click.echo("The vault has a new key. Invite everybody else again, under Team.")
    return recovered.opener


def _have_pepper() -> None:
    try:
        vault().keys_dir.pepper()
    except VaultMissing as fault:
        click.echo(
            f"{fault}.\nIf it lies elsewhere or in a copy, break off and put it back. Without it "
            "no passphrase\nopens anything, and everybody must be invited again."
        )
        click.confirm("Make a new pepper?", abort=True)
        try:
            renew_pepper()
        except KeysNotWritable as error:
            raise click.ClickException(f"{error}. {NOTHING}") from None


def _ask_to_mend(fault: str) -> None:
    click.echo(
        f"{fault}.\nIf a right KEYS_DIR/pin lies elsewhere or in a copy, break off and put it back."
        "\nElse somebody may have changed the database. Going on, the vault is put right where a "
        "pin\nstill proves it, and gets a new key that only this code opens where none does."
    )
    click.confirm("Go on?", abort=True)
