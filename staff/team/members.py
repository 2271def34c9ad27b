"""Who works here: the list, a change of role, and a removal that leaves nobody locked out."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select

from config.database import db
from staff import audit
from staff.door import sessions
from staff.log import alerts
from staff.models import StaffMember
from staff.team.invitations import (
    drop_access,
    end_links_made_by,
    invite_again,
    needs_key,
    open_invitations,
)
from vault.models import VaultShare
from vault.services import Opener


class LastOne(Exception):
    """Without this member nobody could let others in, or open a contact."""


class OwnAccount(Exception):
    """Nobody takes their own role or account away: somebody else should look at it."""


class NotThere(Exception):
    """Nobody is of this id, or they were removed meanwhile."""


@dataclass(frozen=True)
class Changed:
    """What a change of role led to: a link to hand over, and whether the vault must be rotated."""

    token: str | None
    lost_key: bool
    links_ended: tuple[str, ...] = ()  # for whom they had made links


@dataclass(frozen=True)
class Removed:
    """Whether somebody who was removed had a key, and for whom the links that they made ended."""

    had_key: bool
    links_ended: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """One member of staff as the list shows them."""

    id: uuid.UUID
    name: str
    role: str
    state: str
    has_key: bool
    has_second_factor: bool
    last_sign_in_at: datetime | None
    invited_until: datetime | None


def members(now: datetime) -> list[Member]:
    """Everybody who works here or is invited, by name."""
    waiting = open_invitations(now)
    rows = select(StaffMember).where(StaffMember.state != "removed").order_by(StaffMember.name)
    return [_member(row, waiting.get(row.id)) for row in db.session.scalars(rows)]


def find_member(staff_id: uuid.UUID, now: datetime) -> Member | None:
    """One of them."""
    return next((member for member in members(now) if member.id == staff_id), None)


def change_role(
    staff_id: uuid.UUID, role: str, opener: Opener | None, actor: uuid.UUID, now: datetime
) -> Changed:
    """Give a member another role. Flushes.

    A key comes only with a new passphrase, and so with a new link; it goes at once. Raises
    NotThere, OwnAccount and LastOne.
    """
    member = _locked(staff_id, actor)
    before, had_key = member.role, member.holder_id is not None and needs_key(member.role)
    if before == role:
        return Changed(None, lost_key=False)
    ended: tuple[str, ...] = ()
    if before == "admin":
        _keep_one_admin(member)
        ended = end_links_made_by(staff_id)
    audit.record(
        "staff.role-changed", now, actor=actor, subject=("staff", staff_id),
        role_before=before, role=role,
    )  # fmt: skip
    alerts.tell_of_team("role-changed", now)
    if member.state == "active" and needs_key(before) == needs_key(role):
        member.role = role
        db.session.flush()
        return Changed(None, lost_key=False, links_ended=ended)
    token = invite_again(staff_id, role, opener, actor, now)
    return Changed(token, lost_key=had_key and not needs_key(role), links_ended=ended)


def remove(staff_id: uuid.UUID, actor: uuid.UUID, now: datetime) -> Removed:
    """Take away everything by which a member comes in, and the links that they made. Flushes.

    The row stays for the log. The vault must be rotated then. Raises NotThere, OwnAccount and
    LastOne.
    """
    member = _locked(staff_id, actor)
    if member.role == "admin":
        _keep_one_admin(member)
    had_key = member.holder_id is not None and needs_key(member.role)
    drop_access(member)
    ended = end_links_made_by(staff_id)
    member.state, member.totp_step = "removed", None
    db.session.flush()
    audit.record("staff.removed", now, actor=actor, subject=("staff", staff_id))
    return Removed(had_key, ended)


def end_sessions(staff_id: uuid.UUID, actor: uuid.UUID, now: datetime) -> int:
    """Sign a colleague out everywhere; of how many browsers. Flushes.

    For a laptop that was lost: passphrase and code go on working. Raises NotThere and OwnAccount.
    """
    _locked(staff_id, actor)
    count = sessions.end_all_sessions(staff_id, now)
    subject = ("staff", staff_id)
    audit.record("staff.sessions-ended", now, actor=actor, subject=subject, count=count)
    return count


def _locked(staff_id: uuid.UUID, actor: uuid.UUID) -> StaffMember:
    """The member; administrators are locked in one order, so that two cannot remove each other."""
    if staff_id == actor:
        raise OwnAccount
    admins = select(StaffMember.id).where(StaffMember.role == "admin").order_by(StaffMember.id)
    db.session.execute(admins.with_for_update()).all()
    member = db.session.get(StaffMember, staff_id, with_for_update=True)
    if member is None or member.state == "removed":
        raise NotThere(staff_id)
    return member


def _keep_one_admin(member: StaffMember) -> None:
    """Raise LastOne where no other administrator is left who opens the vault."""
    has_share = exists().where(VaultShare.holder_id == StaffMember.holder_id)
    others = db.session.scalar(
        select(func.count()).where(
            StaffMember.role == "admin",
            StaffMember.state == "active",
            StaffMember.id != member.id,
            has_share,
        )
    )
    if not others:
        raise LastOne(member.id)


def _member(row: StaffMember, invited_until: datetime | None) -> Member:
    return Member(
        id=row.id,
        name=row.name,
        role=row.role,
        state=row.state,
        has_key=row.holder_id is not None and needs_key(row.role),
        has_second_factor=row.totp_step is not None,
        last_sign_in_at=row.last_sign_in_at,
        invited_until=invited_until,
    )
