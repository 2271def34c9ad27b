"""A vault that takes nothing in any more, brought back by the printed recovery code.

Two cases. Where a pin still says which key is ours, the code's share of it is proven, and the
database is put right: whoever wrote another public key there gains nothing.

Where no pin is left, a share proves nothing: anybody who can write to the database could seal a key
of their own to the code's public half, and vouch with it for holders of their own. So nothing that
the database holds is sealed for any more. A new pair is made here and now, and only the code itself
gets a share of it. Older pairs are good for opening alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox
from sqlalchemy import func, select, update

from config.database import db
from vault.box import CannotOpen
from vault.keys_dir import VaultMissing
from vault.models import Holder, VaultPair, VaultShare
from vault.opener import Opener
from vault.pins import Pin, fingerprint
from vault.rotation import NextPair, add_pair
from vault.sealing import Vault, index_key_name


@dataclass(frozen=True)
class Recovered:
    """A vault that seals again; `is_new`: everybody else lost their share and must be invited."""

    opener: Opener = field(repr=False)
    is_new: bool


def fits(vault: Vault, recovery_key: bytes) -> bool:
    """Whether the code opens anything in this database."""
    return bool(_open_shares(recovery_key, _pins_left(vault)))


def recover(vault: Vault, recovery_key: bytes, now: datetime) -> Recovered:
    """Make the vault seal again. Flushes; can be repeated if it is broken off before the commit.

    An intake that was stopped stays so. Raises CannotOpen where the code opens nothing here,
    KeysNotWritable, and VolatileKeysUnreachable.
    """
    pins = _pins_left(vault)
    opened = _open_shares(recovery_key, pins)
    proven = {vault_id: key for vault_id, key in opened.items() if vault_id in pins}
    sealing = [vault_id for vault_id in proven if not pins[vault_id].is_old]
    if sealing:
        opener = Opener(max(sealing), proven)
        _put_right(opener.active_id, proven, now)
        return Recovered(opener, is_new=False)
    if not opened:
        raise CannotOpen("the recovery code opens nothing in this database")
    return Recovered(_begin_anew(vault, recovery_key, opened, pins, now), is_new=True)


def _put_right(active_id: int, proven: dict[int, bytes], now: datetime) -> None:
    """Undo what somebody did to the table of key pairs. Flushes."""
    _put_back_public_keys(proven)
    stopped_at = _stopped_at()
    others = VaultPair.id != active_id, VaultPair.retired_at.is_(None)
    db.session.execute(update(VaultPair).where(*others).values(retired_at=now))
    values = {"retired_at": None, "stopped_at": stopped_at}
    db.session.execute(update(VaultPair).where(VaultPair.id == active_id).values(values))


def _begin_anew(
    vault: Vault, key: bytes, opened: dict[int, bytes], pins: dict[int, Pin], now: datetime
) -> Opener:
    in_database = db.session.scalar(select(func.max(VaultPair.id))) or 0
    pair = NextPair(max([in_database, *pins]) + 1, PrivateKey.generate().encode())
    following = Opener(pair.id, {**opened, pair.id: pair.private_key})
    vault.keys.put(index_key_name(pair.public_key), following.index_key())
    known = pins | {at: Pin(fingerprint(_public_half(it))) for at, it in opened.items()}
    older = {vault_id: replace(pin, is_old=True) for vault_id, pin in known.items()}
    vault.keys_dir.replace_pins({**older, pair.id: Pin(fingerprint(pair.public_key))})
    _put_back_public_keys(opened)
    stopped_at = _stopped_at()
    holder = db.session.scalars(select(Holder).where(Holder.public_key == _public_half(key))).one()
    add_pair(pair, following, [holder], now)
    new = update(VaultPair).where(VaultPair.id == pair.id)
    db.session.execute(new.values(stopped_at=stopped_at))
    return following


def _pins_left(vault: Vault) -> dict[int, Pin]:
    try:
        return vault.keys_dir.pins()
    except VaultMissing:
        return {}


def _open_shares(key: bytes, pins: dict[int, Pin]) -> dict[int, bytes]:
    """The private keys by vault that the code opens and no pin contradicts."""
    rows = db.session.execute(
        select(VaultShare.vault_id, VaultPair.public_key, VaultShare.share)
        .join(VaultPair, VaultPair.id == VaultShare.vault_id)
        .join(Holder, Holder.id == VaultShare.holder_id)
        .where(Holder.public_key == _public_half(key))
    )
    box, opened = SealedBox(PrivateKey(key)), {}
    for vault_id, public_key, share in rows:
        try:
            private_key = PrivateKey(box.decrypt(share)).encode()
        except (CryptoError, TypeError, ValueError):
            continue
        # A pin knows better than the row, in which somebody may have put another public key.
        pin = pins.get(vault_id) or Pin(fingerprint(public_key))
        if pin.fits(_public_half(private_key)):
            opened[vault_id] = private_key
    return opened


def _put_back_public_keys(opened: dict[int, bytes]) -> None:
    for vault_id, private_key in opened.items():
        row = update(VaultPair).where(VaultPair.id == vault_id)
        db.session.execute(row.values(public_key=_public_half(private_key)))


def _stopped_at() -> datetime | None:
    """Since when the intake is stopped, if it is."""
    live = select(func.max(VaultPair.stopped_at)).where(VaultPair.retired_at.is_(None))
    found: datetime | None = db.session.scalar(live)
    return found


def _public_half(key: bytes) -> bytes:
    return PrivateKey(key).public_key.encode()
