"""Back in with the printed recovery code, when nobody's passphrase opens the vault any more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select

from config.database import db
from staff import audit
from staff.door.delays import normalise_name
from staff.log import audit_chain
from staff.models import StaffMember, StaffSession
from staff.team.invitations import invite_again, invite_new
from vault.services import Opener


def invite_by_code(opener: Opener, name: str, now: datetime) -> str:
    """Invite an administrator, known or new; return the secret part of the link. Flushes.

    Raises BadName.
    """
    audit.record(
        "vault.recovered", now, actor=None, subject=("vault", None), vault=opener.active_id
    )
    known = db.session.scalar(
        select(StaffMember.id).where(
            StaffMember.name == normalise_name(name), StaffMember.state != "removed"
        )
    )
    if known is not None:
        return invite_again(known, "admin", opener, None, now)
    return invite_new(name, "admin", opener, None, now)


def settle_in(opener: Opener) -> None:
    """After a recovery without a pin: sign everybody out, take the audit log's key along. Flushes.

    Somebody may have written sessions of their own in there.
    """
    db.session.execute(delete(StaffSession))
    audit_chain.reseal_if_it_opens(opener)
