"""What staff change, each change with its line in the audit log."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import volunteers.services
from config.database import db
from config.keys import make_form_key
from config.settings import settings
from mail import outbox
from staff import audit
from staff.log import alerts, audit_chain
from staff.models import StaffMember
from staff.team.invitations import NameTaken, checked_name
from vault.services import Initialised, generate_passphrase, initialise

FIRST_NAME = "admin"


class NotFailed(Exception):
    """The mail does not wait to be queued again: it was, or it has expired."""


@dataclass(frozen=True)
class FirstHolder:
    """One of the first administrators."""

    name: str
    passphrase: str = field(repr=False)


@dataclass(frozen=True)
class Installed:
    """The first administrators and the secrets of a new installation, to be shown once."""

    holders: tuple[FirstHolder, ...]
    recovery_code: str = field(repr=False)

    @property
    def name(self) -> str:
        """The first one's name."""
        return self.holders[0].name

    @property
    def passphrase(self) -> str:
        """The first one's passphrase."""
        return self.holders[0].passphrase


def install(name: str, now: datetime, *others: str) -> Installed:
    """Make the vault and the first administrators. Flushes.

    Raises AlreadyInitialised, VaultMissing, BadName and NameTaken; roll back then.
    """
    names = [checked_name(typed) for typed in (name, *others)]
    if len(set(names)) < len(names):
        raise NameTaken(names[0])
    made = initialise(now)
    audit_chain.begin(made.opener)
    make_form_key(settings().keys_dir)
    audit.record("vault.initialised", now, actor=None, subject=("vault", None))
    holders = tuple(_add_first(made, login, now) for login in names)
    return Installed(holders, made.recovery_code)


def review_volunteer(
    signup_id: uuid.UUID, seen: str, to: str, actor: uuid.UUID, now: datetime
) -> None:
    """Move a volunteer on from the state that was seen. Flushes. Raises AlreadyMoved."""
    volunteers.services.review(signup_id, seen, to, now)
    subject = ("volunteer", signup_id)
    if seen != to:
        audit.record(
            "volunteer.moved", now, actor=actor, subject=subject, **{"from": seen, "to": to}
        )


def note_on_volunteer(
    signup_id: uuid.UUID, note: str, email: str, actor: uuid.UUID, now: datetime
) -> None:
    """Keep a sealed note on a volunteer of this address. Flushes. Raises VaultMissing."""
    volunteers.services.add_note(signup_id, actor, note, email, now)
    audit.record("volunteer.noted", now, actor=actor, subject=("volunteer", signup_id))


def requeue_mail(email_id: uuid.UUID, actor: uuid.UUID, now: datetime) -> None:
    """Give a failed mail another round. Flushes. Raises NotFailed."""
    if not outbox.requeue(email_id, now):
        raise NotFailed
    audit.record("mail.requeued", now, actor=actor, subject=("mail", email_id))


def record_export(
    actor: uuid.UUID, count: int, filters: Mapping[str, str], sealed_for: str | None, now: datetime
) -> None:
    """Write down that somebody takes contacts out, before the first one leaves, and tell others.

    Flushes. Raises VaultMissing.
    """
    more = {"recipient": sealed_for} if sealed_for else {}
    subject = ("contacts", None)
    audit.record(
        "contacts.exported", now, actor=actor, subject=subject, count=count, **filters, **more
    )
    alerts.tell_of_export("contacts", count, now)


def _add_first(made: Initialised, login: str, now: datetime) -> FirstHolder:
    passphrase = generate_passphrase()
    holder = made.enrol("staff", passphrase)
    member = StaffMember(
        id=uuid.uuid4(), name=login, role="admin", holder_id=holder.id, created_at=now
    )
    db.session.add(member)
    db.session.flush()
    audit.record("staff.created", now, actor=None, subject=("staff", member.id), role="admin")
    return FirstHolder(login, passphrase)
