"""How a passphrase becomes the key that wraps a holder's private key.

    Argon2id(passphrase, salt) -> HMAC(pepper) -> XChaCha20-Poly1305, bound to the holder's id

Behind the private key stands the secret of the second factor. A passphrase is right if the wrap
opens: no other hash of it exists. The cost is fixed here on purpose: no setting lowers it.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import unicodedata
import uuid
from dataclasses import dataclass, field

from argon2.low_level import Type, hash_secret_raw
from nacl.exceptions import CryptoError
from nacl.secret import Aead

from vault.models import Holder
from vault.passphrases import normalise_passphrase

MEMORY_KIB = 64 * 1024
PASSES = 3
LANES = 1
SALT_BYTES = 16
KEY_BYTES = 32
TOTP_BYTES = 20  # RFC 4226, section 4, R6
PURPOSE = b"vigil holder 1"
DUMMY_ID = uuid.UUID(int=0)
DUMMY_SALT = bytes(SALT_BYTES)
DUMMY_WRAP = bytes(Aead.NONCE_SIZE + KEY_BYTES + TOTP_BYTES + Aead.MACBYTES)

# 64 MiB each: more at a time in one process would let a flood of sign-ins exhaust the machine.
_at_work = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Unlocked:
    """What a passphrase opened; wraps of old have no secret: wrap those anew."""

    key: bytes = field(repr=False)
    totp_secret: bytes | None = field(repr=False)


@dataclass(frozen=True)
class Wrapped:
    """What a holder's row keeps, and the second factor's secret that is in it."""

    salt: bytes = field(repr=False)
    wrapped_key: bytes = field(repr=False)
    is_chosen: bool
    totp_secret: bytes = field(repr=False)

    def put_on(self, holder: Holder) -> None:
        """Let this wrap take the place of the holder's."""
        holder.salt, holder.wrapped_key = self.salt, self.wrapped_key
        holder.is_chosen = self.is_chosen


def wrap_key(
    holder_id: uuid.UUID,
    key: bytes,
    totp_secret: bytes | None,
    passphrase: str,
    pepper: bytes,
    *,
    is_chosen: bool,
) -> Wrapped:
    """Wrap a holder's key under a passphrase, with a new secret where there is none yet."""
    if len(key) != KEY_BYTES:
        raise ValueError("a holder's key has 32 bytes")
    secret = totp_secret or secrets.token_bytes(TOTP_BYTES)
    salt = secrets.token_bytes(SALT_BYTES)
    wrap = _wrap(passphrase, salt, pepper, is_chosen=is_chosen)
    content = bytes(wrap.encrypt(key + secret, PURPOSE + holder_id.bytes))
    return Wrapped(salt, content, is_chosen, secret)


def unwrap_key(holder: Holder | None, passphrase: str, pepper: bytes) -> Unlocked | None:
    """Return what is wrapped, or None if the passphrase is wrong or there is no holder.

    Takes the same time either way.
    """
    holder_id, salt, wrapped, is_chosen = DUMMY_ID, DUMMY_SALT, DUMMY_WRAP, False
    if holder is not None and holder.salt is not None and holder.wrapped_key is not None:
        holder_id, salt, wrapped = holder.id, holder.salt, holder.wrapped_key
        is_chosen = bool(holder.is_chosen)
    wrap = _wrap(passphrase, salt, pepper, is_chosen=is_chosen)
    try:
        content = wrap.decrypt(wrapped, PURPOSE + holder_id.bytes)
    except (CryptoError, ValueError):
        return None
    return Unlocked(content[:KEY_BYTES], content[KEY_BYTES:] or None)


def _wrap(passphrase: str, salt: bytes, pepper: bytes, *, is_chosen: bool) -> Aead:
    one_form = _composed(passphrase) if is_chosen else normalise_passphrase(passphrase)
    with _at_work:
        stretched = hash_secret_raw(
            one_form.encode("utf-8", "surrogatepass"),
            salt,
            time_cost=PASSES,
            memory_cost=MEMORY_KIB,
            parallelism=LANES,
            hash_len=KEY_BYTES,
            type=Type.ID,
        )
    return Aead(hmac.digest(pepper, stretched, "sha256"))


def _composed(passphrase: str) -> str:
    """A chosen one, letter by letter (ASVS 6.2.8): keyboards differ only in how they compose."""
    return unicodedata.normalize("NFC", passphrase)
