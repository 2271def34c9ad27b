"""`flask staff audit verify`: 0 where the log holds, 1 where it does not, 2 where none can say."""

from __future__ import annotations

import uuid

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select, update

from config.database import db
from staff import audit
from staff.log import audit_check
from staff.models import StaffMember
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.unit.staff import chains
from tests.unit.staff.conftest import code_now
from vault.models import Holder
from vault.services import unlock


def verify(app: Flask, *args: str, typed: str = "") -> Result:
    return app.test_cli_runner().invoke(args=["staff", "audit", "verify", *args], input=typed)


@pytest.fixture
def end(app: Flask) -> int:
    """Writes some events; the number of the last."""
    with app.app_context():
        for _ in range(3):
            audit.record("goal.removed", NOW, actor=None, subject=("goal", None))
            db.session.commit()
        return chains.end().seq


def tamper(app: Flask, seq: int, *, well: bool) -> None:
    """Change an event; well: with all hashes after it, and the best key there is."""
    with app.app_context():
        chains.change(seq, actor_id=uuid.uuid4())
        if well:
            chains.write_anew(seq, chains.end().key)
        db.session.commit()


def run_sql(app: Flask, statement: str) -> None:
    """What somebody does who can write to the database."""
    with app.app_context():
        db.session.connection().exec_driver_sql(statement)
        db.session.commit()


def test_links_are_checked_without_a_key(app: Flask, end: int) -> None:
    told = verify(app)
    assert (told.exit_code, f"hold up to number {end}" in told.output) == (0, True)
    assert "Only a key tells" in told.output
    tamper(app, 3, well=False)
    told = verify(app)
    assert (told.exit_code, "Number 3 was changed" in told.output) == (1, True)


def test_passphrase_of_a_key_holder_checks_every_event(
    app: Flask, instance: Instance, end: int
) -> None:
    passphrase = instance.first.passphrase + "\n"
    told = verify(app, "--name", "Admin", typed=passphrase)
    assert (told.exit_code, "every event up to number" in told.output) == (0, True)
    assert passphrase.strip() not in told.output
    tamper(app, 3, well=True)
    assert verify(app).exit_code == 0
    told = verify(app, "--name", "admin", typed=passphrase)
    assert (told.exit_code, "Number 3 was changed" in told.output) == (1, True)


def test_recovery_code_checks_every_event(app: Flask, instance: Instance, end: int) -> None:
    code = instance.first.recovery_code
    assert verify(app, "--recovery", typed=f"{code}\n").exit_code == 0
    tamper(app, 3, well=True)
    assert verify(app, "--recovery", typed=f"{code}\n").exit_code == 1
    mistyped = code[:-1] + ("0" if code[-1] != "0" else "1")
    told = verify(app, "--recovery", typed=f"{mistyped}\n")
    assert (told.exit_code, "mistyped" in told.output) == (2, True)
    told = verify(app, "--recovery", typed="abc\n")
    assert (told.exit_code, "56 letters" in told.output) == (2, True)


@pytest.mark.parametrize(
    "change", ["details = 'tampered'", "at = 'x'", "actor_id = 'zz'", "mac = 'tampered'"]
)
def test_nonsense_in_an_event_is_named(
    app: Flask, instance: Instance, end: int, change: str
) -> None:
    if instance.engine == "postgresql":
        change = "at = 'infinity'"  # other columns take none
    run_sql(app, f"UPDATE audit_event SET {change} WHERE seq = 2")  # noqa: S608
    if not change.startswith("mac"):
        told = verify(app)
        assert (told.exit_code, "Number 2 was changed" in told.output) == (1, True)
    told = verify(app, "--name", "admin", typed=instance.first.passphrase + "\n")
    assert (told.exit_code, "Number 2 was changed" in told.output) == (1, True)


def test_nonsense_before_the_chain_leaves_it_possible_to_write(
    app: Flask, instance: Instance, end: int
) -> None:
    change = "details = 'tampered'" if instance.engine == "sqlite" else "at = 'infinity'"
    run_sql(app, f"UPDATE audit_event SET hash = NULL, mac = NULL, {change}")  # noqa: S608
    run_sql(app, "DELETE FROM audit_chain")
    with app.app_context():
        audit.record("goal.removed", NOW, actor=None, subject=("goal", None))
        db.session.commit()
    assert verify(app).exit_code == 0
    run_sql(app, "UPDATE audit_event SET seq = 0 WHERE seq = 1")
    run_sql(app, "DELETE FROM audit_event WHERE seq = 2")
    assert verify(app).exit_code == 1


@pytest.mark.parametrize("with_key", [False, True])
@pytest.mark.parametrize(
    "tampering", ["DELETE FROM audit_chain", "UPDATE audit_chain SET hash = 'x', key = 'x'"]
)
def test_chain_that_is_gone_though_events_hang_on_it_is_broken(
    app: Flask, instance: Instance, end: int, tampering: str, with_key: bool
) -> None:
    run_sql(app, tampering)
    args = ("--name", "admin") if with_key else ()
    told = verify(app, *args, typed=instance.first.passphrase + "\n")
    assert (told.exit_code, "The log was cut: number" in told.output) == (1, True)


def test_log_without_events_and_chain_has_not_begun(app: Flask, end: int) -> None:
    run_sql(app, "DELETE FROM audit_chain")
    run_sql(app, "DELETE FROM audit_event")
    told = verify(app)
    assert (told.exit_code, "no chain yet" in told.output) == (2, True)


def test_mailed_head_shows_a_cut_end(app: Flask, end: int) -> None:
    with app.app_context():
        head = str(audit_check.head_now())
        kept = chains.rows()[-2]
        db.session.rollback()
    assert verify(app, "--head", head).exit_code == 0
    with app.app_context():
        key = chains.end().key
        chains.remove(end)
        chains.put_end(chains.Link(end - 1, kept["hash"], key))
        db.session.commit()
    assert verify(app).exit_code == 0
    told = verify(app, "--head", head)
    assert (told.exit_code, f"number {end} and whatever followed" in told.output) == (1, True)


@pytest.mark.parametrize("head", ["17", "x:y", ""])
def test_bad_mark_checks_nothing(app: Flask, head: str) -> None:
    assert verify(app, "--head", head).exit_code == 2


def test_wrong_passphrase_or_code_checks_nothing(app: Flask, instance: Instance, end: int) -> None:
    told = verify(app, "--name", "admin", typed="wrong words\n")
    assert (told.exit_code, "do not belong together" in told.output) == (2, True)
    assert verify(app, "--name", "nobody", typed="wrong words\n").exit_code == 2


def test_code_is_asked_for_where_there_is_a_second_factor(
    app: Flask, instance: Instance, end: int
) -> None:
    passphrase = instance.first.passphrase
    with app.app_context():
        holder = db.session.scalars(select(Holder).where(Holder.kind == "staff")).first()
        assert holder
        unlocked = unlock(holder, passphrase)
        assert unlocked
        secret = unlocked.totp_secret or b""
        db.session.execute(update(StaffMember).values(totp_step=1))
        db.session.commit()
    assert verify(app, "--name", "admin", typed=f"{passphrase}\n000000\n").exit_code == 2
    typed = f"{passphrase}\n{code_now(secret)}\n"
    assert verify(app, "--name", "admin", typed=typed).exit_code == 0
    assert verify(app, "--name", "admin", typed=typed).exit_code == 2  # a code works once
