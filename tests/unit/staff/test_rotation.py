"""A new key for the vault: by a removal, by `flask staff rotate`, and for whom."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from config.database import db
from petitions.models import Signature
from staff.models import AuditChain, AuditEvent, StaffMember
from staff.team import cli_rotation
from staff.team.members import remove
from staff.team.rotation import TwoRecoveryCodes, entitled, rotate_after_removal
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.unit.staff.conftest import People
from vault.box import box_vault_id
from vault.models import Holder, VaultPair
from vault.services import (
    CannotOpen,
    Enrolled,
    draw_pair,
    enrol_holder,
    holder_from_recovery_code,
    pin_pair,
    vault,
)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_rotation, "MARK_AFTER_SECONDS", 0)


def create_colleague(app: Flask, holder_key: bytes, role: str = "contacts") -> Enrolled:
    """A member with a holder of their own and a share."""
    with app.app_context():
        made = enrol_holder(vault().open_with(holder_key), "staff", NOW)
        name = f"colleague-{made.holder.id.hex[:6]}"
        member = StaffMember(name=name, role=role, created_at=NOW, holder_id=made.holder.id)
        db.session.add(member)
        db.session.commit()
        db.session.refresh(made.holder)
        db.session.expunge(made.holder)
        return made


def vaults(app: Flask) -> list[int]:
    """The ids of the pairs that seal."""
    with app.app_context():
        live = select(VaultPair.id).where(VaultPair.retired_at.is_(None))
        return list(db.session.scalars(live))


def test_removal_leaves_a_colleague_nothing_new(
    app: Flask, instance: Instance, holder_key: bytes, people: People
) -> None:
    colleague = create_colleague(app, holder_key)
    old_row = people.create_signature("Яна")
    with app.app_context():
        admin = db.session.scalars(select(StaffMember).where(StaffMember.role == "admin")).one()
        leaver = db.session.scalars(
            select(StaffMember).where(StaffMember.holder_id == colleague.holder.id)
        ).one()
        kept = vault().open_with(colleague.key)  # what they may have taken along
        assert remove(leaver.id, admin.id, NOW)
        assert rotate_after_removal(vault().open_with(holder_key), admin.id, NOW)
        db.session.commit()
        vault().check()
    new_row = people.create_signature("Алесь")
    with app.app_context():
        old, new = (db.session.get_one(Signature, row) for row in (old_row, new_row))
        assert kept.open("signature", old.id, old.sealed)["name"] == "Яна"
        with pytest.raises(CannotOpen):
            kept.open("signature", new.id, new.sealed)
        with pytest.raises(CannotOpen):
            vault().open_with(colleague.key)
        for key in (holder_key, holder_from_recovery_code(instance.first.recovery_code)):
            opener = vault().open_with(key)
            assert opener.open("signature", old.id, old.sealed)["name"] == "Яна"
            assert opener.open("signature", new.id, new.sealed)["name"] == "Алесь"
        event = db.session.scalars(
            select(AuditEvent).where(AuditEvent.action == "vault.rotated")
        ).one()
        assert event.details == {"vault": 2, "shares": 2, "refused": 0}
        assert box_vault_id(db.session.scalars(select(AuditChain.sealed)).one()) == 2


def test_removal_undone_before_its_commit_leaves_all_as_it_was(
    app: Flask, holder_key: bytes, people: People
) -> None:
    with app.app_context():
        admin = db.session.scalars(select(StaffMember)).one()
        assert rotate_after_removal(vault().open_with(holder_key), admin.id, NOW)
        vault().check()
        db.session.rollback()
    row = people.create_signature("Яна")
    with app.app_context():
        found = db.session.get_one(Signature, row)
        opener = vault().open_with(holder_key)
        assert opener.open("signature", row, found.sealed)["name"] == "Яна"
        assert rotate_after_removal(opener, uuid.uuid4(), NOW)
        db.session.commit()
    assert vaults(app) == [3]


def test_viewer_and_planted_people_are_not_entitled_or_vouched_for(
    app: Flask, holder_key: bytes
) -> None:
    viewer = create_colleague(app, holder_key, "viewer")
    gone = create_colleague(app, holder_key, "contacts")
    planted = create_colleague(app, holder_key, "admin")
    with app.app_context():
        db.session.scalars(
            select(StaffMember).where(StaffMember.holder_id == gone.holder.id)
        ).one().state = "removed"
        db.session.get_one(Holder, planted.holder.id).enrolment_tag = bytes(32)
        db.session.commit()
        assert {viewer.holder.id, gone.holder.id}.isdisjoint(
            {holder.id for holder in entitled(vault().open_with(holder_key), NOW)}
        )
        assert rotate_after_removal(vault().open_with(holder_key), uuid.uuid4(), NOW)
        db.session.commit()
        vault().check()
        for colleague in (viewer, gone, planted):
            with pytest.raises(CannotOpen):
                vault().open_with(colleague.key)


def test_second_recovery_holder_stops_a_rotation(app: Flask, holder_key: bytes) -> None:
    with app.app_context():
        opener = vault().open_with(holder_key)
        enrol_holder(opener, "recovery", NOW)  # as somebody could who knows the vault's key
        db.session.commit()
        with pytest.raises(TwoRecoveryCodes):
            rotate_after_removal(opener, uuid.uuid4(), NOW)
        db.session.rollback()
    assert vaults(app) == [1]


def test_pin_that_cannot_be_written_leaves_the_rotation_to_a_person(
    app: Flask, holder_key: bytes, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with app.app_context():
        opener = vault().open_with(holder_key)
        vault().keys_dir._path = tmp_path / "file"
        assert not rotate_after_removal(opener, uuid.uuid4(), NOW)
        db.session.commit()
    assert vaults(app) == [1]


def test_several_machines_are_not_rotated_by_one_of_them(
    app: Flask, instance: Instance, holder_key: bytes
) -> None:
    app.extensions["vigil_settings"] = instance.settings(volatile_keys="redis://127.0.0.1:1")
    with app.app_context():
        opener = vault().open_with(holder_key)
        assert not rotate_after_removal(opener, uuid.uuid4(), NOW)
        assert set(vault().keys_dir.pins()) == {1}
    asked = app.test_cli_runner().invoke(
        args=["staff", "rotate"], input=f"{instance.first.recovery_code}\nn\n"
    )
    assert "KEYS_DIR/pin on every machine:\n\n  2 " in asked.output
    assert asked.exit_code == 1
    assert vaults(app) == [1]


def test_command_rotates_by_code_and_by_passphrase(app: Flask, instance: Instance) -> None:
    runner = app.test_cli_runner()
    code = instance.first.recovery_code
    first = runner.invoke(args=["staff", "rotate"], input=f"{code}\ny\n")
    assert first.exit_code == 0, first.output
    assert "  admin\n" in first.output
    assert "  an open recovery\n" not in first.output
    assert "  the recovery code\n" in first.output
    second = runner.invoke(
        args=["staff", "rotate", "--name", "Admin", "--yes"],
        input=f"{instance.first.passphrase}\n",
    )
    assert second.exit_code == 0, second.output
    assert "Vault 3 seals from now on; 2 keys open it." in second.output
    with app.app_context():
        pins = vault().keys_dir.pins()
        assert {number: pin.is_old for number, pin in pins.items()} == {1: True, 2: True, 3: False}
        assert vault().open_with(holder_from_recovery_code(code)).vault_ids == {1, 2, 3}
        actors = db.session.scalars(
            select(AuditEvent.actor_id)
            .where(AuditEvent.action == "vault.rotated")
            .order_by(AuditEvent.seq)
        ).all()
        admin = db.session.scalars(select(StaffMember.id)).one()
        assert actors == [None, admin]


@pytest.mark.parametrize(
    ("more", "typed", "said"),
    [
        (["--name", "nobody"], "", "No administrator"),
        (["--name", "admin"], "wrong words\n", "passphrase is wrong"),
        ([], "{code}\nn\n", "Aborted"),
    ],
)
def test_command_refused_or_broken_off_changes_nothing(
    app: Flask, instance: Instance, people: People, more: list[str], typed: str, said: str
) -> None:
    refused = app.test_cli_runner().invoke(
        args=["staff", "rotate", *more], input=typed.format(code=instance.first.recovery_code)
    )
    assert refused.exit_code == 1
    assert said in refused.output
    assert vaults(app) == [1]
    people.create_signature("Яна")


def test_rotation_that_waits_too_long_for_its_answer_gives_way(
    app: Flask, instance: Instance, holder_key: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else rotates while the person at the terminal puts the pin on other machines."""

    def meanwhile(_question: str, **_more: object) -> bool:
        assert rotate_after_removal(vault().open_with(holder_key), uuid.uuid4(), datetime.now(UTC))
        db.session.commit()
        return True

    monkeypatch.setattr("click.confirm", meanwhile)
    late = app.test_cli_runner().invoke(
        args=["staff", "rotate"], input=f"{instance.first.recovery_code}\n"
    )
    assert late.exit_code == 1
    assert "Nothing was changed" in late.output
    assert vaults(app) == [3]  # the number 2 was pinned by who was late
    with app.app_context():
        pin_pair(draw_pair())
        assert vault().is_ready()


