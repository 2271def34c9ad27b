"""Holders: the passphrase that unlocks, those that do not, and the same work for both."""

from __future__ import annotations

import threading
import unicodedata
import uuid
from pathlib import Path
from typing import Any

import pytest

from config.database import db
from tests.unit.vault.conftest import NOW
from vault import wraps
from vault.models import Holder
from vault.services import (
    CannotOpen,
    Initialised,
    Unlocked,
    Vault,
    VaultMissing,
    add_holder,
    dummy_unlock,
    make_holder,
    unlock,
    wrap_anew,
)
from vault.services import (
    vault as vault_in_use,
)

PASSPHRASE = "yearling clasp outburst zodiac mumble tactful"


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Count the work instead of doing it; the real cost is in the tests without this fixture."""
    calls: list[dict[str, Any]] = []

    def stretch(secret: bytes, salt: bytes, **cost: Any) -> bytes:
        calls.append(cost)
        return (secret + salt).ljust(32, b"\x01")[-32:]

    monkeypatch.setattr(wraps, "hash_secret_raw", stretch)
    return calls


def test_passphrase_unlocks_the_vault_and_a_wrong_one_does_not(
    vault: Vault, first: Initialised
) -> None:
    holder = first.enrol("staff", PASSPHRASE)
    db.session.commit()
    unlocked = unlock(holder, " Yearling-clasp  OUTBURST zodiac mumble tactful\n")
    assert unlocked is not None
    assert vault.open_with(unlocked.key).index_key() == first.opener.index_key()
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

    monkeypatch.setattr(wraps, "hash_secret_raw", stretch)
    threads = [
        threading.Thread(target=wraps.unwrap_key, args=(None, "x", bytes(32))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts["most"] == 2


CHOSEN = "Мой кот Ёжик ест рыбу!"


def test_second_factors_secret_stands_behind_every_key(
    first: Initialised, cheap: list[dict[str, Any]]
) -> None:
    holders = [first.enrol("staff", PASSPHRASE) for _ in range(2)]
    secrets = [unlocked.totp_secret for unlocked in map(unlock_it, holders)]
    assert [len(secret or b"") for secret in secrets] == [20, 20]
    assert secrets[0] != secrets[1]


def unlock_it(holder: Holder) -> Unlocked:
    found = unlock(holder, PASSPHRASE)
    assert found
    return found


def test_another_passphrase_keeps_key_and_secret(
    vault: Vault, first: Initialised, cheap: list[dict[str, Any]]
) -> None:
    holder = first.enrol("staff", PASSPHRASE)
    before, salt = unlock_it(holder), holder.salt
    wrapped = wrap_anew(holder.id, before.key, before.totp_secret, "another one of six words here")
    wrapped.put_on(holder)
    assert unlock(holder, PASSPHRASE) is None
    assert unlock(holder, "another one of six words here") == before
    assert holder.salt != salt
    assert before.key.hex() not in repr(before) + repr(wrapped)


def test_wrap_of_old_is_opened_and_gets_a_secret(
    first: Initialised, cheap: list[dict[str, Any]]
) -> None:
    holder = first.enrol("staff", PASSPHRASE)
    key = unlock_it(holder).key
    pepper = vault_in_use().keys_dir.pepper()
    with_key_alone = wraps._wrap(PASSPHRASE, holder.salt or b"", pepper, is_chosen=False)
    holder.wrapped_key = bytes(with_key_alone.encrypt(key, wraps.PURPOSE + holder.id.bytes))
    assert unlock_it(holder) == Unlocked(key, None)
    wrapped = wrap_anew(holder.id, key, None, PASSPHRASE)
    wrapped.put_on(holder)
    assert unlock_it(holder) == Unlocked(key, wrapped.totp_secret)


def test_chosen_passphrase_is_taken_letter_by_letter(first: Initialised) -> None:
    made = make_holder("staff", NOW, CHOSEN, opener=None, is_chosen=True)
    holder = add_holder(made)
    db.session.commit()
    assert (holder.enrolment_tag, made.shares) == (b"", ())
    # a Mac composes Ё in another way than Windows does
    decomposed = unlock(holder, unicodedata.normalize("NFD", CHOSEN))
    assert decomposed
    assert decomposed.key == made.key
    for other in (CHOSEN.lower(), CHOSEN.replace(" ", ""), CHOSEN + " "):
        assert unlock(holder, other) is None


def test_holder_without_a_share_opens_nothing(vault: Vault, first: Initialised) -> None:
    made = make_holder("staff", NOW, CHOSEN, opener=None, is_chosen=True)
    add_holder(made)
    with pytest.raises(CannotOpen):
        vault.open_with(made.key)
