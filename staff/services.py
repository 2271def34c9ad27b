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
from staff.models import ROLES, StaffMember
from staff.sign_in import normalise_name
from vault.services import generate_passphrase, initialise

FIRST_NAME = "admin"


class BadName(ValueError):
    """Nobody can sign in by this name."""


class NotFailed(Exception):
    """The mail does not wait to be queued again: it was, or it has expired."""


@dataclass(frozen=True)
class Installed:
    """The first administrator and the secrets of a new installation, to be shown once."""

    name: str
    passphrase: str = field(repr=False)
    recovery_code: str = field(repr=False)


def install(name: str, now: datetime) -> Installed:
    """Make the vault and the first administrator. Flushes.

    Raises AlreadyInitialised, VaultMissing and BadName; roll back then.
    """
    made = initialise(now)
    make_form_key(settings().keys_dir)
    passphrase = generate_passphrase()
    holder = made.enrol("staff", passphrase)
    audit.record("vault.initialised", now, actor=None, subject=("vault", None))
    member = _add_member(name, "admin", holder.id, now)
    return Installed(member.name, passphrase, made.recovery_code)


def review_volunteer(
    signup_id: uuid.UUID, seen: str, to: str, note: str, actor: uuid.UUID, now: datetime
) -> None:
    """Move a volunteer on from the state that was seen, with a note if there is one. Flushes.

    Raises AlreadyMoved, VaultMissing.
    """
    volunteers.services.review(signup_id, seen, to, now)
    subject = ("volunteer", signup_id)
    if seen != to:
        audit.record(
            "volunteer.moved", now, actor=actor, subject=subject, **{"from": seen, "to": to}
        )
    if note:
        note_on_volunteer(signup_id, note, actor, now)


def note_on_volunteer(signup_id: uuid.UUID, note: str, actor: uuid.UUID, now: datetime) -> None:
    """Keep a sealed note on a volunteer. Flushes. Raises VaultMissing."""
    volunteers.services.add_note(signup_id, actor, note, now)
    audit.record("volunteer.noted", now, actor=actor, subject=("volunteer", signup_id))


def requeue_mail(email_id: uuid.UUID, actor: uuid.UUID, now: datetime) -> None:
    """Give a failed mail another round. Flushes. Raises NotFailed."""
    if not outbox.requeue(email_id, now):
        raise NotFailed
    audit.record("mail.requeued", now, actor=actor, subject=("mail", email_id))


def record_export(actor: uuid.UUID, count: int, filters: Mapping[str, str], now: datetime) -> None:
    """Write down that somebody takes contacts out, before the first one leaves. Flushes."""
    audit.record(
        "contacts.exported", now, actor=actor, subject=("contacts", None), count=count, **filters
    )


def _add_member(name: str, role: str, holder_id: uuid.UUID | None, now: datetime) -> StaffMember:
    login = normalise_name(name)
    if not login or len(login) > 80 or not login.isprintable():
        raise BadName(name)
    if role not in ROLES:
        raise ValueError(role)
    member = StaffMember(
        id=uuid.uuid4(), name=login, role=role, holder_id=holder_id, created_at=now
    )
    db.session.add(member)
    db.session.flush()
    subject = ("staff", member.id)
    audit.record("staff.created", now, actor=None, subject=subject, role=role)
    return member
