"""flask --app app mail …: the worker, and another round for mails that failed."""

from __future__ import annotations

import uuid

import click
from flask import current_app
from flask.cli import AppGroup

from config.database import db
from mail.outbox import requeue, requeue_failed
from mail.worker import Worker, utc_now

mail_commands = AppGroup("mail", help="Outgoing mail.")


@mail_commands.command("work")
@click.option("--once", is_flag=True, help="Send what is due now, then end.")
def work(once: bool) -> None:
    """Send mail and run the jobs that recur, until stopped by SIGTERM or Ctrl-C."""
    sent = Worker(current_app._get_current_object()).run(once)  # type: ignore[attr-defined]
    if once:
        click.echo(f"{sent} sent")


@mail_commands.command("requeue")
@click.argument("email_id", type=click.UUID, required=False)
@click.option("--failed", is_flag=True, help="All that failed and have not expired.")
def requeue_command(email_id: uuid.UUID | None, failed: bool) -> None:
    """Give a mail that failed another round of attempts."""
    if (email_id is None) != failed:
        raise click.UsageError("Name one mail, or --failed for all.")
    if email_id is None:
        click.echo(f"{requeue_failed(utc_now())} queued again")
    elif not requeue(email_id, utc_now()):
        raise click.ClickException("No failed mail of that id that has not expired.")
    db.session.commit()
