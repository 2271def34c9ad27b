"""Guessing: addresses against the index, passphrases against the wraps of key holders."""

from __future__ import annotations

import hashlib
import hmac
import math
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from argon2.low_level import Type, hash_secret_raw
from nacl.exceptions import CryptoError
from nacl.secret import Aead

from safety.drill.keys import Key
from safety.drill.loot import Loot
from vault import wraps
from vault.derive import derive
from vault.index import INDEX_BYTES, blind_index, normalise
from vault.passphrases import normalise_passphrase

BITS = 77  # of a generated passphrase: six words of 7776
YEAR = 365.25 * 24 * 3600
WITH_ANY_ROW = 20  # guesses that are also tried under every 32 bytes of a row
NO_KEYS = (b"", bytes(32))  # a pepper or key that was forgotten


@dataclass(frozen=True)
class Guessed:
    """Which guesses stand in the index, by the key from where, and how fast that went."""

    in_index: int
    found: tuple[str, ...] = field(repr=False)
    where: str
    per_second: float


def guess_addresses(loot: Loot, keys: Sequence[Key], guesses: Sequence[str]) -> Guessed:
    """Try every guess under every key that was found, and as hashes that need none."""
    indexes = {bytes(i) for row in loot.each_row("contact") if (i := row["email_index"])}
    plain = [normalise(guess) for guess in guesses]
    tried, began = 0, time.perf_counter()
    for where, mark, some in _ways(keys, plain):
        found = tuple(guess for guess in some if mark(guess) in indexes)
        tried += len(some)
        if found:
            return Guessed(len(indexes), found, where, _rate(tried, began))
    return Guessed(len(indexes), (), "", _rate(tried, began))


def _ways(
    keys: Sequence[Key], plain: Sequence[str]
) -> Iterator[tuple[str, Callable[[str], bytes], Sequence[str]]]:
    for name in ("sha256", "md5"):
        yield f"plain {name}", _hashing(name), plain
    for key in keys:
        some = plain if key.is_in_file else plain[:WITH_ANY_ROW]
        yield key.where, _under(key.value), some
        if key.is_in_file:
            yield f"{key.where}, derived", _under(derive(key.value, "blind index")), some
    for value in NO_KEYS:
        yield "an empty key", _under(value), plain


def _hashing(name: str) -> Callable[[str], bytes]:
    return lambda guess: hashlib.new(name, guess.encode(), usedforsecurity=False).digest()[
        :INDEX_BYTES
    ]


def _under(key: bytes) -> Callable[[str], bytes]:
    return lambda guess: blind_index(key, guess)


@dataclass(frozen=True)
class Wrap:
    """A holder's wrapped key as the database has it."""

    holder_id: Any
    salt: bytes
    wrapped: bytes = field(repr=False)
    is_chosen: bool = False


def wraps_in(loot: Loot) -> list[Wrap]:
    """What passphrases open."""
    return [
        Wrap(row["id"], bytes(row["salt"]), bytes(row["wrapped_key"]), bool(row["is_chosen"]))
        for row in loot.each_row("holder")
        if row["salt"] and row["wrapped_key"]
    ]


@dataclass
class Stretcher:
    """Argon2id at the cost that Vigil uses; each guess is stretched once for all thieves."""

    seconds: float = 0.0
    done: int = 0
    _known: dict[tuple[bytes, str], bytes] = field(default_factory=dict, repr=False)

    def stretch(self, wrap: Wrap, guess: str) -> bytes:
        """What a guess becomes before the pepper."""
        known = self._known.get((wrap.salt, guess))
        if known is None:
            began = time.perf_counter()
            known = self._known[wrap.salt, guess] = _argon2(wrap, guess)
            self.seconds += time.perf_counter() - began
            self.done += 1
        return known

    @property
    def per_second(self) -> float:
        """Guesses a second on one core of this machine."""
        return self.done / self.seconds if self.seconds else 0.0

    def years(self, times_faster: float = 1.0) -> float:
        """How long half of all passphrases take, at that many times this speed."""
        return 2 ** (BITS - 1) / (self.per_second * times_faster) / YEAR if self.done else math.inf


def guess_passphrases(
    wraps_found: Iterable[Wrap], guesses: Sequence[str], peppers: Sequence[bytes], by: Stretcher
) -> list[tuple[str, bytes]]:
    """The right guesses with the holders' keys that they opened."""
    found = []
    for wrap in wraps_found:
        for guess in guesses:
            stretched = by.stretch(wrap, guess)
            for pepper in peppers:
                key = _unwrap(wrap, hmac.digest(pepper, stretched, "sha256"))
                found += [(guess, key)] if key else []
            key = _unwrap(wrap, stretched)  # as if there were no pepper at all
            found += [(guess, key)] if key else []
    return found


def _unwrap(wrap: Wrap, key: bytes) -> bytes | None:
    try:
        content = Aead(key).decrypt(wrap.wrapped, wraps.PURPOSE + wrap.holder_id.bytes)
    except (CryptoError, ValueError):
        return None
    return bytes(content[: wraps.KEY_BYTES])


def _argon2(wrap: Wrap, guess: str) -> bytes:
    form = unicodedata.normalize("NFC", guess) if wrap.is_chosen else normalise_passphrase(guess)
    stretched: bytes = hash_secret_raw(
        form.encode("utf-8", "surrogatepass"),
        wrap.salt,
        time_cost=wraps.PASSES,
        memory_cost=wraps.MEMORY_KIB,
        parallelism=wraps.LANES,
        hash_len=wraps.KEY_BYTES,
        type=Type.ID,
    )
    return stretched


def _rate(tried: int, began: float) -> float:
    return tried / max(time.perf_counter() - began, 1e-9)
