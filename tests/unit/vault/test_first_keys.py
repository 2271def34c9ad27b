"""The first start, broken-off and repeated ones."""

from __future__ import annotations

import stat
import threading
import uuid
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from config.database import Base, db
from tests.unit.vault.conftest import NOW
from vault.models import Holder, VaultPair, VaultShare
from vault.services import (
    AlreadyInitialised,
    Initialised,
    Vault,
    VaultMissing,
    holder_from_recovery_code,
    initialise,
    state_of_keys,
)

ROW = uuid.uuid4()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def stored_bytes() -> bytes:
    """All that stands in binary columns; PostgreSQL's files lie elsewhere."""
    rows = [
        row for table in Base.metadata.sorted_tables for row in db.session.execute(select(table))
    ]
    return b"".join(value for row in rows for value in row if isinstance(value, bytes))


def test_keys_are_for_their_owner_alone(first: Initialised, tmp_path: Path) -> None:
    for place in ("keys", "volatile"):
        assert mode(tmp_path / place) == 0o700
        files = list((tmp_path / place).iterdir())
        assert len(files) == 2
        assert {mode(path) for path in files} == {0o600}


def test_first_start_puts_all_keys_at_hand(vault: Vault, first: Initialised) -> None:
    state = state_of_keys()
    assert (state.has_index_key, state.has_mail_key) == (True, True)
    assert state.store.kind == "directory"


def test_recovery_holder_has_a_share_and_no_wrap(first: Initialised, tmp_path: Path) -> None:
    holder = db.session.scalars(select(Holder)).one()
    assert (holder.kind, holder.salt, holder.wrapped_key) == ("recovery", None, None)
    assert db.session.scalars(select(VaultShare)).one().holder_id == holder.id
    key = holder_from_recovery_code(first.recovery_code)
    on_disk = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    on_disk += stored_bytes()
    assert holder.public_key in on_disk
    assert key not in on_disk
    assert key.hex().encode() not in on_disk


def test_neither_repr_nor_str_shows_a_key(first: Initialised) -> None:
    assert first.recovery_code not in repr(first) + str(first)
    assert first.opener.index_key().hex() not in repr(vars(first.opener))


def test_second_start_is_refused_and_touches_nothing(
    vault: Vault, first: Initialised, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    with pytest.raises(AlreadyInitialised):
        initialise(NOW)
    assert {path: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == before


def test_rotated_vault_is_not_initialised_again(vault: Vault, first: Initialised) -> None:
    db.session.execute(delete(VaultShare))
    db.session.execute(update(VaultPair).values(id=2))
    with pytest.raises(AlreadyInitialised):
        initialise(NOW)


def test_start_broken_off_before_its_commit_can_be_repeated(vault: Vault, tmp_path: Path) -> None:
    initialise(NOW)
    pepper, pin = tmp_path / "keys" / "pepper", tmp_path / "keys" / "pin"
    old_pepper, old_pin = pepper.read_bytes(), pin.read_bytes()
    db.session.rollback()

    again = initialise(NOW)
    db.session.commit()

    blob = vault.seal("signature", ROW, {"name": "Ян"})
    opener = vault.open_with(holder_from_recovery_code(again.recovery_code))
    assert opener.open("signature", ROW, blob) == {"name": "Ян"}
    assert pepper.read_bytes() == old_pepper
    assert pin.read_bytes() != old_pin
    [kept] = (tmp_path / "keys").glob("pin.set-aside-*")
    assert kept.read_bytes() == old_pin


def test_damaged_pepper_is_not_replaced(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "pepper").write_text("half of i")
    with pytest.raises(VaultMissing, match="pepper"):
        initialise(NOW)
    assert (tmp_path / "keys" / "pepper").read_text() == "half of i"
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(VaultPair)) == 0


def test_start_at_the_same_moment_is_refused_by_the_database(
    app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    initialise(NOW)
    db.session.commit()
    pin = (tmp_path / "keys" / "pin").read_bytes()
    monkeypatch.setattr(db.session, "scalar", lambda _query: None)  # read before the other's commit
    with pytest.raises(AlreadyInitialised):
        initialise(NOW)
    db.session.rollback()
    assert (tmp_path / "keys" / "pin").read_bytes() == pin


def test_of_starts_at_the_same_moment_one_makes_the_vault(app: Flask, tmp_path: Path) -> None:
    made: list[Initialised] = []
    refused: list[Exception] = []

    def start() -> None:
        with app.app_context():
            try:
                first = initialise(NOW)
                db.session.commit()
                made.append(first)
            except (AlreadyInitialised, VaultMissing) as error:
                db.session.rollback()
                refused.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), [type(error) for error in refused]) == (1, [AlreadyInitialised] * 3)
    vault: Vault = app.extensions["vault"]
    opener = vault.open_with(holder_from_recovery_code(made[0].recovery_code))
    assert opener.open("signature", ROW, vault.seal("signature", ROW, {"a": 1})) == {"a": 1}
    assert list((tmp_path / "keys").glob("pin.set-aside-*")) == []