def test_planted_recovery_holder_does_not_stop_a_rotation(
    app: Flask, instance: Instance, holder_key: bytes
) -> None:
    with app.app_context():
        opener = vault().open_with(holder_key)
        planted = enrol_holder(opener, "recovery", NOW)
        planted.holder.enrolment_tag = bytes(32)
        db.session.commit()
    done = app.test_cli_runner().invoke(
        args=["staff", "rotate", "--yes"], input=f"{instance.first.recovery_code}\n"
    )
    assert done.exit_code == 0, done.output
    assert done.output.count("the recovery code") == 1, "people see who gets a share"
    assert "1 holders in the database are nobody's" in done.output
    with app.app_context(), pytest.raises(CannotOpen):
        vault().open_with(planted.key)
    assert vaults(app) == [2]


@pytest.mark.parametrize("sealed", [b"", b"\x02\x00\x01junk", b"\x09\x00\x01junk"])
def test_damaged_first_key_of_the_log_does_not_stop_a_rotation(
    app: Flask,
    instance: Instance,
    holder_key: bytes,
    caplog: pytest.LogCaptureFixture,
    sealed: bytes,
) -> None:
    with app.app_context():
        db.session.execute(update(AuditChain).values(sealed=sealed))
        db.session.commit()
        assert rotate_after_removal(vault().open_with(holder_key), uuid.uuid4(), NOW)
        db.session.commit()
        assert db.session.scalars(select(AuditChain.sealed)).one() == sealed
    assert "first key of the audit log does not open" in caplog.text
    assert vaults(app) == [2]
    told = app.test_cli_runner().invoke(
        args=["staff", "audit", "verify", "--recovery"],
        input=f"{instance.first.recovery_code}\n",
    )
    assert told.exit_code == 2, told.output
