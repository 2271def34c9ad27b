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
