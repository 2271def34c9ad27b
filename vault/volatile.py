"""VOLATILE_KEYS: keys that are meant to vanish with the power, shared by all processes.

A directory, which production puts on a tmpfs, or a Redis without persistence for several machines.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vault.files import UNFINISHED, make_private_directory, wipe, write_new, write_over
from vault.filesystems import filesystem_of, is_in_memory
from vault.keys_dir import VaultMissing

KEY_BYTES = 32
ATTEMPTS = 10
CACHE_SECONDS = 1.0
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


class VolatileKeysUnreachable(VaultMissing):
    """The directory or the Redis of VOLATILE_KEYS cannot be used now."""


@dataclass(frozen=True)
class StoreFacts:
    """What a store of volatile keys is; `vanishes`: with the power; None where we cannot tell."""

    kind: str
    filesystem: str | None
    vanishes: bool | None


class VolatileKeys(Protocol):
    """Keys of 32 bytes by name. Every method raises VolatileKeysUnreachable."""

    def get(self, name: str) -> bytes | None:
        """Return the key, or None if there is none."""

    def put(self, name: str, value: bytes) -> None:
        """Keep a key, in the place of an older one of this name."""

    def create(self, name: str) -> bytes:
        """Return the key, made at random if there was none: the same one for every process."""

    def discard(self, name: str) -> None:
        """Forget one key, if there is one of this name."""

    def drop(self) -> None:
        """Forget all keys."""

    def facts(self) -> StoreFacts:
        """Return what is known about the store."""


class DirectoryKeys:
    """Keys as files in a directory."""

    def __init__(self, path: Path) -> None:
        self._directory = path

    def get(self, name: str) -> bytes | None:
        try:
            value = self._file(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreachable(error) from error
        if value == bytes(len(value)):
            return None  # being wiped at this moment
        return _checked(value)

    def put(self, name: str, value: bytes) -> None:
        try:
            make_private_directory(self._directory)
            write_over(self._file(name), _checked(value))
        except OSError as error:
            raise _unreachable(error) from error

    def create(self, name: str) -> bytes:
        for _ in range(ATTEMPTS):
            value = self.get(name)
            if value is not None:
                return value
            try:
                make_private_directory(self._directory)
                write_new(self._file(name), secrets.token_bytes(KEY_BYTES))
            except OSError as error:
                raise _unreachable(error) from error
        raise VolatileKeysUnreachable(f"vault: the volatile key {name} cannot be made")

    def discard(self, name: str) -> None:
        try:
            wipe(self._file(name))
        except OSError as error:
            raise _unreachable(error) from error

    def drop(self) -> None:
        try:
            for pattern in ("*.key", f"{UNFINISHED}*"):
                for path in self._directory.glob(pattern):
                    wipe(path)
        except OSError as error:
            raise _unreachable(error) from error

    def facts(self) -> StoreFacts:
        filesystem = filesystem_of(self._directory)
        return StoreFacts("directory", filesystem, is_in_memory(filesystem))

    def _file(self, name: str) -> Path:
        return self._directory / f"{checked_name(name)}.key"


class CachedKeys:
    """A store before which each key is remembered for one second, and its absence not at all.

    Long enough to cost nothing under load, short enough for dropped keys to be felt at once.
    """

    def __init__(self, store: VolatileKeys) -> None:
        self._store = store
        self._remembered: dict[str, tuple[float, bytes]] = {}

    def get(self, name: str) -> bytes | None:
        asked_at = time.monotonic()
        value = self._recent(name, asked_at)
        if value is not None:
            return value
        value = self._store.get(name)
        if value is not None:
            self._remembered[name] = asked_at, value
        return value

    def put(self, name: str, value: bytes) -> None:
        self._store.put(name, value)
        self._remembered.pop(name, None)

    def create(self, name: str) -> bytes:
        asked_at = time.monotonic()
        value = self._recent(name, asked_at)
        if value is None:
            value = self._store.create(name)
            self._remembered[name] = asked_at, value
        return value

    def discard(self, name: str) -> None:
        self._store.discard(name)
        self._remembered.pop(name, None)

    def drop(self) -> None:
        self._store.drop()
        self._remembered.clear()

    def facts(self) -> StoreFacts:
        return self._store.facts()

    def _recent(self, name: str, asked_at: float) -> bytes | None:
        read_at, value = self._remembered.get(name, (-CACHE_SECONDS, b""))
        return value if value and asked_at - read_at < CACHE_SECONDS else None


def open_store(place: str) -> VolatileKeys:
    """Return the store that VOLATILE_KEYS names: a Redis address or a directory."""
    if "://" not in place:
        return CachedKeys(DirectoryKeys(Path(place)))
    from vault.volatile_redis import RedisKeys  # a tenth of a second, and most do without

    return CachedKeys(RedisKeys(place))


def checked_name(name: str) -> str:
    """Return a key's name, or raise ValueError if it could mean another file."""
    if not NAME.fullmatch(name):
        raise ValueError(f"not the name of a key: {name!r}")
    return name


def _checked(value: bytes) -> bytes:
    if len(value) != KEY_BYTES:
        raise VolatileKeysUnreachable("vault: a volatile key is damaged")
    return value


def _unreachable(error: OSError) -> VolatileKeysUnreachable:
    return VolatileKeysUnreachable(f"vault: VOLATILE_KEYS cannot be used ({error.strerror})")
