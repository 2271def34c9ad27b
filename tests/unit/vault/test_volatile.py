"""The stores of volatile keys: a directory and a real Redis behave alike."""

from __future__ import annotations

import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from vault.filesystems import filesystem_of
from vault.services import VaultMissing
from vault.volatile import (
    CachedKeys,
    DirectoryKeys,
    StoreFacts,
    VolatileKeys,
    VolatileKeysUnreachable,
    open_store,
)
from vault.volatile_redis import RedisKeys

ROOT = Path(__file__).resolve().parents[3]
ONE, TWO = b"1" * 32, b"2" * 32
CREATE = """
import sys
from vault.volatile import open_store
print(open_store(sys.argv[1]).create("mail").hex())
"""


@pytest.fixture(params=["directory", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What VOLATILE_KEYS names."""
    if request.param == "directory":
        return str(tmp_path / "volatile")
    address: str = request.getfixturevalue("redis_address")
    client = redis.Redis.from_url(address)
    client.flushdb()
    client.close()
    return address


@pytest.fixture
def store(place: str) -> VolatileKeys:
    """The store itself, without a cache before it."""
    return RedisKeys(place) if "://" in place else DirectoryKeys(Path(place))


def test_key_is_kept_replaced_and_dropped(store: VolatileKeys) -> None:
    assert store.get("index") is None
    store.put("index", ONE)
    store.put("index", TWO)
    store.put("mail", ONE)
    assert (store.get("index"), store.get("mail")) == (TWO, ONE)
    store.drop()
    assert (store.get("index"), store.get("mail")) == (None, None)
    store.drop()


def test_created_key_is_random_and_stays(store: VolatileKeys) -> None:
    first = store.create("mail")
    assert len(first) == 32
    assert store.create("mail") == first == store.get("mail")
    assert store.create("other") != first
    store.drop()
    assert store.create("mail") != first


def test_eight_threads_create_one_key(store: VolatileKeys) -> None:
    for _ in range(10):
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(store.create, ["mail"] * 8))) == 1
        store.drop()


def test_processes_create_one_key(place: str) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, place], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    answers = [process.communicate(timeout=30)[0].strip() for process in running]
    assert len(set(answers)) == 1
    assert len(answers[0]) == 64


@pytest.mark.parametrize("name", ["../pepper", "", "a/b", ".hidden", "A", "*"])
def test_name_cannot_mean_another_file(store: VolatileKeys, name: str) -> None:
    with pytest.raises(ValueError, match="name of a key"):
        store.get(name)
    with pytest.raises(ValueError, match="name of a key"):
        store.create(name)


def test_key_dropped_elsewhere_is_forgotten_within_a_second(
    place: str, store: VolatileKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("vault.volatile.time.monotonic", lambda: clock[0])
    cached = open_store(place)
    made = cached.create("mail")
    store.drop()
    clock[0] += 0.9
    assert cached.get("mail") == made == cached.create("mail")
    clock[0] += 0.1
    assert cached.get("mail") is None
    assert cached.create("mail") != made


def test_own_changes_are_seen_at_once(place: str) -> None:
    cached = open_store(place)
    cached.put("index", ONE)
    assert cached.get("index") == ONE
    cached.put("index", TWO)
    assert cached.get("index") == TWO
    cached.drop()
    assert cached.get("index") is None


def test_absence_is_not_remembered(place: str, store: VolatileKeys) -> None:
    cached = CachedKeys(store)
    assert cached.get("index") is None
    store.put("index", ONE)
    assert cached.get("index") == ONE


def test_damaged_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mail.key").write_bytes(b"half")
    with pytest.raises(VolatileKeysUnreachable):
        DirectoryKeys(tmp_path).create("mail")


def test_store_out_of_reach_is_a_missing_vault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for store in (DirectoryKeys(tmp_path / "file"), RedisKeys("redis://:secret@127.0.0.1:1/0")):
        with pytest.raises(VaultMissing):
            store.put("mail", ONE)
        with pytest.raises(VaultMissing) as caught:
            store.create("mail")
        assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_drop_leaves_no_file_nor_half_written_one(tmp_path: Path) -> None:
    store = DirectoryKeys(tmp_path)
    store.create("mail")
    (tmp_path / ".unfinished-abc").write_bytes(ONE)
    store.drop()
    assert list(tmp_path.iterdir()) == []


def test_facts_of_a_directory_name_its_file_system(tmp_path: Path) -> None:
    facts = DirectoryKeys(tmp_path).facts()
    expected = subprocess.run(
        ["stat", "--file-system", "--format=%T", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert facts.kind == "directory"
    assert facts.vanishes == (expected in {"tmpfs", "ramfs"})


def test_last_and_deepest_mount_decides(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw - ext4 /dev/x rw\n"
        "2 1 0:1 / /run rw shared:1 - tmpfs tmpfs rw\n"
        "3 2 8:2 / /run/a\\040b rw - ext4 /dev/y rw\n"
        "4 1 8:3 / /runner rw - xfs /dev/z rw\n"
        "5 2 0:2 / /run/a\\040b rw - ramfs none rw\n"
    )
    assert filesystem_of(Path("/run/vigil"), mounts) == "tmpfs"
    assert filesystem_of(Path("/run/a b/c"), mounts) == "ramfs"
    assert filesystem_of(Path("/runner/x"), mounts) == "xfs"
    assert filesystem_of(Path("/srv"), mounts) == "ext4"
    assert filesystem_of(Path("/srv"), tmp_path / "none") is None


def test_facts_of_a_redis_tell_whether_it_writes_to_disk(redis_address: str) -> None:
    store = RedisKeys(redis_address)
    assert store.facts() == StoreFacts("redis", None, True)
    client = redis.Redis.from_url(redis_address)
    client.config_set("save", "3600 1")
    assert store.facts().vanishes is False
    client.config_set("save", "")
    client.close()


def test_one_key_is_discarded_alone(place: str) -> None:
    store = open_store(place)
    store.put("index", ONE)
    store.put("mail", TWO)
    store.discard("index")
    store.discard("index")
    assert (store.get("index"), store.get("mail")) == (None, TWO)
