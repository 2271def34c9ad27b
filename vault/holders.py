"""Holders: who has a key pair, and how one is enrolled."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from nacl.public import PrivateKey
from sqlalchemy import select

from config.database import db
from vault.keys_dir import VaultMissing
from vault.models import Holder, HolderKind, VaultPair, VaultShare
from vault.opener import Opener
from vault.wraps import wrap_key


class VaultChanged(VaultMissing):
    """The vault was rotated meanwhile: begin again with what holds now."""


@dataclass(frozen=True)
class Enrolled:
    """A new holder, its private key, which is stored nowhere in clear, and its shares."""

    holder: Holder
    key: bytes = field(repr=False)
    shares: tuple[VaultShare, ...] = field(repr=False)


def new_holder(
    opener: Opener | None,
    kind: HolderKind,
    now: datetime,
    passphrase: str | None,
    pepper: bytes,
    *,
    is_chosen: bool = False,
) -> Enrolled:
    """Make a holder with a share in each open vault, in no database yet.

    Without an opener it has neither a share nor a tag that vouches for it; without a passphrase
    its key is not kept. Raises ValueError for a share behind a passphrase of one's own choice.
    """
    if is_chosen and opener is not None:
        raise ValueError("a passphrase of one's own choice never leads to a share")
    private_key = PrivateKey.generate()
    public_key = private_key.public_key.encode()
    holder = Holder(
        id=uuid.uuid4(),
        kind=kind,
        public_key=public_key,
        created_at=now,
        salt=None,
        wrapped_key=None,
        is_chosen=is_chosen,
    )
    holder.enrolment_tag = opener.enrolment_tag(holder.id, public_key) if opener else b""
    key = private_key.encode()
    if passphrase is not None:
        wrap_key(holder.id, key, None, passphrase, pepper, is_chosen=is_chosen).put_on(holder)
    shares = opener.seal_shares(public_key) if opener else {}
    return Enrolled(
        holder,
        key,
        tuple(VaultShare(vault_id=at, holder_id=holder.id, share=it) for at, it in shares.items()),
    )


def add_to_database(enrolled: Enrolled) -> Holder:
    """Add a holder and its shares. Flushes. Raises VaultChanged where they would open nothing."""
    if enrolled.shares:
        _hold_rotation(enrolled)
    db.session.add(enrolled.holder)
    db.session.flush()  # the shares refer to the holder
    db.session.add_all(enrolled.shares)
    db.session.flush()
    return enrolled.holder


def _hold_rotation(enrolled: Enrolled) -> None:
    """Let no rotation pass the new holder by until it is committed."""
    active_id = db.session.scalar(
        select(VaultPair.id)
        .where(VaultPair.retired_at.is_(None))
        .order_by(VaultPair.id.desc())
        .limit(1)
        .with_for_update(read=True)
    )
    if active_id not in {share.vault_id for share in enrolled.shares}:
        raise VaultChanged("the vault was rotated while somebody was enrolled")
