"""Who keeps a key when the vault gets a new one, and the rotation after somebody's removal."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from config.database import db
from config.settings import settings
from staff import audit
from staff.log import alerts, audit_chain
from staff.models import Invitation, StaffMember
from staff.team.invitations import is_open, needs_key
from vault.models import Holder
from vault.services import (
    KeysNotWritable,
    NewCode,
    NextPair,
    Opener,
    VaultMissing,
    draw_pair,
    pin_pair,
    replace_recovery_code,
    switch_vault,
)

log = logging.getLogger("vigil.staff")


class TwoRecoveryCodes(VaultMissing):
    """One was made at the first start; whoever wrote another one in there may know the vault."""


@dataclass(frozen=True)
class Rotated:
    """The new vault, and how many got a share of it or were refused one."""

    opener: Opener = field(repr=False)
    vault_id: int
    shares: int
    refused: int


def rotate(
    opener: Opener,
    pair: NextPair,
    actor: uuid.UUID | None,
    now: datetime,
    code: NewCode | None = None,
) -> Rotated:
    """Switch to a pinned pair, with shares for everybody who should have one. Flushes.

    A new recovery code takes the place of the one from before. Raises VaultMissing, VaultChanged
    and VolatileKeysUnreachable; roll back then.
    """
    if code is not None:
        replace_recovery_code(code)
        audit.record("vault.code-renewed", now, actor=actor, subject=("vault", None))
        alerts.tell_of_team("code-renewed", now)
    switched = switch_vault(opener, pair, entitled(opener, now), now)
    for holder in switched.refused:
        # somebody wrote it into the database who had no open vault
        log.error("vault: holder %s is not vouched for and got no share", holder.id)
    counts = {"shares": len(switched.holders), "refused": len(switched.refused)}
    audit.record(
        "vault.rotated", now, actor=actor, subject=("vault", None), vault=pair.id, **counts
    )
    audit_chain.reseal_if_it_opens(switched.opener)
    return Rotated(switched.opener, pair.id, **counts)


def rotate_after_removal(opener: Opener, actor: uuid.UUID, now: datetime) -> bool:
    """Rotate at once where this machine is the only one, in the transaction of the removal.

    Flushes. False, and nothing done, where the pin must first be put on other machines, or where
    the service may not write KEYS_DIR: then `flask staff rotate` does it. Raises as `rotate` does.
    """
    if not is_one_machine():
        return False
    pair = draw_pair()
    try:
        pin_pair(pair)
    except KeysNotWritable as fault:
        log.warning("vault: not rotated: %s", fault)
        return False
    rotate(opener, pair, actor, now)
    return True


def is_one_machine() -> bool:
    """Whether the volatile keys lie in a directory, which several machines cannot share."""
    return "://" not in settings().volatile_keys


def entitled(opener: Opener, now: datetime) -> list[Holder]:
    """Whose role or invitation says that they should have a key, and the recovery code.

    Nobody has vouched for whom somebody planted. Raises TwoRecoveryCodes.
    """
    people = entitled_people(now)
    codes = list(db.session.scalars(select(Holder).where(Holder.kind == "recovery")))
    if sum(opener.vouches_for(code) for code in codes) > 1:
        raise TwoRecoveryCodes("vault: the database has two recovery holders; nothing was rotated")
    return [*people, *codes]


def entitled_people(now: datetime) -> list[Holder]:
    """The same without the recovery code, and whether or not anybody vouches for them."""
    members = db.session.execute(
        select(StaffMember.holder_id, StaffMember.role).where(
            StaffMember.state != "removed", StaffMember.holder_id.is_not(None)
        )
    )
    ids = {holder_id for holder_id, role in members if needs_key(role)}
    invited = select(Invitation.holder_id).where(Invitation.holder_id.is_not(None), is_open(now))
    ids |= set(db.session.scalars(invited))
    rows = select(Holder).where(Holder.id.in_(ids), Holder.kind != "recovery")
    return list(db.session.scalars(rows.order_by(Holder.created_at, Holder.id)))
