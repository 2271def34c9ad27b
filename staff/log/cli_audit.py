"""`flask staff audit verify`: whether the audit log is still what was written.

Ends with 0 where it holds, 1 where something is wrong, 2 where it could not be checked.
"""

from __future__ import annotations

from datetime import UTC, datetime

import click
from flask_babel import force_locale

from config.commands import told_in_a_sentence
from config.database import begin_read, db
from staff.cli import staff
from staff.door.sign_in import Account, find_account, open_account, use_proof
from staff.log import audit_check
from staff.log.audit_check import Head, NoChain, NotVouchedFor, parse_head
from staff.log.words_audit import verdict_in_words
from vault.services import (
    BadRecoveryCode,
    CannotOpen,
    Fault,
    Opener,
    VaultMissing,
    holder_from_recovery_code,
    vault,
)

WRONG, UNCHECKED = 1, 2
FAULTS = {
    Fault.LENGTH: "it has 56 letters and digits",
    Fault.CHARACTER: "one of these signs is never in it",
    Fault.CHECKSUM: "a letter or digit is mistyped",
}


class CannotCheck(click.ClickException):
    """Nothing was found out."""

    exit_code = UNCHECKED


@staff.group("audit", help="The log of what staff did.")
def audit_commands() -> None:
    """The commands below."""


@audit_commands.command("verify", help="Check that the log is still what was written.")
@click.option("--head", metavar="NUMBER:MARK", help="A mark from a mail, to find a cut end.")
@click.option("--name", help="Check every event with this key holder's passphrase, asked for.")
@click.option("--recovery", is_flag=True, help="The same with the recovery code, asked for.")
@told_in_a_sentence(exit_code=UNCHECKED)
def verify(head: str | None, name: str | None, recovery: bool) -> None:
    """Without a key the links alone are checked: whoever can write them can write them anew."""
    mailed = _head(head)
    opener = _with_passphrase(name) if name else _with_code() if recovery else None
    begin_read()
    try:
        verdict = audit_check.check(opener, mailed)
    except (NoChain, NotVouchedFor, CannotOpen) as reason:
        raise CannotCheck(_in_english(reason)) from None
    click.echo(_in_english(verdict))
    click.echo(f"Its mark now: {verdict.head}")
    if not verdict.holds:
        click.get_current_context().exit(WRONG)


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    head = parse_head(text)
    if head is None:
        raise CannotCheck("A mark looks like 17:9f86d0…, with 64 letters and digits.")
    return head


def _with_passphrase(name: str) -> Opener:
    account = find_account(name)
    db.session.rollback()
    passphrase = click.prompt("Passphrase", hide_input=True)
    code = click.prompt("Code", hide_input=True) if account and account.has_factor else ""
    try:
        return vault().open_with(_key_of(account, passphrase, code))
    except CannotOpen:
        raise CannotCheck("This passphrase opens no contacts, and so no log.") from None
    except VaultMissing as fault:
        raise CannotCheck(f"{fault}.") from None


def _key_of(account: Account | None, passphrase: str, code: str) -> bytes:
    proof = open_account(account, passphrase, code, datetime.now(UTC))
    if account is None or proof is None or not use_proof(account, proof):
        db.session.rollback()
        raise CannotCheck("Name, passphrase and code do not belong together.")
    db.session.commit()  # the code is spent
    return proof.key


def _with_code() -> Opener:
    code = click.prompt("Recovery code", hide_input=True)
    try:
        return vault().open_with(holder_from_recovery_code(code), even_stopped=True)
    except BadRecoveryCode as error:
        raise CannotCheck(f"This is not the recovery code: {FAULTS[error.fault]}.") from None
    except CannotOpen:
        raise CannotCheck("This is the recovery code of another installation.") from None
    except VaultMissing as fault:
        raise CannotCheck(f"{fault}.") from None


def _in_english(found: audit_check.Verdict | Exception) -> str:
    with force_locale("en"):
        return verdict_in_words(found)
