"""A recovery code that is lost or was seen: another one, with a new key for the vault."""

from __future__ import annotations

import uuid

import pytest
from flask import Flask
from sqlalchemy import select

from config.database import db
from mail.models import OutgoingEmail
from petitions.models import Signature
from staff.models import AuditEvent
from staff.team.rotation import rotate, rotate_after_removal
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.support.terminal import at_terminal
from tests.unit.staff.conftest import People
from vault.models import Holder
from vault.services import (
    CannotOpen,
    draw_pair,
    draw_recovery_code,
    enrol_holder,
    holder_from_recovery_code,
    pin_pair,
    recovery_code_fits,
    vault,
)


def renew(holder_key: bytes) -> str:
    """Another code and another key for the vault; the code."""
    opener, pair = vault().open_with(holder_key), draw_pair()
    pin_pair(pair)
    drawn = draw_recovery_code(opener, NOW)
    rotate(opener, pair, None, NOW, drawn)
    db.session.commit()
    vault().check()
    return drawn.code


def codes() -> list[uuid.UUID]:
    return list(db.session.scalars(select(Holder.id).where(Holder.kind == "recovery")))


def test_new_code_opens_what_was_and_what_comes_and_the_one_before_nothing(
    app: Flask, instance: Instance, holder_key: bytes, people: People
) -> None:
    before = holder_from_recovery_code(instance.first.recovery_code)
    rows = [people.create_signature("Яна")]
    with app.app_context():
        code = renew(holder_key)
    rows.append(people.create_signature("Алесь"))
    with app.app_context():
        opener = vault().open_with(holder_from_recovery_code(code))
        sealed = [db.session.get_one(Signature, row) for row in rows]
        names = [opener.open("signature", row.id, row.sealed)["name"] for row in sealed]
        assert names == ["Яна", "Алесь"]
        assert not recovery_code_fits(before)
        with pytest.raises(CannotOpen):
            vault().open_with(before)
        assert vault().open_with(holder_key).vault_ids == {1, 2}
        actions = db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.seq)).all()
        assert actions[-2:] == ["vault.code-renewed", "vault.rotated"]
        assert "team-alert" in db.session.scalars(select(OutgoingEmail.kind)).all()
        assert rotate_after_removal(vault().open_with(holder_key), uuid.uuid4(), NOW)
        db.session.commit()
        vault().check()
        assert vault().open_with(holder_from_recovery_code(code)).vault_ids == {1, 2, 3}


def test_code_that_was_drawn_and_not_put_in_place_opens_nothing(
    app: Flask, instance: Instance, holder_key: bytes
) -> None:
    with app.app_context():
        opener = vault().open_with(holder_key)
        drawn = draw_recovery_code(opener, NOW)
        db.session.rollback()
        assert not recovery_code_fits(holder_from_recovery_code(drawn.code))
        assert vault().open_with(holder_from_recovery_code(instance.first.recovery_code))


def test_new_code_is_the_way_out_of_two_of_them(app: Flask, holder_key: bytes) -> None:
    with app.app_context():
        opener = vault().open_with(holder_key)
        enrol_holder(opener, "recovery", NOW)  # as somebody could who knows the vault's key
        db.session.commit()
        renew(holder_key)  # where any other rotation is refused
        assert len(codes()) == 1


def test_command_has_the_new_code_written_down_before_anything_changes(
    app: Flask, instance: Instance
) -> None:
    words = "staff", "rotate", "--name", "admin", "--new-recovery-code"
    with at_terminal(instance.environment, *words) as terminal:
        terminal.until("Passphrase: ")
        terminal.type(instance.first.passphrase)
        assert "a new recovery code, and none from before" in terminal.until("Write this down now")
        code = terminal.write_down()
        terminal.until("Give the vault a new key now? [y/N]: ")
        with app.app_context():  # nobody waits for who writes
            assert recovery_code_fits(holder_from_recovery_code(instance.first.recovery_code))
            assert not recovery_code_fits(holder_from_recovery_code(code))
        terminal.type("y")
        terminal.until("The code from before opens nothing here.")
    with app.app_context():
        vault().check()
        assert vault().open_with(holder_from_recovery_code(code)).vault_ids == {1, 2}
    told = app.test_cli_runner().invoke(
        args=["staff", "recover"], input=f"{instance.first.recovery_code}\n"
    )
    assert told.exit_code == 1
    assert "Either it was replaced" in told.output


def test_broken_off_while_it_is_written_down_changes_nothing(
    app: Flask, instance: Instance
) -> None:
    with app.app_context():
        before = codes()
    told = app.test_cli_runner().invoke(
        args=["staff", "rotate", "--name", "admin", "--new-recovery-code"],
        input=f"{instance.first.passphrase}\n",
    )
    assert told.exit_code == 1
    assert "Broken off. Nothing was changed." in told.output
    with app.app_context():
        assert codes() == before
        assert set(vault().keys_dir.pins()) == {1}
