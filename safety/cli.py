"""`flask backup`, `backup-key`, `restore`, `panic` and `drill`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import flask_migrate
import pyrage
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from config.database import db, make_place
from config.settings import AGE_RECIPIENT, settings
from safety import panic
from safety import panic_report as report
from safety import restore as restoring
from safety.backup import write_backup
from safety.cli_drill import drill
from safety.files import identity_text, new_file
from safety.reading import BadBackup, Header, Nothing, read_backup, read_identities
from safety.words import (
    KEYS_DROPPED,
    KEYS_DROPPED_AGAIN,
    KEYS_NOT_DROPPED,
    NEXT_STEPS,
    NO_KEYS_DIR,
    NO_RECIPIENT,
    NO_VAULT,
    NOT_ALL_DONE,
    NOT_STOPPED,
    RESUMED,
    WHERE_KEYS_FIT,
    WRONG_CODES,
)
from staff import audit
from vault.services import (
    BadRecoveryCode,
    CannotOpen,
    VaultMissing,
    holder_from_recovery_code,
    vault,
)

TRIES = 3  # to stop, where a rotation is under way


@click.command("backup")
@click.argument("file")
@click.option("--recipient", multiple=True, help="An age public key; BACKUP_RECIPIENT without it.")
@with_appcontext
def backup(file: str, recipient: tuple[str, ...]) -> None:
    """Write the database to FILE (- for standard output), encrypted to an offline key.

    Left out: sessions, the outbox and links that were mailed; keys are never in it.
    """
    keys = recipient or tuple(filter(None, [settings().backup_recipient]))
    if not keys:
        raise click.ClickException(NO_RECIPIENT)
    if wrong := [key for key in keys if not AGE_RECIPIENT.fullmatch(key)]:
        raise click.ClickException(f"Not an age public key (age1…): {wrong[0]}. Nothing was made.")
    now = datetime.now(UTC)
    with new_file(file) as out:
        made = write_backup(db.engine, keys, out, now)
    _note("backup.made", now, rows=made.rows, bytes=made.size)  # the page "Safety" shows when
    click.echo(f"{made.rows} rows, {made.size} bytes, encrypted to {', '.join(keys)}.", err=True)


@click.command("backup-key")
def backup_key() -> None:
    """Make a key pair for backups and print it once; it is written nowhere."""
    identity = pyrage.x25519.Identity.generate()
    click.echo("# Keep this line on paper or on a machine that is off. It opens every backup:")
    click.echo(str(identity))
    click.echo("# Put this line into instance/settings.env:")
    click.echo(f"BACKUP_RECIPIENT={identity.to_public()}")


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--identity", required=True, help="The file with the age key; - to type it.")
@click.option("--check", is_flag=True, help="Read the whole file and change nothing.")
@with_appcontext
def restore(file: Path, identity: str, check: bool) -> None:
    """Put a backup into this empty database: all of it or nothing."""
    try:
        keys = read_identities(identity_text(identity))
        header = _read(file, keys, Nothing())
        restoring.check_revision(header)
        if not check:
            _restore(file, keys)
    except (BadBackup, restoring.NotEmpty, SQLAlchemyError) as fault:
        db.session.rollback()
        raise click.ClickException(_why(fault)) from None
    click.echo(_summary(header, is_check=check))


def _restore(file: Path, keys: list[Any]) -> None:
    """Read once more, now into the tables. Raises BadBackup and NotEmpty."""
    make_place()
    if not restoring.has_tables():
        flask_migrate.upgrade()
    restoring.check_empty()
    sink = restoring.Restoring(db.session.connection())
    restoring.finish(sink, _read(file, keys, sink))
    restoring.note_lost_mails(datetime.now(UTC))
    db.session.commit()
    _note("backup.restored", datetime.now(UTC))


def _read(file: Path, keys: list[Any], sink: Any) -> Header:
    with file.open("rb") as source:
        return read_backup(source, keys, sink)


def _why(fault: Exception) -> str:
    if isinstance(fault, restoring.NotEmpty):
        return (
            f"The database is not empty (there are rows in {fault}). A backup is restored into an "
            "empty one: name another in DATABASE_URL. Nothing was changed."
        )
    if isinstance(fault, SQLAlchemyError):  # its text would quote the statement
        return f"The database did not take it ({type(fault).__name__}). Nothing was changed."
    return f"{fault} Nothing was changed."


def _summary(header: Header, *, is_check: bool) -> str:
    rows = sum(header.counts.values())
    if is_check:
        return f"The backup of {header.made_at} is whole: {rows} rows. Nothing was changed."
    return "\n".join([f"Restored: {rows} rows of {header.made_at}.", "", _next_step()])


def _next_step() -> str:
    try:
        vault().check()
    except VaultMissing as fault:
        return f"{NEXT_STEPS}\n({fault})"
    return WHERE_KEYS_FIT


def _note(action: str, now: datetime, **details: int) -> None:
    """Write into the audit log what is done already; a broken log does not undo it."""
    kind = action.partition(".")[0]
    subject = ("vault" if kind == "intake" else kind, None)
    try:
        audit.record(action, now, actor=None, subject=subject, **details)
        db.session.commit()
    except (VaultMissing, SQLAlchemyError) as fault:
        db.session.rollback()
        click.echo(f"The audit log could not be written ({type(fault).__name__}).", err=True)


@click.command("panic")
@click.option("--undo", is_flag=True, help="Take in again; asks for the recovery code.")
@with_appcontext
def stop(undo: bool) -> None:
    """Stop the intake at once, drop keys, sessions and links, and say what remains. Asks nothing.

    Run it again where a step failed: what was done already stays done.
    """
    if undo:
        _undo()
        return
    now = datetime.now(UTC)
    _drop_keys(KEYS_DROPPED)
    # a list: one step that fails keeps no other from being done
    is_done = all([_tell(lambda: _stop(now)), _tell(_end), _tell(_remaining)])
    # whoever was signed in until now may have put the index key back
    is_dropped = _drop_keys(KEYS_DROPPED_AGAIN)
    for line in report.to_revoke(settings()):
        click.echo(line)
    click.echo(report.NEXT if is_done else NOT_ALL_DONE)
    if not (is_dropped and is_done):
        sys.exit(1)


def _drop_keys(words: str) -> bool:
    """Drop the volatile keys and say so; False where they are out of reach."""
    fault = panic.drop_volatile_keys()
    click.echo(KEYS_NOT_DROPPED.format(fault=fault) if fault else words)
    return not fault


def _tell(step: Callable[[], str]) -> bool:
    """Do one step and print what it says; False where the database does not let it."""
    try:
        click.echo(step())
    except panic.NotStopped:
        click.echo(NOT_STOPPED)
        return False
    except panic.NoVault:
        click.echo(NO_VAULT)
        return False
    except SQLAlchemyError as error:
        db.session.rollback()
        click.echo(f"Not done: the database does not answer ({type(error).__name__}).")
        return False
    return True


def _stop(now: datetime) -> str:
    is_new = _stop_for_sure(now)
    if not panic.is_stopped():
        raise panic.NoVault
    if is_new:
        _note("intake.stopped", now)
    return "The intake is stopped." if is_new else "The intake was stopped already."


def _stop_for_sure(now: datetime) -> bool:
    """Stop the intake and look whether it is; False where it was before. Raises NotStopped.

    A rotation that ends while we wait for its row leaves a new one that our statement did not see
    (PostgreSQL), so that it is done once more.
    """
    is_new = False
    for _try in range(TRIES):
        is_new = panic.stop_intake(now) or is_new
        db.session.commit()
        if panic.refuses_now():
            return is_new
        db.session.rollback()
    raise panic.NotStopped


def _end() -> str:
    ended = panic.end_what_is_short_lived()
    db.session.commit()
    panic.wipe_deleted()
    return report.ended_words(ended)


def _remaining() -> str:
    try:
        store = vault().keys.facts()
    except VaultMissing:
        store = None
    lines = report.remaining(panic.what_remains(), store)
    return "\n".join(["", *lines, ""])


def _undo() -> None:
    """Start the intake again, for who has the recovery code of this very vault."""
    if not panic.is_stopped():
        raise click.ClickException("The intake is not stopped. Nothing was changed.")
    db.session.rollback()
    code = click.prompt("Recovery code", hide_input=True)
    try:
        opener = panic.open_for_undoing(holder_from_recovery_code(code))
    except BadRecoveryCode as fault:
        raise click.ClickException(WRONG_CODES[fault.fault]) from None
    except CannotOpen:
        raise click.ClickException("This code is of another vault. Still stopped.") from None
    except VaultMissing as fault:
        raise click.ClickException(f"{NO_KEYS_DIR}\n({fault})") from None
    panic.start_intake()
    db.session.commit()
    _note("intake.resumed", datetime.now(UTC))
    vault().restore_index_key(opener)
    click.echo(RESUMED)


commands = (backup, backup_key, drill, restore, stop)
