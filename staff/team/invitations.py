"""Invitations: a one-use link that carries a key, to be handed over by a safe channel.

Whoever opens it gets a passphrase. Where the role sees contacts, the secret in the link is the
private key of a holder of its own, so that passing the share on needs no colleague's passphrase.
"""

from __future__ import annotations

import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, select

from config.database import db, insert_or_update
from contacts.services import token_from_path, token_path
from staff import audit
from staff.door.delays import normalise_name
from staff.log import alerts
from staff.models import ROLES, Invitation, KnownBrowser, StaffMember, StaffSession
from staff.permissions import is_allowed
from vault.models import Holder
from vault.services import Enrolled, Opener, add_holder, enrol_holder, vault

LIFETIME = timedelta(hours=72)
TOKEN_BYTES = 32
LONGEST_NAME = 80  # characters


class BadName(ValueError):
    """Nobody can sign in by this name."""


class NameTaken(ValueError):
    """Somebody works here under this name."""


class InvitationSpent(Exception):
    """The link was used, has run out, or was replaced by a newer one."""


@dataclass(frozen=True)
class Found:
    """Whom a link invites, as values, so that they outlast the transaction."""

    staff_id: uuid.UUID
    name: str
    role: str
    token: bytes

    @property
    def has_key(self) -> bool:
        """Whether the link carries a share of the vault."""
        return needs_key(self.role)

    @property
    def purpose(self) -> str:
        """What a passphrase drawn for it is good for: this very link."""
        return _hash(self.token).hex()


def needs_key(role: str) -> bool:
    """Whether a role sees contacts: only such a member holds a share of the vault."""
    return is_allowed(role, "see-contacts")


def checked_name(typed: str) -> str:
    """The name as it is kept. Raises BadName."""
    name = normalise_name(typed)
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadName(typed)
    return name


def invite_new(
    name: str, role: str, opener: Opener | None, actor: uuid.UUID | None, now: datetime
) -> str:
    """Invite somebody who does not work here, or does no more; the secret part of the link.

    Flushes. Raises BadName, NameTaken, and ValueError for a role that there is not.
    """
    if role not in ROLES:
        raise ValueError(role)
    login = checked_name(name)
    values = {"name": login, "role": role, "state": "invited", "created_at": now}
    insert = insert_or_update(StaffMember).values(id=uuid.uuid4(), **values)
    staff_id: uuid.UUID | None = db.session.scalar(
        insert.on_conflict_do_update(
            index_elements=["name"],
            set_={"role": role, "state": "invited"},
            where=StaffMember.state == "removed",
        ).returning(StaffMember.id)
    )
    if staff_id is None:
        raise NameTaken(login)
    return _invite(staff_id, role, opener, actor, now)


def invite_again(
    staff_id: uuid.UUID, role: str, opener: Opener | None, actor: uuid.UUID | None, now: datetime
) -> str:
    """A new link for a member who lost passphrase or code, or whose role changes; older ones end.

    What they have goes on working until the link is used. Where a role with a key follows one
    without, or the other way round, it ends at once: what the old passphrase opens is not what the
    new role may do. Flushes. Raises LookupError where nobody is of this id.
    """
    member = db.session.get(StaffMember, staff_id, with_for_update=True)
    if member is None or member.state == "removed":
        raise LookupError(staff_id)
    if needs_key(member.role) != needs_key(role):
        drop_access(member)
        member.state = "invited"
    member.role = role
    db.session.flush()
    return _invite(staff_id, role, opener, actor, now)


def find(path: str, now: datetime) -> Found | None:
    """Whom a link invites; None for an unknown, used or outdated one. Raises VaultMissing."""
    token = token_from_path(path)
    row = db.session.execute(
        select(StaffMember.id, StaffMember.name, StaffMember.role)
        .join(Invitation, Invitation.staff_id == StaffMember.id)
        .where(Invitation.hash == _hash(token), is_open(now))
    ).one_or_none()
    return Found(*row, token) if row else None


