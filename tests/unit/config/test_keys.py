"""The keys that sign form tokens."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from config.keys import FILE, form_keys
from config.settings import Settings, SettingsError, load_settings


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    """Settings without SECRET_KEY, after `flask init`."""
    (tmp_path / "keys").mkdir()
    return load_settings(_env_file=None, keys_dir=tmp_path / "keys")


def test_processes_agree_on_one_key(chosen: Settings) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend(form_keys(chosen))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [path.name for path in chosen.keys_dir.iterdir()] == [FILE]
    assert (chosen.keys_dir / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff" * 40])
def test_a_damaged_key_is_never_used(chosen: Settings, content: bytes) -> None:
    (chosen.keys_dir / FILE).write_bytes(content)
    with pytest.raises(SettingsError, match="SECRET_KEY"):
        form_keys(chosen)


def test_before_init_the_key_is_of_this_process_alone(tmp_path: Path) -> None:
    nowhere = load_settings(_env_file=None, keys_dir=tmp_path / "none")
    assert form_keys(nowhere) != form_keys(nowhere)
    assert not (tmp_path / "none").exists()


def test_the_newest_key_of_the_settings_signs(tmp_path: Path) -> None:
    new, old = "n" * 32, "o" * 32
    assert form_keys(load_settings(_env_file=None, secret_key=f"{new},{old}")) == [old, new]
