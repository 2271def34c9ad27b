"""Rotation: who opens what is sealed after it, whatever was written into the database before."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from nacl.public import PrivateKey, SealedBox
from sqlalchemy import delete, select, update
from sqlalchemy.orm import make_transient

from config.database import db
from tests.unit.vault.conftest import NOW
from vault.box import HEADER, VERSION, box_vault_id
from vault.keys_dir import KeysDir
from vault.models import Holder, VaultPair, VaultShare
from vault.opener import Opener
from vault.rotation import GRACE
from vault.services import (
    CannotOpen,
    Enrolled,
    Initialised,
    NextPair,
    Switched,
    Vault,
    VaultChanged,
    VaultMissing,
    add_holder,
    draw_pair,
    enrol_holder,
    forget_pin,
    forget_shares,
    holder_from_recovery_code,
    make_holder,
    pin_pair,
    switch_vault,
)

ROW = uuid.uuid4()
BEFORE, AFTER = {"name": "Яна"}, {"name": "Алесь"}


def switch(opener: Opener, pair: NextPair | None = None) -> Switched:
    """Rotate up to the commit, offering a share to every holder in the database."""
    if pair is None:
        pair = draw_pair()
        pin_pair(pair)
    return switch_vault(opener, pair, db.session.scalars(select(Holder)).all(), NOW)


def forget_checks(vault: Vault) -> None:
    vault._checked = (-1.0, VaultMissing())


@pytest.fixture
def colleague(first: Initialised) -> Enrolled:
    """Somebody with a share, as values that outlast their row."""
    made = enrol_holder(first.opener, "invitation", NOW)
    db.session.commit()
    return made


def test_who_stays_opens_both_and_who_left_opens_nothing_new(
    vault: Vault, first: Initialised, colleague: Enrolled
) -> None:
    old_box = vault.seal("signature", ROW, BEFORE)
    taken_along = vault.open_with(colleague.key)  # has the old vault's private key
    db.session.execute(delete(Holder).where(Holder.id == colleague.holder.id))
    switch(first.opener)
    db.session.commit()
    forget_checks(vault)
    new_box = vault.seal("signature", ROW, AFTER)

    stays = vault.open_with(holder_from_recovery_code(first.recovery_code))
    assert stays.vault_ids == {1, 2}
    assert stays.open("signature", ROW, old_box) == BEFORE
    assert stays.open("signature", ROW, new_box) == AFTER
    with pytest.raises(CannotOpen):
        vault.open_with(colleague.key)
    for forged in (new_box, HEADER.pack(VERSION, 1) + new_box[HEADER.size :]):
        with pytest.raises(CannotOpen):
            taken_along.open("signature", ROW, forged)
    archived = stays.archive("signature", ROW, AFTER)
    with pytest.raises(CannotOpen):
        taken_along.open("signature", ROW, HEADER.pack(2, 1) + archived[HEADER.size :])


def test_planted_holder_gets_no_share(first: Initialised, colleague: Enrolled) -> None:
    attacker = PrivateKey.generate().public_key.encode()
    real = db.session.scalars(select(Holder).where(Holder.kind == "recovery")).one()
    own_vault = Opener(1, {1: PrivateKey.generate().encode()})
    for kind, tag in (
        ("staff", b""),
        ("recovery", real.enrolment_tag),
        ("invitation", own_vault.enrolment_tag(ROW, attacker)),
    ):
        planted = Holder(id=uuid.uuid4(), kind=kind, enrolment_tag=tag, created_at=NOW)
        planted.public_key = attacker if kind == "staff" else PrivateKey.generate().encode()
        db.session.add(planted)
    db.session.execute(
        update(Holder)
        .where(Holder.id == colleague.holder.id)
        .values(public_key=PrivateKey.generate().public_key.encode())
    )
    db.session.commit()
    switched = switch(first.opener)
    db.session.commit()
    assert {holder.kind for holder in switched.holders} == {"recovery"}
    assert len(switched.refused) == 4
    shared = db.session.scalars(select(VaultShare.holder_id).where(VaultShare.vault_id == 2))
    assert shared.all() == [real.id]


def test_holder_put_back_after_a_rotation_is_vouched_for_no_more(
    vault: Vault, first: Initialised, colleague: Enrolled
) -> None:
    holder = db.session.get_one(Holder, colleague.holder.id)
    db.session.delete(holder)
    switched = switch(first.opener)
    db.session.commit()
    make_transient(holder)
    db.session.add(holder)  # from a backup, its tag of then with it
    db.session.commit()
    again = switch(switched.opener)
    db.session.commit()
    assert [refused.id for refused in again.refused] == [holder.id]
    with pytest.raises(CannotOpen):
        vault.open_with(colleague.key)


def test_chosen_passphrase_never_leads_to_a_share(first: Initialised) -> None:
    with pytest.raises(ValueError, match="never"):
        make_holder("staff", NOW, "x" * 20, opener=first.opener, is_chosen=True)
    enrol_holder(first.opener, "invitation", NOW).holder.is_chosen = True
    db.session.commit()
    assert [holder.kind for holder in switch(first.opener).holders] == ["recovery"]


def test_broken_off_after_the_pin_it_works_and_is_done_again(
    vault: Vault, first: Initialised
) -> None:
    pin_pair(draw_pair())
    db.session.rollback()
    forget_checks(vault)
    box = vault.seal("signature", ROW, BEFORE)
    assert box_vault_id(box) == 1
    opener = vault.open_with(holder_from_recovery_code(first.recovery_code))
    switched = switch(opener)
    db.session.commit()
    forget_checks(vault)
    assert box_vault_id(vault.seal("signature", ROW, AFTER)) == 3  # 2 was pinned and lost
    assert switched.opener.open("signature", ROW, box) == BEFORE


def test_broken_off_before_the_commit_nothing_was_sealed_for_a_lost_key(
    vault: Vault, first: Initialised
) -> None:
    switch(first.opener)
    forget_checks(vault)
    within = vault.seal("signature", ROW, BEFORE)
    vault.check()
    db.session.rollback()
    after = vault.seal("signature", ROW, AFTER)  # by what was remembered, as another thread would
    assert first.opener.open("signature", ROW, within) == BEFORE
    assert first.opener.open("signature", ROW, after) == AFTER
    switch(first.opener)
    db.session.commit()
    forget_checks(vault)
    assert box_vault_id(vault.seal("signature", ROW, AFTER)) == 3


def test_broken_off_after_the_commit_the_old_pin_is_marked_by_who_comes_next(
    vault: Vault, first: Initialised, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch(first.opener)
    db.session.commit()
    assert box_vault_id(vault.seal("signature", ROW, AFTER)) in {1, 2}
    vault.check()
    vault.check()
    assert not vault.keys_dir.pins()[1].is_old  # others may still be reading the old row
    monkeypatch.setattr("vault.sealing.SETTLE_SECONDS", 0)
    vault.check()
    assert vault.keys_dir.pins()[1].is_old
    assert not vault.keys_dir.pins()[2].is_old
    assert vault.check().is_settled


def test_database_that_goes_back_to_the_old_vault_stops_the_intake(
    vault: Vault, first: Initialised, caplog: pytest.LogCaptureFixture
) -> None:
    switch(first.opener)
    db.session.commit()
    vault.keys_dir.mark_old(2)
    db.session.execute(update(VaultPair).where(VaultPair.id == 1).values(retired_at=None))
    db.session.execute(update(VaultPair).where(VaultPair.id == 2).values(retired_at=NOW))
    db.session.commit()
    forget_checks(vault)
    with caplog.at_level(logging.ERROR, "vigil.vault"), pytest.raises(VaultMissing):
        vault.seal("signature", ROW, AFTER)
    assert "rotated away" in caplog.text
    with pytest.raises(VaultMissing):
        vault.open_with(holder_from_recovery_code(first.recovery_code))


def test_planted_pair_is_not_switched_to(vault: Vault, first: Initialised) -> None:
    with pytest.raises(VaultMissing, match="not pinned"):
        switch(first.opener, draw_pair())
    db.session.rollback()
    planted = PrivateKey.generate().public_key.encode()
    db.session.add(VaultPair(id=2, public_key=planted, created_at=NOW))
    db.session.commit()
    with pytest.raises(VaultMissing):
        switch(first.opener)


def test_machine_without_the_pin_takes_nothing_in(
    vault: Vault, first: Initialised, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "other-machine"
    elsewhere.mkdir()
    for name in ("pepper", "pin"):
        (elsewhere / name).write_bytes((tmp_path / "keys" / name).read_bytes())
    other = Vault(KeysDir(elsewhere), vault.keys)
    pair = draw_pair()
    pin_pair(pair)
    switch(first.opener, pair)
    db.session.commit()
    assert not other.is_ready()
    with (elsewhere / "pin").open("a") as file:
        file.write(pair.pin_line + "\n")
    forget_checks(other)
    assert box_vault_id(other.seal("signature", ROW, AFTER)) == 2


def test_slower_of_two_rotations_changes_nothing(vault: Vault, first: Initialised) -> None:
    switch(first.opener)
    db.session.commit()
    with pytest.raises(VaultChanged):
        switch(first.opener)  # an opener of before
    db.session.rollback()
    assert db.session.scalars(select(VaultPair.id).order_by(VaultPair.id)).all() == [1, 2]


def test_holder_made_before_a_rotation_is_not_added_after_it(first: Initialised) -> None:
    made = make_holder("staff", NOW, "six words of a generated passphrase", opener=first.opener)
    switch(first.opener)
    db.session.commit()
    with pytest.raises(VaultChanged):
        add_holder(made)


def test_index_key_is_the_new_one_and_an_older_opener_does_not_change_it(
    vault: Vault, first: Initialised
) -> None:
    before = vault.email_index("a@example.org")
    switched = switch(first.opener)
    db.session.commit()
    forget_checks(vault)
    after = vault.email_index("a@example.org")
    assert None not in (before, after)
    assert after != before
    assert vault.restore_index_key(first.opener) is False  # opened before the rotation
    assert vault.email_index("a@example.org") == after
    vault.keys.drop()
    assert vault.restore_index_key(first.opener) is False
    assert vault.email_index("a@example.org") is None
    assert vault.restore_index_key(switched.opener)
    assert vault.email_index("a@example.org") == after


def test_old_shares_go_only_when_nobody_can_still_be_sealing(
    vault: Vault, first: Initialised, tmp_path: Path
) -> None:
    switch(first.opener)
    db.session.commit()
    assert not forget_shares(2, NOW + 2 * GRACE)  # the active one, never
    assert not forget_shares(1, NOW + GRACE)
    assert forget_shares(1, NOW + GRACE + timedelta(seconds=1))
    db.session.commit()
    forget_pin(1)
    assert set(vault.keys_dir.pins()) == {2}
    assert len(list((tmp_path / "volatile").glob("index-*"))) == 1
    stays = vault.open_with(holder_from_recovery_code(first.recovery_code))
    assert stays.vault_ids == {2}


def test_share_sealed_to_a_holder_by_somebody_else_is_worth_nothing(
    vault: Vault, first: Initialised, colleague: Enrolled
) -> None:
    theirs = PrivateKey.generate()
    db.session.add(VaultPair(id=9, public_key=theirs.public_key.encode(), created_at=NOW))
    db.session.flush()
    to_colleague = SealedBox(PrivateKey(colleague.key).public_key).encrypt(theirs.encode())
    db.session.add(VaultShare(vault_id=9, holder_id=colleague.holder.id, share=bytes(to_colleague)))
    db.session.execute(update(VaultPair).where(VaultPair.id == 9).values(retired_at=NOW))
    db.session.commit()
    assert vault.open_with(colleague.key).vault_ids == {1}
