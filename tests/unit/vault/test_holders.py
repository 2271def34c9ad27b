"""Holders: the passphrase that unlocks, those that do not, and the same work for both."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from typing import Any

import pytest

from config.database import db
from vault import holders
from vault.models import Holder
from vault.services import (
    Initialised,
    Vault,
    VaultMissing,
    dummy_unlock,
    unlock,
)

PASSPHRASE = "yearling clasp outburst zodiac mumble tactful"


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Count the work instead of doing it; the real cost is in the tests without this fixture."""
    calls: list[dict[str, Any]] = []

    def stretch(secret: bytes, salt: bytes, **cost: Any) -> bytes:
        calls.append(cost)
        return (secret + salt).ljust(32, b"\x01")[-32:]

    monkeypatch.setattr(holders, "hash_secret_raw", stretch)
    return calls


def test_passphrase_unlocks_the_vault_and_a_wrong_one_does_not(
    vault: Vault, first: Initialised
) -> None:
    holder = first.enrol("staff", PASSPHRASE)
    db.session.commit()
    key = unlock(holder, " Yearling-clasp  OUTBURST zodiac mumble tactful\n")
    assert key is not None
    assert vault.open_with(key).index_key() == first.opener.index_key()
    assert unlock(holder, PASSPHRASE + "x") is None


def test_cost_is_what_the_design_says(first: Initialised, cheap: list[dict[str, Any]]) -> None:
    first.enrol("staff", PASSPHRASE)
    [cost] = cheap
    assert (cost["memory_cost"], cost["time_cost"], cost["parallelism"]) == (65536, 3, 1)
    assert cost["type"].name == "ID"


def test_unknown_and_wrong_and_right_cost_the_same(
    first: Initialised, cheap: list[dict[str, Any]]
) -> None:
    holder = first.enrol("staff", PASSPHRASE)
    recovery = db.session.query(Holder).filter_by(kind="recovery").one()
    cheap.clear()
    dummy_unlock(PASSPHRASE)
    assert unlock(recovery, PASSPHRASE) is None
    assert unlock(holder, "wrong") is None
    assert unlock(holder, PASSPHRASE) is not None
    assert len(cheap) == 4
    assert all(cost == cheap[0] for cost in cheap)


def test_wrap_of_another_holder_does_not_open(
    first: Initialised, cheap: list[dict[str, Any]]
) -> None:
    holder, other = first.enrol("staff", PASSPHRASE), first.enrol("staff", "other")
    other.salt, other.wrapped_key = holder.salt, holder.wrapped_key
    assert unlock(other, PASSPHRASE) is None


def test_another_pepper_unlocks_nothing(
    first: Initialised, cheap: list[dict[str, Any]], tmp_path: Path
) -> None:
    holder = first.enrol("staff", PASSPHRASE)
    (tmp_path / "keys" / "pepper").write_text("11" * 32)
    assert unlock(holder, PASSPHRASE) is None


def test_missing_pepper_is_not_a_wrong_passphrase(first: Initialised, tmp_path: Path) -> None:
    holder = Holder(id=uuid.uuid4(), salt=None, wrapped_key=None)
    (tmp_path / "keys" / "pepper").unlink()
    with pytest.raises(VaultMissing):
        unlock(holder, PASSPHRASE)
    with pytest.raises(VaultMissing):
        dummy_unlock(PASSPHRASE)


def test_no_more_than_two_at_a_time(first: Initialised, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, gate = threading.Lock(), threading.Event()
    counts = {"now": 0, "most": 0}

    def stretch(*_args: Any, **_cost: Any) -> bytes:
        with lock:
            counts["now"] += 1
            counts["most"] = max(counts["most"], counts["now"])
        gate.wait(0.2)
        with lock:
            counts["now"] -= 1
        return bytes(32)

    monkeypatch.setattr(holders, "hash_secret_raw", stretch)
    threads = [
        threading.Thread(target=holders.unwrap_key, args=(None, "x", bytes(32))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts["most"] == 2
