"""`flask campaigns load DIR`."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

from campaigns.content import BadContent, read_campaigns
from campaigns.services import load_campaigns
from config.database import db

campaigns = AppGroup("campaigns", help="The campaigns and their texts.")


@campaigns.command("load")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--overwrite", is_flag=True, help="Also replace texts that were edited since.")
def load(folder: Path, overwrite: bool) -> None:
    """Load campaigns from FOLDER; running it again changes only what changed in the files."""
    try:
        loaded = load_campaigns(read_campaigns(folder), overwrite)
    except BadContent as error:
        raise click.ClickException(str(error)) from error
    db.session.commit()
    click.echo(f"{loaded.written} texts written, {loaded.unchanged} unchanged.")
    for name in loaded.kept or []:
        click.echo(f"kept as edited: {name} (--overwrite replaces it)")
