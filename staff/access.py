"""Who is asking, what they may do, and the vault opened with their key for one request."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from flask import Blueprint, g

from config.database import db
from staff.door import sessions
from staff.models import StaffMember, StaffSession
from staff.permissions import is_allowed
from vault.services import CannotOpen, Opener, vault

staff = Blueprint("staff", __name__)

KEY_BYTES = 32


class NoKey(Exception):
    """The session opens no contact: its holder is gone, or the role never had one."""


@dataclass(frozen=True)
class SignedIn:
    """The member of staff who asks; values, so that they outlast a rollback."""

    id: uuid.UUID
    name: str
    role: str
    language: str | None
    session_id: uuid.UUID
    stepped_up_at: datetime | None
    has_factor: bool
    holder_key: bytes | None = field(repr=False)
    totp_secret: bytes | None = field(repr=False)  # only until the second factor is set up

    def may(self, permission: str) -> bool:
        """Whether their role has a permission."""
        return is_allowed(self.role, permission)


def who_has(session: StaffSession, token: bytes) -> SignedIn | None:
    """The member of staff of a live session; None for somebody who works here no more."""
    member = db.session.get(StaffMember, session.staff_id)
    if member is None or member.state != "active":
        return None
    secret = sessions.secret_of(session, token)
    return SignedIn(
        id=member.id,
        name=member.name,
        role=member.role,
        language=member.language,
        session_id=session.id,
        stepped_up_at=session.stepped_up_at,
        has_factor=member.totp_step is not None,
        holder_key=secret and secret[:KEY_BYTES],
        totp_secret=(secret or b"")[KEY_BYTES:] or None,
    )


def signed_in() -> SignedIn:
    """The member of staff whose request this is. Raises LookupError where nobody is signed in."""
    found: SignedIn | None = g.get("staff")
    if found is None:
        raise LookupError("nobody is signed in")
    return found


def opener() -> Opener:
    """The vault, opened once a request with the key of the session. Raises NoKey, VaultMissing."""
    if "opener" not in g:
        key = signed_in().holder_key
        if key is None:
            raise NoKey
        try:
            g.opener = vault().open_with(key)
        except CannotOpen as error:
            raise NoKey from error
    found: Opener = g.opener
    return found
