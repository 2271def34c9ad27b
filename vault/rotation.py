"""Rotation: a new key pair takes the place of one that somebody who left may have kept.

In this order, so that a rotation broken off anywhere leaves a vault that seals and opens:

    the new pair is drawn | its pin is added, on every machine | the database switches | commit |
    Vault.check marks the old pin | old boxes are sealed anew | old shares and pins go

A pin without a vault in the database does no harm: its private key was never kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nacl.public import PrivateKey, PublicKey, SealedBox
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from config.database import db
from vault.holders import VaultChanged
from vault.keys_dir import VaultMissing
from vault.models import Holder, VaultPair, VaultShare
from vault.opener import Opener
from vault.pins import Pin, fingerprint, pin_line
from vault.sealing import ActiveVault, Vault, index_key_name

# Whoever began with the old vault has finished by then: its shares must last as long.
GRACE = timedelta(minutes=10)


@dataclass(frozen=True)
class NextPair:
    """A key pair that is in no database yet."""

    id: int
    private_key: bytes = field(repr=False)

    @property
    def public_key(self) -> bytes:
        """The public half."""
        return PrivateKey(self.private_key).public_key.encode()

    @property
    def pin_line(self) -> str:
        """The line for the pin file of every machine."""
        return pin_line(self.id, Pin(fingerprint(self.public_key)))


@dataclass(frozen=True)
class Switched:
    """The vault after the switch, to be committed: who has a share, and who did not get one."""

    opener: Opener = field(repr=False)
    holders: tuple[Holder, ...]
    refused: tuple[Holder, ...]


def draw_pair(vault: Vault) -> NextPair:
    """Return a pair with a number that neither database nor pin file has. Raises VaultMissing."""
    in_database = db.session.scalar(select(func.max(VaultPair.id))) or 0
    taken = max([in_database, *vault.keys_dir.pins()])
    return NextPair(taken + 1, PrivateKey.generate().encode())


def switch(
    vault: Vault, opener: Opener, pair: NextPair, holders: Iterable[Holder], now: datetime
) -> Switched:
    """Seal for `pair` from the commit on, with a share for those of `holders` who are vouched for.

    Flushes. What is sealed before the commit goes to the old vault. Raises VaultMissing where the
    pair is not pinned, and VaultChanged where another rotation was quicker; roll back then.
    """
    before = _hold_active(vault, opener)
    pin = vault.keys_dir.pins().get(pair.id)
    if pin is None or pin.is_old or not pin.fits(pair.public_key):
        raise VaultMissing("vault: the next key is not pinned")
    vault.seal_for_until_commit(before)
    known = list(holders)
    vouched = [holder for holder in known if not holder.is_chosen and opener.vouches_for(holder)]
    refused = [holder for holder in known if holder not in vouched]
    following = opener.followed_by(pair.id, pair.private_key)
    add_pair(pair, following, vouched, now)
    vault.keys.put(index_key_name(pair.public_key), following.index_key())
    return Switched(following, tuple(vouched), tuple(refused))


def add_pair(pair: NextPair, following: Opener, holders: Iterable[Holder], now: datetime) -> None:
    """Retire what sealed so far; give each holder a share of the pair and a tag of its. Flushes."""
    live = VaultPair.retired_at.is_(None)
    db.session.execute(update(VaultPair).where(live).values(retired_at=now))
    db.session.add(VaultPair(id=pair.id, public_key=pair.public_key, created_at=now))
    try:
        db.session.flush()
    except IntegrityError as error:
        raise VaultChanged("another rotation took the number") from error
    for holder in holders:
        share = SealedBox(PublicKey(holder.public_key)).encrypt(pair.private_key)
        db.session.add(VaultShare(vault_id=pair.id, holder_id=holder.id, share=bytes(share)))
        holder.enrolment_tag = following.enrolment_tag(holder.id, holder.public_key)
    db.session.flush()


def forget_shares(vault_id: int, now: datetime) -> bool:
    """Drop the shares of a retired vault of which no box is left; whether it was time. Flushes."""
    ripe = select(VaultPair.id).where(VaultPair.id == vault_id, VaultPair.retired_at < now - GRACE)
    if db.session.scalar(ripe) is None:
        return False
    db.session.execute(delete(VaultShare).where(VaultShare.vault_id == vault_id))
    return True


def forget_keys(vault: Vault, vault_id: int) -> None:
    """Drop pin and index key of a vault that nobody has a share of, after the commit."""
    public_key = db.session.scalar(select(VaultPair.public_key).where(VaultPair.id == vault_id))
    if public_key is not None:
        vault.keys.discard(index_key_name(public_key))
    vault.keys_dir.drop_pin(vault_id)


def _hold_active(vault: Vault, opener: Opener) -> ActiveVault:
    """Let one rotation at a time, and no enrolment, go on from here."""
    db.session.execute(
        select(VaultPair.id).where(VaultPair.id == opener.active_id).with_for_update()
    )
    active = vault.check()
    if active.id != opener.active_id:
        raise VaultChanged("the vault was rotated meanwhile")
    return active
