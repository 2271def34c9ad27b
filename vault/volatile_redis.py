"""VOLATILE_KEYS in a Redis, for an installation on several machines."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import redis

from vault.volatile import (
    ATTEMPTS,
    KEY_BYTES,
    StoreFacts,
    VolatileKeysUnreachable,
    checked_name,
)

PREFIX = "vigil:key:"
TIMEOUT_SECONDS = 2.0


class RedisKeys:
    """Keys as strings in one database of a Redis; two installations need two databases."""

    def __init__(self, address: str) -> None:
        self._redis = redis.Redis.from_url(
            address, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )

    def get(self, name: str) -> bytes | None:
        with _answering():
            value = cast("bytes | None", self._redis.get(PREFIX + checked_name(name)))
        if value is not None and len(value) != KEY_BYTES:
            raise VolatileKeysUnreachable("vault: a volatile key is damaged")
        return value

    def put(self, name: str, value: bytes) -> None:
        if len(value) != KEY_BYTES:
            raise ValueError("a volatile key has 32 bytes")
        with _answering():
            self._redis.set(PREFIX + checked_name(name), value)

    def create(self, name: str) -> bytes:
        for _ in range(ATTEMPTS):
            value = self.get(name)
            if value is not None:
                return value
            with _answering():
                self._redis.set(PREFIX + name, secrets.token_bytes(KEY_BYTES), nx=True)
        raise VolatileKeysUnreachable(f"vault: the volatile key {name} cannot be made")

    def discard(self, name: str) -> None:
        with _answering():
            self._redis.delete(PREFIX + checked_name(name))

    def drop(self) -> None:
        with _answering():
            for name in list(self._redis.scan_iter(match=f"{PREFIX}*")):
                self._redis.delete(name)

    def facts(self) -> StoreFacts:
        return StoreFacts("redis", None, self._vanishes())

    def _vanishes(self) -> bool | None:
        """Whether this Redis writes nothing to a disk; None where it does not let us ask."""
        with _answering():
            try:
                snapshots = cast("dict[str, str]", self._redis.config_get("save"))["save"]
                journal = cast("dict[str, str]", self._redis.config_get("appendonly"))["appendonly"]
            except (redis.ResponseError, KeyError):
                return None
        return not snapshots and journal == "no"


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except redis.RedisError:
        # Neither the error's text nor the error: they may carry the address with its password.
        raise VolatileKeysUnreachable(
            "vault: the Redis of VOLATILE_KEYS does not serve us"
        ) from None
