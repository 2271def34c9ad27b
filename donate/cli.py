"""flask --app app donate …: bring our books in line with Stripe's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

import click
from flask.cli import AppGroup

from config.database import db
from donate.books.comparison import Comparison, Sums, compare_books
from donate.books.missed import Run
from donate.books.reconcile import reconcile
from donate.currencies import exponent
from donate.gateway import GatewayOff, GatewayUnavailable
from vault.services import VaultMissing

donate_commands = AppGroup("donate", help="Gifts and their books.")

AGREED, DIFFERS, NOT_ASKED = 0, 1, 2  # exit statuses
WORDS = {
    "missing": "not in our books, and could not be recorded",
    "amounts": "with other amounts here than at Stripe",
    "unknown": "in our books, and unknown to Stripe",
}


@donate_commands.command("reconcile")
@click.option("--books", is_flag=True, help="Compare every line of the books with Stripe, too.")
def reconcile_command(books: bool) -> None:
    """Catch up with what Stripe's webhooks did not tell us; safe at any time, and beside itself.

    The exit status is 0 where all agrees, 1 where something differs, 2 where Stripe could not be
    asked.
    """
    now = datetime.now(UTC)
    try:
        run = reconcile(now)
        _say(_lines_of_run(run))
        found = compare_books(now, is_whole=True) if books else None
    except GatewayOff:
        _stop("There is no STRIPE_SECRET_KEY: nothing to compare with.")
    except GatewayUnavailable:
        _stop("Stripe does not answer. What was done is kept; run this again later.")
    except VaultMissing:
        _stop("The vault's keys are not at hand: gifts cannot be taken in. Run this again later.")
    if found:
        _say(_lines_of_comparison(found))
    sys.exit(DIFFERS if run.failed or (found and found.differences) else AGREED)


def _stop(sentence: str) -> NoReturn:
    db.session.rollback()
    click.echo(sentence, err=True)
    sys.exit(NOT_ASKED)


def _say(lines: Iterator[str]) -> None:
    for line in lines:
        click.echo(line)


def _lines_of_run(run: Run) -> Iterator[str]:
    yield f"Events: {run.events} that nobody had told us of, {run.known} known."
    yield f"Sessions found by our mark: {run.sessions}."
    yield f"Waiting gifts looked at again: {run.rows}; expired, unknown to Stripe: {run.expired}."
    if run.gap:
        yield (
            f"Stripe shows events of 30 days only; those of the {run.gap.days} days before were "
            "missed. Compare the books: add --books."
        )
    for failed in run.failed:
        yield f"Stripe refuses to show what belongs to {failed}; it will be asked for again."


def _lines_of_comparison(found: Comparison) -> Iterator[str]:
    yield f"Books since {found.since}:"
    for currency in sorted({*found.theirs, *found.ours}):
        yield _line_of_sums(currency, "at Stripe", found.theirs.get(currency, Sums()))
        yield _line_of_sums(currency, "here", found.ours.get(currency, Sums()))
    for line in found.recorded:
        amount = _money(line.gross_minor, line.currency)
        yield f"{line.id} ({line.type} {line.source_id}, {amount}) was missing; recorded now."
    for difference in found.differences:
        yield _line_of_difference(difference)
    if found.not_ours:
        yield f"Lines of the same account that are not ours: {found.not_ours}."
    count = len(found.differences)
    yield f"Differences: {count}." if count else "The books agree."


def _line_of_sums(currency: str, side: str, sums: Sums) -> str:
    gross, fees, net = (
        _money(minor, currency) for minor in (sums.gross_minor, sums.fee_minor, sums.net_minor)
    )
    return f"  {side:<10} {sums.lines:>6} lines  gross {gross}  fees {fees}  net {net}"


def _line_of_difference(difference: dict[str, Any]) -> str:
    currency = difference["currency"]
    sides = [
        f"{side} {_money(difference[side], currency)}"
        f" (fee {_money(difference[f'{side}_fee'], currency)})"
        for side in ("theirs", "ours")
        if side in difference
    ]
    return f"{difference['id']} is {WORDS[difference['what']]}: {', '.join(sides)}."


def _money(minor: int, currency: str) -> str:
    return f"{Decimal(minor).scaleb(-exponent(currency))} {currency}"
