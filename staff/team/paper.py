"""What a terminal shows once, to be written on paper, and has some of it typed back from there."""

from __future__ import annotations

import secrets

import click

from vault.services import reads_as

GROUPS_TYPED_BACK = 2
ON_A_LINE = 7  # of the code's groups
READ_IT = "When all of it is on paper, press Enter: the screen is cleared then."


def have_written(lines: list[str], code: str) -> None:
    """Show these lines and the recovery code, and return when some of it came back from the paper.

    Raises click.Abort where somebody breaks off.
    """
    click.echo(framed([*lines, *_lines_of(code)]))
    try:
        click.prompt(READ_IT, default="", show_default=False, prompt_suffix=" ")
        click.clear()
        _have_typed_back(code)
    except (KeyboardInterrupt, EOFError):
        raise click.Abort from None


def framed(lines: list[str]) -> str:
    """The lines in a frame."""
    lines = ["Write this down now: it is shown only once.", "", *lines]
    width = max(map(len, lines))
    edge = "+" + "-" * (width + 4) + "+"
    return "\n".join([edge, *(f"|  {line.ljust(width)}  |" for line in lines), edge])


def _lines_of(code: str) -> list[str]:
    groups = code.split("-")
    return [
        f"Recovery code   {'-'.join(groups[:ON_A_LINE])}-",
        f"                {'-'.join(groups[ON_A_LINE:])}",
        "",
        "The recovery code opens every contact when all passphrases are lost.",
        "Keep two copies on paper, in two places. Nobody can read it to you again.",
    ]


def _have_typed_back(code: str) -> None:
    groups = code.split("-")
    for at in sorted(secrets.SystemRandom().sample(range(len(groups)), GROUPS_TYPED_BACK)):
        line, place = divmod(at, ON_A_LINE)
        asked = f"Recovery code, line {line + 1}, group {place + 1} of {ON_A_LINE}"
        while not reads_as(click.prompt(asked), groups[at]):
            click.echo("That is not what was shown. Look at your paper again.")
