"""`flask staff recover`: the printed code leads back in, whatever else is gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select, update

from config.database import db
from contacts.services import token_from_path
from petitions.models import Signature
from staff.models import AuditChain, AuditEvent, StaffMember, StaffSession
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.unit.staff.conftest import Browser, People
from vault.box import box_vault_id
from vault.codes import CROCKFORD, write_code
from vault.models import VaultPair
from vault.services import CannotOpen, vault

LINK = re.compile(r"http://127\.0\.0\.1:8000/staff/invitation/([A-Za-z0-9_-]{43})\n")


def recover(app: Flask, *typed: str, name: str = "admin") -> Result:
    """Run the command and type."""
    lines = "".join(f"{line}\n" for line in typed)
    return app.test_cli_runner().invoke(args=["staff", "recover", "--name", name], input=lines)


def key_in_link(result: Result) -> bytes:
    """The key that the printed link carries."""
    assert result.exit_code == 0, result.output
    found = LINK.search(result.output)
    assert found
    return token_from_path(found[1])


def opens(app: Flask, key: bytes, row: object) -> str:
    """The name in a signature, opened with a holder's key."""
    with app.app_context():
        found = db.session.get_one(Signature, row)
        name: str = vault().open_with(key).open("signature", found.id, found.sealed)["name"]
        return name


def mistyped(code: str) -> str:
    """The code with one letter wrong."""
    return CROCKFORD[(CROCKFORD.index(code[0]) + 1) % 32] + code[1:]


def test_mistyped_code_says_so_and_the_right_one_leads_in(
    app: Flask, instance: Instance, people: People
) -> None:
    row, code = people.create_signature("Яна"), instance.first.recovery_code
    done = recover(app, mistyped(code), code[:-1], code[:-1] + "!", code.lower(), name="Admin")
    for words in ("typing mistake", "14 groups", "no recovery code has"):
        assert words in done.output
    assert code not in done.output
    assert opens(app, key_in_link(done), row) == "Яна"
    with app.app_context():
        assert db.session.scalars(select(StaffMember.name)).all() == ["admin"]
        actions = db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.seq)).all()
        assert actions[-2:] == ["vault.recovered", "staff.invited"]
        assert vault().check().id == 1


def test_somebody_new_may_come_in_by_the_code(app: Flask, instance: Instance) -> None:
    key_in_link(recover(app, instance.first.recovery_code, name="Nasta"))
    with app.app_context():
        member = db.session.scalars(select(StaffMember).where(StaffMember.name == "nasta")).one()
        assert (member.role, member.state) == ("admin", "invited")
    refused = recover(app, instance.first.recovery_code, name="x" * 81)
    assert refused.exit_code == 1
    assert "1 to 80" in refused.output


def test_lost_pepper_is_made_anew_after_asking(
    app: Flask, instance: Instance, people: People
) -> None:
    row, pepper = people.create_signature("Яна"), instance.folder / "keys" / "pepper"
    pepper.unlink()
    assert recover(app, instance.first.recovery_code, "n").exit_code == 1
    assert not pepper.exists()
    done = recover(app, instance.first.recovery_code, "y")
    assert "put it back" in done.output
    assert opens(app, key_in_link(done), row) == "Яна"
    people.create_signature("Алесь")


def test_lost_keys_dir_leaves_the_code_alone_a_key(
    app: Flask, instance: Instance, people: People, admin: Browser, holder_key: bytes
) -> None:
    row = people.create_signature("Яна")
    for path in (instance.folder / "keys").iterdir():
        path.unlink()
    done = recover(app, instance.first.recovery_code, "y", "y")
    assert "Invite everybody else again" in done.output
    key = key_in_link(done)
    new_row = people.create_signature("Алесь")
    assert [opens(app, key, row), opens(app, key, new_row)] == ["Яна", "Алесь"]
    with app.app_context():
        assert db.session.scalars(select(StaffSession)).all() == []
        assert box_vault_id(db.session.scalars(select(AuditChain.sealed)).one()) == 2
        with pytest.raises(CannotOpen):
            vault().open_with(holder_key)
    assert admin.get("/staff/").status_code == 303


def test_broken_off_while_it_asks_nothing_is_changed(app: Flask, instance: Instance) -> None:
    pin = instance.folder / "keys" / "pin"
    pin.write_text("half of a li")
    refused = recover(app, instance.first.recovery_code, "n")
    assert refused.exit_code == 1
    assert "may have changed the database" in refused.output
    assert pin.read_text() == "half of a li"
    with app.app_context():
        assert db.session.scalars(select(VaultPair.id)).all() == [1]


def test_pin_of_another_installation_is_believed_before_the_database(
    app: Flask, instance: Instance
) -> None:
    pin = instance.folder / "keys" / "pin"
    pin.write_text("1 " + "0" * 64 + "\n")
    refused = recover(app, instance.first.recovery_code)
    assert refused.exit_code == 1
    assert "move that file away" in refused.output
    assert pin.read_text() == "1 " + "0" * 64 + "\n"
    pin.rename(pin.with_name("pin.of-another"))
    key_in_link(recover(app, instance.first.recovery_code, "y"))


def test_code_of_another_installation_changes_nothing(app: Flask, instance: Instance) -> None:
    other = write_code(bytes(range(32)))
    refused = recover(app, other)
    assert "opens nothing here" in refused.output
    for name in ("pin", "pepper"):
        (instance.folder / "keys" / name).unlink()
    refused = recover(app, other, "y", "y")
    assert refused.exit_code == 1
    assert "opens nothing here" in refused.output
    assert {path.name for path in (instance.folder / "keys").iterdir()} == {"form-key"}


def test_stopped_intake_stays_stopped(app: Flask, instance: Instance, tmp_path: Path) -> None:
    with app.app_context():
        db.session.execute(update(VaultPair).values(stopped_at=NOW))
        db.session.commit()
    done = recover(app, instance.first.recovery_code)
    assert key_in_link(done)
    assert "flask panic --undo" in done.output
    rotated = app.test_cli_runner().invoke(
        args=["staff", "rotate"], input=f"{instance.first.recovery_code}\n"
    )
    assert rotated.exit_code == 1
    assert "stopped" in rotated.output
