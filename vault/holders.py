"""Holders: how a passphrase becomes the key that wraps a private key, and how one is enrolled.

    Argon2id(passphrase, salt) -> HMAC(pepper) -> XChaCha20-Poly1305, bound to the holder's id

A passphrase is right if the wrap opens: no other hash of it exists. The cost is fixed here on
purpose: no setting lowers it.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from argon2.low_level import Type, hash_secret_raw
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey
from nacl.secret import Aead

from vault.models import Holder, HolderKind, VaultShare
from vault.opener import Opener
from vault.passphrases import normalise_passphrase

MEMORY_KIB = 64 * 1024
PASSES = 3
LANES = 1
SALT_BYTES = 16
KEY_BYTES = 32
PURPOSE = b"vigil holder 1"
DUMMY_ID = uuid.UUID(int=0)
DUMMY_SALT = bytes(SALT_BYTES)
DUMMY_WRAP = bytes(Aead.NONCE_SIZE + KEY_BYTES + Aead.MACBYTES)

# 64 MiB each: more at a time in one process would let a flood of sign-ins exhaust the machine.
_at_work = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Enrolled:
    """A new holder, its private key, which is stored nowhere in clear, and its shares."""

    holder: Holder
    key: bytes = field(repr=False)
    shares: tuple[VaultShare, ...] = field(repr=False)


def new_holder(
    opener: Opener, kind: HolderKind, now: datetime, passphrase: str | None, pepper: bytes
) -> Enrolled:
    """Make a holder with a share in each open vault. Without a passphrase its key is not kept."""
    private_key = PrivateKey.generate()
    public_key = private_key.public_key.encode()
    holder = Holder(
        id=uuid.uuid4(),
        kind=kind,
        public_key=public_key,
        created_at=now,
        salt=None,
        wrapped_key=None,
    )
    holder.enrolment_tag = opener.enrolment_tag(holder.id, public_key)
    if passphrase is not None:
        holder.salt = secrets.token_bytes(SALT_BYTES)
        wrap = _wrap(passphrase, holder.salt, pepper)
        holder.wrapped_key = wrap.encrypt(private_key.encode(), PURPOSE + holder.id.bytes)
    shares = tuple(
        VaultShare(vault_id=vault_id, holder_id=holder.id, share=share)
        for vault_id, share in opener.seal_shares(public_key).items()
    )
    return Enrolled(holder, private_key.encode(), shares)


def unwrap_key(holder: Holder | None, passphrase: str, pepper: bytes) -> bytes | None:
    """Return the holder's private key, or None if the passphrase is wrong or there is no holder.

    Takes the same time either way.
    """
    holder_id, salt, wrapped = DUMMY_ID, DUMMY_SALT, DUMMY_WRAP
    if holder is not None and holder.salt is not None and holder.wrapped_key is not None:
        holder_id, salt, wrapped = holder.id, holder.salt, holder.wrapped_key
    try:
        content = _wrap(passphrase, salt, pepper).decrypt(wrapped, PURPOSE + holder_id.bytes)
    except (CryptoError, ValueError):
        return None
    return content[:KEY_BYTES]  # what stands behind it is for a second factor's secret


def _wrap(passphrase: str, salt: bytes, pepper: bytes) -> Aead:
    with _at_work:
        stretched = hash_secret_raw(
            normalise_passphrase(passphrase).encode("utf-8", "surrogatepass"),
            salt,
            time_cost=PASSES,
            memory_cost=MEMORY_KIB,
            parallelism=LANES,
            hash_len=KEY_BYTES,
            type=Type.ID,
        )
    return Aead(hmac.digest(pepper, stretched, "sha256"))