def accept(found: Found, enrolled: Enrolled, now: datetime) -> None:
    """Let the new holder take the place of the invitation and of whatever was before. Flushes.

    Raises InvitationSpent where somebody was quicker.
    """
    spent = db.session.execute(
        delete(Invitation)
        .where(Invitation.hash == _hash(found.token), is_open(now))
        .returning(Invitation.holder_id)
    ).one_or_none()
    if spent is None:
        raise InvitationSpent
    member = db.session.get_one(StaffMember, found.staff_id, with_for_update=True)
    drop_access(member)
    member.holder_id = add_holder(enrolled).id
    member.state, member.totp_step = "active", None
    db.session.flush()
    _drop_holders([spent.holder_id])
    audit.record("staff.enrolled", now, actor=member.id, subject=("staff", member.id))


def drop_access(member: StaffMember) -> None:
    """End everything by which a member comes in: sessions, browsers, links, holder. Flushes."""
    holder_id, member.holder_id = member.holder_id, None
    db.session.flush()
    for model in (StaffSession, KnownBrowser):
        db.session.execute(delete(model).where(model.staff_id == member.id))
    _drop_holders([holder_id, *_drop_invitations(member.id)])


def end_links_made_by(staff_id: uuid.UUID) -> tuple[str, ...]:
    """Delete the links that a member made for others, with their keys; for whom, by name. Flushes.

    Whoever made a link may have kept it.
    """
    rows = delete(Invitation).where(Invitation.created_by == staff_id)
    ended = db.session.execute(rows.returning(Invitation.staff_id, Invitation.holder_id)).all()
    _drop_holders([row.holder_id for row in ended])
    names = select(StaffMember.name).where(StaffMember.id.in_(row.staff_id for row in ended))
    return tuple(db.session.scalars(names.order_by(StaffMember.name)))


def is_open(now: datetime) -> ColumnElement[bool]:
    """Which links still let somebody in: in time, and made by who is still an administrator.

    The second half is for a link that was made in the moment in which its maker was removed.
    """
    admins = select(StaffMember.id).where(
        StaffMember.role == "admin", StaffMember.state == "active"
    )
    maker = or_(Invitation.created_by.is_(None), Invitation.created_by.in_(admins))
    return (Invitation.expires_at > now) & maker


def drop_outdated(now: datetime) -> int:
    """Delete links that have run out, with their keys; how many. Flushes."""
    rows = delete(Invitation).where(Invitation.expires_at <= now).returning(Invitation.holder_id)
    holders = list(db.session.scalars(rows))
    _drop_holders(holders)
    return len(holders)


def open_invitations(now: datetime) -> dict[uuid.UUID, datetime]:
    """Until when each member's link can be used, by member."""
    rows = select(Invitation.staff_id, Invitation.expires_at).where(is_open(now))
    return {row.staff_id: row.expires_at for row in db.session.execute(rows)}


def _invite(
    staff_id: uuid.UUID, role: str, opener: Opener | None, actor: uuid.UUID | None, now: datetime
) -> str:
    _drop_holders(_drop_invitations(staff_id))
    token, holder_id = secrets.token_bytes(TOKEN_BYTES), None
    if needs_key(role):
        if opener is None:
            raise LookupError("a role that sees contacts is given by somebody who has a key")
        enrolled = enrol_holder(opener, "invitation", now)
        token, holder_id = enrolled.key, enrolled.holder.id
    row = Invitation(hash=_hash(token), staff_id=staff_id, holder_id=holder_id, created_by=actor)
    row.expires_at = now + LIFETIME
    db.session.add(row)
    db.session.flush()
    audit.record("staff.invited", now, actor=actor, subject=("staff", staff_id), role=role)
    if actor is not None:  # else the recovery code did it, perhaps where no mail can be queued
        alerts.tell_of_team("invited", now)
    return token_path(token)


def _drop_invitations(staff_id: uuid.UUID) -> list[uuid.UUID | None]:
    rows = delete(Invitation).where(Invitation.staff_id == staff_id)
    return list(db.session.scalars(rows.returning(Invitation.holder_id)))


def _drop_holders(ids: list[uuid.UUID | None]) -> None:
    known = [holder_id for holder_id in ids if holder_id is not None]
    if known:
        db.session.execute(delete(Holder).where(Holder.id.in_(known)))


def _hash(token: bytes) -> bytes:
    """Found by this: under a key that no database holds, so that nobody plants a link there.

    Where a role comes without a key to contacts, the token alone would let its maker in. Raises
    VaultMissing.
    """
    return hmac.digest(vault().key_outside_database("invitation"), token, "sha256")
