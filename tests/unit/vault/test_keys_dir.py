"""KEYS_DIR while it changes: pins added, marked and dropped by several processes at once."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from vault.keys_dir import KeysDir, KeysNotWritable, VaultMissing
from vault.pins import Pin, fingerprint, read_pins, write_pins

KEYS = {number: bytes([number]) * 32 for number in range(1, 9)}


@pytest.fixture
def keys_dir(tmp_path: Path) -> KeysDir:
    """One with a pepper and the first vault's pin."""
    made = KeysDir(tmp_path / "keys")
    made.prepare(1, KEYS[1])
    return made


def test_pins_are_added_marked_and_dropped(keys_dir: KeysDir, tmp_path: Path) -> None:
    keys_dir.add_pin(2, KEYS[2])
    keys_dir.add_pin(2, KEYS[2])
    keys_dir.mark_old(2)
    marked = {1: Pin(fingerprint(KEYS[1]), is_old=True), 2: Pin(fingerprint(KEYS[2]))}
    assert keys_dir.pins() == marked
    keys_dir.drop_pin(1)
    keys_dir.drop_pin(1)
    assert set(keys_dir.pins()) == {2}
    assert (tmp_path / "keys" / "pin").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["pepper", "pin"]


def test_pin_is_never_replaced_by_another_key(keys_dir: KeysDir) -> None:
    with pytest.raises(VaultMissing):
        keys_dir.add_pin(1, KEYS[2])
    assert keys_dir.pins()[1].fits(KEYS[1])


def test_many_at_once_lose_no_pin(keys_dir: KeysDir) -> None:
    def change(number: int) -> None:
        keys_dir.add_pin(number, KEYS[number])
        keys_dir.mark_old(2)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(2, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(keys_dir.pins()) == set(KEYS)
    assert [number for number, pin in keys_dir.pins().items() if pin.is_old] == [1]


@pytest.mark.parametrize(
    "text",
    [
        f"1 {'a' * 64} older\n",
        f"1 {'a' * 63}\n",
        f"1 {'a' * 64}\n1 {'b' * 64}\n",
        f"x {'a' * 64}\n",
        f"1 {'a' * 64} old old\n",
    ],
)
def test_text_that_is_no_pin_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="pin file"):
        read_pins(text)


def test_pins_are_read_as_they_were_written() -> None:
    pins = {2: Pin("b" * 64), 1: Pin("a" * 64, is_old=True)}
    text = write_pins(pins).decode()
    assert text == f"1 {'a' * 64} old\n2 {'b' * 64}\n"
    assert read_pins(text) == pins
    assert read_pins("\n" + text.upper().replace("OLD", "old") + "  \n") == pins


def test_directory_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeysNotWritable):
        KeysDir(tmp_path / "file").add_pin(1, KEYS[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_command_of_root_leaves_files_that_the_service_can_read(
    keys_dir: KeysDir, tmp_path: Path
) -> None:
    os.chown(tmp_path / "keys", 12345, 12345)
    keys_dir.add_pin(2, KEYS[2])
    keys_dir.renew_pepper()
    for name in ("pin", "pepper"):
        assert (tmp_path / "keys" / name).stat().st_uid == 12345


def test_new_pepper_keeps_the_damaged_one_aside(keys_dir: KeysDir, tmp_path: Path) -> None:
    (tmp_path / "keys" / "pepper").write_text("half of i")
    keys_dir.renew_pepper()
    assert len(keys_dir.pepper()) == 32
    [kept] = (tmp_path / "keys").glob("pepper.set-aside-*")
    assert kept.read_text() == "half of i"
