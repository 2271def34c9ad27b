"""The recovery code where pin, pepper or public key are gone: nobody else comes in with it."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from nacl.public import PrivateKey, SealedBox
from sqlalchemy import select, update

from config.database import db
from tests.unit.vault.conftest import NOW
from vault.models import Holder, VaultPair, VaultShare
from vault.opener import Opener
from vault.services import (
    CannotOpen,
    Initialised,
    IntakeStopped,
    Vault,
    VaultMissing,
    draw_pair,
    enrol_holder,
    holder_from_recovery_code,
    pin_pair,
    recover_vault,
    switch_vault,
)

ROW = uuid.uuid4()
BEFORE, AFTER = {"name": "Яна"}, {"name": "Алесь"}


def forget_checks(vault: Vault) -> None:
    vault._checked = (-1.0, VaultMissing())


def code_key(first: Initialised) -> bytes:
    return holder_from_recovery_code(first.recovery_code)


def plant_vault(first: Initialised, vault_id: int) -> bytes:
    """What somebody who writes to the database can do: a vault, sealed to everybody, vouched for.

    Returns the private key of the holder that they planted for themselves.
    """
    theirs, own = PrivateKey.generate(), PrivateKey.generate()
    forged = Opener(vault_id, {vault_id: theirs.encode()})
    row = VaultPair(id=vault_id, public_key=theirs.public_key.encode(), created_at=NOW)
    planted = Holder(id=uuid.uuid4(), kind="staff", created_at=NOW, enrolment_tag=b"")
    planted.public_key = own.public_key.encode()
    db.session.add_all([row, planted])
    db.session.flush()
    for holder in db.session.scalars(select(Holder)):
        share = bytes(forged.seal_shares(holder.public_key)[vault_id])
        db.session.add(VaultShare(vault_id=vault_id, holder_id=holder.id, share=share))
        holder.enrolment_tag = forged.enrolment_tag(holder.id, holder.public_key)
    db.session.commit()
    return own.encode()


def test_lost_pin_the_code_opens_all_and_nobody_else_anything_new(
    vault: Vault, first: Initialised, tmp_path: Path
) -> None:
    box = vault.seal("signature", ROW, BEFORE)
    colleague = enrol_holder(first.opener, "invitation", NOW)
    db.session.commit()
    attacker = plant_vault(first, 7)
    (tmp_path / "keys" / "pin").unlink()
    forget_checks(vault)
    assert not vault.is_ready()

    recovered = recover_vault(code_key(first), NOW)
    db.session.commit()
    forget_checks(vault)
    new_box = vault.seal("signature", ROW, AFTER)

    assert recovered.is_new
    opener = vault.open_with(code_key(first))
    assert opener.open("signature", ROW, box) == BEFORE
    assert opener.open("signature", ROW, new_box) == AFTER
    assert vault.email_index("a@example.org")
    for key in (colleague.key, attacker):
        with pytest.raises(CannotOpen):
            vault.open_with(key)
    shared = db.session.scalars(
        select(VaultShare.holder_id).where(VaultShare.vault_id == opener.active_id)
    )
    assert len(shared.all()) == 1
    refused = switch_with_everybody(vault, opener)
    assert len(refused) == 2  # those vouched for by the planted vault: not by ours


def switch_with_everybody(vault: Vault, opener: Opener) -> tuple[Holder, ...]:
    pair = draw_pair()
    pin_pair(pair)
    return switch_vault(opener, pair, db.session.scalars(select(Holder)).all(), NOW).refused


def test_swapped_public_key_is_put_back_where_the_pin_proves_it(
    vault: Vault, first: Initialised
) -> None:
    colleague = enrol_holder(first.opener, "invitation", NOW)
    db.session.execute(update(VaultPair).values(public_key=PrivateKey.generate().encode()))
    db.session.commit()
    forget_checks(vault)
    assert not vault.is_ready()
    assert not recover_vault(code_key(first), NOW).is_new
    db.session.commit()
    forget_checks(vault)
    box = vault.seal("signature", ROW, AFTER)
    assert vault.open_with(colleague.key).open("signature", ROW, box) == AFTER


def test_planted_vault_is_put_aside_where_the_pin_proves_ours(
    vault: Vault, first: Initialised
) -> None:
    plant_vault(first, 7)
    db.session.execute(update(VaultPair).where(VaultPair.id == 1).values(retired_at=NOW))
    db.session.commit()
    recovered = recover_vault(code_key(first), NOW)
    db.session.commit()
    assert (recovered.is_new, recovered.opener.vault_ids) == (False, {1})
    assert vault.check().id == 1
    assert set(vault.keys_dir.pins()) == {1}


def test_copy_of_before_a_rotation_opens_and_seals_for_a_new_key(
    vault: Vault, first: Initialised
) -> None:
    box = vault.seal("signature", ROW, BEFORE)
    pair = draw_pair()
    vault.keys_dir.add_pin(pair.id, pair.public_key)
    vault.keys_dir.mark_old(pair.id)  # the pin knows of the rotation, the restored database not
    forget_checks(vault)
    assert not vault.is_ready()
    recovered = recover_vault(code_key(first), NOW)
    db.session.commit()
    assert recovered.is_new
    assert recovered.opener.active_id == 3
    assert recovered.opener.open("signature", ROW, box) == BEFORE
    assert vault.check().id == 3


def test_broken_off_before_the_commit_it_is_done_again(
    vault: Vault, first: Initialised, tmp_path: Path
) -> None:
    box = vault.seal("signature", ROW, BEFORE)
    (tmp_path / "keys" / "pin").write_text("half of a li")
    recover_vault(code_key(first), NOW)
    db.session.rollback()
    assert recover_vault(code_key(first), NOW).is_new
    db.session.commit()
    assert vault.open_with(code_key(first)).open("signature", ROW, box) == BEFORE
    assert any(
        path.read_text() == "half of a li" for path in (tmp_path / "keys").glob("pin.set-aside-*")
    )


@pytest.mark.parametrize("fault", ["no pin", "swapped key", "planted vault"])
def test_stopped_intake_stays_stopped(
    vault: Vault, first: Initialised, tmp_path: Path, fault: str
) -> None:
    if fault == "no pin":
        (tmp_path / "keys" / "pin").unlink()
    elif fault == "swapped key":
        db.session.execute(update(VaultPair).values(public_key=bytes(range(32))))
    else:
        plant_vault(first, 7)
        db.session.execute(update(VaultPair).where(VaultPair.id == 1).values(retired_at=NOW))
    live = VaultPair.retired_at.is_(None)
    db.session.execute(update(VaultPair).where(live).values(stopped_at=NOW))
    db.session.commit()
    recover_vault(code_key(first), NOW)
    db.session.commit()
    with pytest.raises(IntakeStopped):
        vault.check()
    assert vault.open_with(code_key(first), even_stopped=True)


def test_code_of_another_vault_changes_nothing(
    vault: Vault, first: Initialised, tmp_path: Path
) -> None:
    (tmp_path / "keys" / "pin").unlink()
    with pytest.raises(CannotOpen):
        recover_vault(PrivateKey.generate().encode(), NOW)
    assert not (tmp_path / "keys" / "pin").exists()
    assert db.session.scalars(select(VaultPair.id)).all() == [1]


def test_share_that_holds_another_key_than_the_row_is_no_proof(
    vault: Vault, first: Initialised, tmp_path: Path
) -> None:
    (tmp_path / "keys" / "pin").unlink()
    recovery = db.session.scalars(select(Holder)).one()
    planted = SealedBox(PrivateKey(code_key(first)).public_key).encrypt(
        PrivateKey.generate().encode()
    )
    mine = VaultShare.holder_id == recovery.id
    db.session.execute(update(VaultShare).where(mine).values(share=bytes(planted)))
    with pytest.raises(CannotOpen):
        recover_vault(code_key(first), NOW)
