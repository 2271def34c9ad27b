"""flask --app app retention …: drop what was kept for a time only, and rewrite the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import click
from flask.cli import AppGroup

from config.database import db, forget_deleted_rows
from config.rewriting import rewrite_database
from contacts.jobs import preview, run_retention

retention = AppGroup("retention", help="What is kept for a time only.")


@retention.command("run")
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
def run(dry_run: bool) -> None:
    """Drop everything whose time is over. The worker does this every hour, too."""
    now = datetime.now(UTC)
    if dry_run:
        click.echo("A dry run: nothing was changed. The same run without --dry-run would drop:")
        _print(preview(now))
        return
    click.echo("Dropped:")
    _print(run_retention(now))
    forget_deleted_rows()


@retention.command("rewrite")
def rewrite() -> None:
    """Rewrite the database's files, so that no free space in them holds what was deleted.

    Nobody can write meanwhile (on PostgreSQL: nor read the table in hand).
    """
    db.session.rollback()
    click.echo(f"Rewritten: {rewrite_database()}.")


def _print(dropped: Mapping[str, int]) -> None:
    width = max(map(len, dropped))
    for name, number in dropped.items():
        click.echo(f"  {name.ljust(width)}  {number:>7}")
