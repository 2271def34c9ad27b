"""`flask init`, which makes keys, tables and the first administrator, and `flask staff …`."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click
import flask_migrate
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import inspect, select

from config.database import db
from staff.models import StaffMember
from staff.services import FIRST_NAME, BadName, Installed, install
from vault.services import AlreadyInitialised, VaultMissing

staff = AppGroup("staff", help="Who may sign in.")


@click.command("init", help="Make keys, tables, the first administrator and the recovery code.")
@click.option("--name", default=FIRST_NAME, show_default=True, help="The administrator's name.")
@click.option("--json", "as_json", is_flag=True, help="Print for a program instead of a person.")
@with_appcontext
def init(name: str, as_json: bool) -> None:
    """Initialise once; a second time changes nothing and fails."""
    if not inspect(db.engine).get_table_names():
        flask_migrate.upgrade()
    try:
        installed = install(name, datetime.now(UTC))
    except AlreadyInitialised:
        db.session.rollback()
        raise click.ClickException(
            "This installation is initialised already. Nothing was changed."
        ) from None
    except BadName:
        db.session.rollback()
        raise click.ClickException("Give a name of 1 to 80 letters. Nothing was changed.") from None
    except (VaultMissing, OSError) as fault:
        db.session.rollback()
        raise click.ClickException(
            f"KEYS_DIR and VOLATILE_KEYS must be places to write to: {fault}."
        ) from None
    db.session.commit()
    click.echo(_as_json(installed) if as_json else _framed(installed))


@staff.command("list", help="Names, roles and last sign-ins.")
def list_staff() -> None:
    """Print everybody who may sign in."""
    for member in db.session.scalars(select(StaffMember).order_by(StaffMember.name)):
        seen = member.last_sign_in_at
        when = f"{seen:%Y-%m-%d %H:%M} UTC" if seen else "never"
        click.echo(f"{member.name}\t{member.role}\tlast signed in: {when}")


def _as_json(installed: Installed) -> str:
    return json.dumps(
        {
            "name": installed.name,
            "passphrase": installed.passphrase,
            "recovery_code": installed.recovery_code,
        }
    )


def _framed(installed: Installed) -> str:
    half = len(installed.recovery_code) // 2
    lines = [
        "Write this down now: it is shown only once.",
        "",
        f"Name            {installed.name}",
        f"Passphrase      {installed.passphrase}",
        f"Recovery code   {installed.recovery_code[: half + 1]}",
        f"                {installed.recovery_code[half + 1 :]}",
        "",
        "The recovery code opens every contact when all passphrases are lost.",
        "Keep two copies on paper, in two places. Nobody can make another.",
    ]
    width = max(map(len, lines))
    edge = "+" + "-" * (width + 4) + "+"
    return "\n".join([edge, *(f"|  {line.ljust(width)}  |" for line in lines), edge])
