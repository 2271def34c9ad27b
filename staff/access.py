"""Who is asking, what they may do, and the vault opened with their key for one request."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from flask import Blueprint, g

from config.database import db
from staff import sessions
from staff.models import StaffMember, StaffSession
from staff.permissions import is_allowed
from vault.services import CannotOpen, Opener, vault

staff = Blueprint("staff", __name__)


class NoKey(Exception):
    """The session opens no contact: its holder is gone, or the role never had one."""


@dataclass(frozen=True)
class SignedIn:
    """The member of staff who asks; values, so that they outlast a rollback."""

    id: uuid.UUID
    name: str
    role: str
    language: str | None
    holder_key: bytes | None = field(repr=False)

    def may(self, permission: str) -> bool:
        """Whether their role has a permission."""
        return is_allowed(self.role, permission)


def who_has(session: StaffSession, token: bytes) -> SignedIn | None:
    """The member of staff of a live session."""
    member = db.session.get(StaffMember, session.staff_id)
    if member is None:
        return None
    key = sessions.holder_key(session, token)
    return SignedIn(member.id, member.name, member.role, member.language, key)


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
