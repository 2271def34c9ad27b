"""Commands in the terminal: a database that cannot be used is told in a sentence."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from psycopg.errors import UndefinedTable
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError


@contextmanager
def told_in_a_sentence(exit_code: int = 1) -> Iterator[None]:
    """Raise ClickException where the database cannot be reached, opened, or has no tables.

    A command whose exit status 1 says something of its own ends with another one then.
    """
    try:
        yield
    except DBAPIError as fault:
        if not isinstance(fault, (OperationalError, InterfaceError)) and not isinstance(
            fault.orig, UndefinedTable
        ):
            raise
        reason = str(fault.orig).partition("\n")[0]
        sentence: Any = click.ClickException(
            f"The database cannot be used: {reason}. DATABASE_URL says where it is; its folder "
            "must exist; `flask --app app init` or `flask --app app db upgrade` makes the tables."
        )
        sentence.exit_code = exit_code
        raise sentence from None


def told(command: click.Command) -> click.Command:
    """The same command, which tells in a sentence that the database cannot be used."""
    changed, invoke = copy.copy(command), command.invoke

    def invoke_and_tell(context: click.Context) -> Any:
        with told_in_a_sentence():
            return invoke(context)

    changed.invoke = invoke_and_tell  # type: ignore[assignment]
    return changed
