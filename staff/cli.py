"""`flask init`, which makes keys, tables and the first administrators, and `flask staff …`."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click
import flask_migrate
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import inspect, select

from config.database import db, make_place
from staff.models import StaffMember
from staff.services import FIRST_NAME, Installed, install
from staff.team.cli_recovery import recover
from staff.team.cli_rotation import rotate
from staff.team.invitations import BadName, NameTaken
from staff.team.paper import have_written
from vault.services import AlreadyInitialised, VaultMissing, is_initialised

staff = AppGroup("staff", help="Who may sign in, and the vault's keys.")
staff.add_command(recover)
staff.add_command(rotate)


@click.command("init", help="Make keys, tables, the first administrators and the recovery code.")
@click.option("--name", "names", multiple=True, help="A key holder's name; give two.")
@click.option("--one-key-holder", is_flag=True, help="I know that one lost passphrase is all.")
@click.option("--json", "as_json", is_flag=True, help="Print for a program instead of a person.")
@with_appcontext
def init(names: tuple[str, ...], one_key_holder: bool, as_json: bool) -> None:
    """Initialise once; a second time changes nothing and fails."""
    make_place()
    if not inspect(db.engine).get_table_names():
        flask_migrate.upgrade()
    if is_initialised():
        raise _already()
    db.session.rollback()
    chosen = _names(names, one_key_holder, as_json)
    installed = _install(chosen)
    if not as_json:
        _show(installed)
    db.session.commit()
    click.echo(_as_json(installed) if as_json else "Done. Sign in at /staff/sign-in.")


@staff.command("list", help="Names, roles, states and last sign-ins.")
def list_staff() -> None:
    """Print everybody who works here, was invited, or did work here and signed the log."""
    for member in db.session.scalars(select(StaffMember).order_by(StaffMember.name)):
        seen = member.last_sign_in_at
        when = f"{seen:%Y-%m-%d %H:%M} UTC" if seen else "never"
        click.echo(f"{member.name}\t{member.role}\t{member.state}\tlast signed in: {when}")


def _names(names: tuple[str, ...], one_key_holder: bool, as_json: bool) -> list[str]:
    """Two key holders or more, or one that somebody answers for."""
    if one_key_holder and len(names) > 1:
        raise click.UsageError("Give either --one-key-holder or a second --name.")
    if len(names) > 1 or one_key_holder:
        return list(names or [FIRST_NAME])
    if as_json:
        raise click.UsageError("Give --name twice, or --one-key-holder.")
    first = names[0] if names else click.prompt("Name of the first key holder", FIRST_NAME)
    second = click.prompt("Name of the second (leave empty for none)", "", show_default=False)
    if second:
        return [first, second]
    click.echo(
        "With one key holder, a lost passphrase leaves nothing but the recovery code,\n"
        "and nobody notices what that one person does."
    )
    click.confirm("Go on with one key holder?", abort=True)
    return [first]


def _install(names: list[str]) -> Installed:
    try:
        return install(names[0], datetime.now(UTC), *names[1:])
    except AlreadyInitialised:
        fault = _already()
    except (BadName, NameTaken):
        fault = click.ClickException(
            "Give names of 1 to 80 letters, each only once. Nothing was changed."
        )
    except (VaultMissing, OSError) as error:
        fault = click.ClickException(
            f"KEYS_DIR and VOLATILE_KEYS must be places to write to: {error}."
        )
    db.session.rollback()
    raise fault


def _show(installed: Installed) -> None:
    """Show what is shown once, and go on when some of it came back from the paper."""
    lines: list[str] = []
    for holder in installed.holders:
        lines += [f"Name            {holder.name}", f"Passphrase      {holder.passphrase}", ""]
    try:
        have_written(lines, installed.recovery_code)
    except click.Abort:
        db.session.rollback()
        raise click.ClickException(
            "Broken off. Nothing was kept: what was shown above opens nothing."
        ) from None


def _already() -> click.ClickException:
    return click.ClickException("This installation is initialised already. Nothing was changed.")


def _as_json(installed: Installed) -> str:
    holders = [
        {"name": holder.name, "passphrase": holder.passphrase} for holder in installed.holders
    ]
    return json.dumps({**holders[0], "recovery_code": installed.recovery_code, "holders": holders})
