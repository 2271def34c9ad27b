"""`flask staff rotate`: a new key for the vault, from a terminal, on one machine or several."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from config.database import db, forget_deleted_rows
from staff.door.delays import normalise_name
from staff.models import StaffMember
from staff.team import rotation
from staff.team.paper import have_written
from staff.team.typed_code import NOTHING, ask_for_code, of_another
from vault.models import Holder
from vault.services import (
    CannotOpen,
    IntakeStopped,
    KeysNotWritable,
    NewCode,
    NextPair,
    Opener,
    VaultMissing,
    draw_pair,
    draw_recovery_code,
    is_pinned,
    mark_old_pins,
    pin_pair,
    unlock,
    vault,
)

# Whoever read the database before the commit has read the pin by then.
MARK_AFTER_SECONDS = 2.0
OTHERS = {"recovery": "the recovery code", "invitation": "an invitation that is open"}


@click.command("rotate", help="Give the vault a new key, after somebody left who knew this one.")
@click.option("--name", help="Whose passphrase to ask for; without it, for the recovery code.")
@click.option("--yes", is_flag=True, help="Do not ask whether the pin is on every machine.")
@click.option(
    "--new-recovery-code", "is_code_new", is_flag=True, help="The paper is lost or was seen."
)
@with_appcontext
def rotate(name: str | None, yes: bool, is_code_new: bool) -> None:
    """Draw a key, pin it, ask, switch."""
    opener, actor = _open_as(name) if name else (_open(ask_for_code()), None)
    pair = draw_pair()
    _say_who_keeps_a_key(opener, is_code_new)
    db.session.rollback()
    code = _have_code_written(opener) if is_code_new else None
    _have_pinned(pair, yes)
    try:
        done = rotation.rotate(opener, pair, actor, datetime.now(UTC), code)
    except VaultMissing as fault:
        db.session.rollback()
        raise click.ClickException(f"{fault}. {NOTHING}") from None
    db.session.commit()
    forget_deleted_rows()
    click.echo(f"Vault {done.vault_id} seals from now on; {done.shares} keys open it.")
    if done.refused:
        click.echo(f"{done.refused} holders in the database are nobody's and got no share.")
    click.echo("What came in before is sealed anew when a key holder signs in.")
    if code:
        click.echo("The code from before opens nothing here. Burn it, and delete older backups.")
    _mark_old()


def _open_as(name: str) -> tuple[Opener, uuid.UUID]:
    """The vault as a member of staff opens it, and who that is."""
    row = db.session.execute(
        select(StaffMember.id, Holder)
        .join(Holder, Holder.id == StaffMember.holder_id)
        .where(StaffMember.name == normalise_name(name), StaffMember.role == "admin")
    ).one_or_none()
    if row is None:
        raise click.ClickException("No administrator has this name.")
    db.session.expunge(row.Holder)
    db.session.rollback()
    unlocked = unlock(row.Holder, click.prompt("Passphrase", hide_input=True))
    if unlocked is None:
        raise click.ClickException(f"The passphrase is wrong. {NOTHING}")
    return _open(unlocked.key), row.id


def _open(key: bytes) -> Opener:
    try:
        return vault().open_with(key)
    except IntakeStopped:
        raise click.ClickException("The intake is stopped. First: flask panic --undo") from None
    except CannotOpen:
        raise of_another() from None
    except VaultMissing as fault:
        raise click.ClickException(f"{fault}. See: flask staff recover") from None


def _say_who_keeps_a_key(opener: Opener, is_code_new: bool) -> None:
    """Whoever writes to the database could have put somebody in there: people look at names."""
    now = datetime.now(UTC)
    try:
        entitled = rotation.entitled_people(now) if is_code_new else rotation.entitled(opener, now)
    except VaultMissing as fault:
        raise click.ClickException(f"{fault}.") from None
    rows = db.session.execute(select(StaffMember.holder_id, StaffMember.name))
    names = {row.holder_id: row.name for row in rows}
    click.echo("These keep a key:")
    for holder in filter(opener.vouches_for, entitled):
        click.echo(f"  {names.get(holder.id) or OTHERS.get(holder.kind, holder.id)}")
    if is_code_new:
        click.echo("  a new recovery code, and none from before")


def _have_code_written(opener: Opener) -> NewCode:
    """Nothing of the code is in the database while somebody writes, and no row is locked."""
    drawn = draw_recovery_code(opener, datetime.now(UTC))
    try:
        have_written([], drawn.code)
    except click.Abort:
        raise click.ClickException(f"Broken off. {NOTHING} The code above opens nothing.") from None
    return drawn


def _have_pinned(pair: NextPair, yes: bool) -> None:
    """Put the pin on this machine, and have it put on the others before anything is switched."""
    try:
        pin_pair(pair)
    except KeysNotWritable as fault:
        click.echo(f"{fault}: add the line on this machine, too.")
    except VaultMissing as fault:
        raise click.ClickException(f"{fault}. {NOTHING}") from None
    if not rotation.is_one_machine():
        click.echo(f"Add this line to KEYS_DIR/pin on every machine:\n\n  {pair.pin_line}\n")
        question = "Is it on every machine? One without it takes nothing in after the switch."
    else:
        question = "Give the vault a new key now?"
    if not yes:
        click.confirm(question, abort=True)
    if not is_pinned(pair):
        raise click.ClickException(f"KEYS_DIR/pin lacks the line. {NOTHING}\n\n  {pair.pin_line}")


def _mark_old() -> None:
    time.sleep(MARK_AFTER_SECONDS)
    try:
        mark_old_pins()
    except (KeysNotWritable, VaultMissing):
        click.echo("Write the word “old” behind the older lines of KEYS_DIR/pin, on every machine.")
