"""Confirming by e-mail: the token in the mail finds the deed, and only then does it count."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from flask import current_app
from sqlalchemy import and_, exists, inspect, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from config.database import db
from config.settings import settings
from contacts import tally
from contacts.models import Consent, Contact, Deed
from contacts.services import (
    CONFIRM_WITHIN,
    MAIL_LIFETIME,
    confirm_note,
    confirmation_params,
    hash_of,
    token_from_path,
)
from mail import outbox, reminders
from vault.services import unwrap_for_session


class Outcome(Enum):
    """What a link in a confirmation mail leads to."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    SPENT = "spent"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    DISOWNED = "disowned"


@dataclass(frozen=True)
class Confirmation:
    """How one kind of deed is confirmed; each room that has deeds gives one to the application."""

    kind: str
    model: type[Deed]
    mail: str  # the kind of the mail that asks for it
    state: str  # the state of a confirmed deed
    subject: Callable[[Deed], str]  # what it counts for
    thanks: Callable[[Deed], str]  # the address of the page that thanks
    once: str | None = None  # the column for each value of which a person counts once

    @property
    def table(self) -> str:
        """The table that the deeds' boxes name."""
        return str(inspect(self.model).local_table.description)


@dataclass(frozen=True)
class Found:
    """A deed that a token leads to, and where it stands."""

    outcome: Outcome
    confirmation: Confirmation | None = None
    deed: Deed | None = None

    @property
    def thanks(self) -> str:
        """The address of the page that thanks."""
        if self.confirmation is None or self.deed is None:
            raise LookupError("nothing was found")
        return self.confirmation.thanks(self.deed)


def find(path: str, today: date) -> Found:
    """The deed that the token in an address belongs to; changes nothing."""
    token_hash = hash_of(token_from_path(path))
    confirmations: tuple[Confirmation, ...] = current_app.extensions["vigil_confirmations"]
    for confirmation in confirmations:
        model = confirmation.model
        deed = db.session.scalar(select(model).where(model.confirm_hash == token_hash))
        if deed is not None:
            return Found(_outcome(deed, today), confirmation, deed)
    return Found(Outcome.UNKNOWN)


def confirm(path: str, now: datetime) -> Found:
    """Count the deed that a token belongs to, once; the second time it is only found.

    The caller commits.
    """
    found = find(path, now.date())
    if found.outcome is not Outcome.OPEN or not found.confirmation or not found.deed:
        return found
    confirmation, deed, note = found.confirmation, found.deed, found.deed.confirm_note
    for attempt in (1, 2):
        try:
            with db.session.begin_nested():
                state = _move(confirmation, deed, now.date())
            break
        except IntegrityError:  # the same person confirmed the same deed in this moment
            if attempt == 2:
                raise
            db.session.refresh(deed)  # or two contacts of theirs have become one
    if state is None:
        return Found(Outcome.SPENT, confirmation, deed)
    noted = _noted(path, deed.id, note)
    _count(confirmation, deed, state, noted.get("country", ""), now.date())
    _confirm_contact(confirmation, deed, is_discreet=bool(noted.get("is_discreet")))
    reminders.empty([deed.id])
    return Found(Outcome.CONFIRMED, confirmation, deed)


def write_anew(
    confirmation: Confirmation,
    deed_id: uuid.UUID,
    details: Mapping[str, Any],
    mail: str,
    language: str,
    now: datetime,
) -> bool:
    """Mail a new link for a deed whose first mail was lost; the first link opens nothing any more.

    `details` are what its box holds. False where it waits no more, or where the address got its
    share of mails today. Flushes. Raises VolatileKeysUnreachable.
    """
    token, model = secrets.token_bytes(32), confirmation.model
    is_discreet = bool(details.get("is_discreet"))
    note = confirm_note(token, deed_id, str(details.get("country") or ""), is_discreet)
    moved = db.session.execute(
        update(model)
        .where(model.id == deed_id, model.state == "pending")
        .where(model.day >= now.date() - CONFIRM_WITHIN)
        .values(confirm_hash=hash_of(token), confirm_note=note)
        .returning(model.id)
    ).first()
    return moved is not None and outbox.enqueue(
        kind=mail,
        idem_key=f"confirm:{deed_id}",
        language=language,
        to=str(details["email"]),
        params=confirmation_params(language, token, is_discreet),
        now=now,
        lifetime=MAIL_LIFETIME,
        cap=settings().mails_per_address,
    )


def _outcome(deed: Deed, today: date) -> Outcome:
    if deed.state != "pending":
        return Outcome.SPENT
    return Outcome.EXPIRED if today - deed.day > CONFIRM_WITHIN else Outcome.OPEN


def _move(confirmation: Confirmation, deed: Deed, today: date) -> str | None:
    """Move the deed forward; its new state, or None where somebody was quicker."""
    model, state = confirmation.model, confirmation.state
    if confirmation.once is not None:
        other = aliased(model)
        counted = db.session.scalar(
            select(other.id).where(
                other.contact_id == deed.contact_id,
                getattr(other, confirmation.once) == getattr(deed, confirmation.once),
                other.state == state,
            )
        )
        state = "repeated" if counted else state
    moved = db.session.execute(
        update(model)
        .where(model.id == deed.id, model.state == "pending")
        .values(state=state, confirm_note=None)
        .returning(model.id)
    ).first()
    return state if moved else None


def _noted(path: str, deed_id: uuid.UUID, note: bytes | None) -> dict[str, Any]:
    opened = unwrap_for_session(token_from_path(path), note or b"", deed_id.bytes)
    return json.loads(opened) if opened else {}


def _count(confirmation: Confirmation, deed: Deed, state: str, country: str, today: date) -> None:
    kind, subject = confirmation.kind, confirmation.subject(deed)
    db.session.execute(tally.change(f"{kind}.pending", subject, -1, today))
    if state == confirmation.state:
        db.session.execute(tally.change(f"{kind}.{state}", subject, 1, today, country))


def _confirm_contact(confirmation: Confirmation, deed: Deed, *, is_discreet: bool) -> None:
    """The address is its owner's: what they wished for takes effect.

    The deed is asked whose it is now: two contacts may have become one since it was read.

    A wish for discreet mails is never undone by a form that was sent without it.
    """
    of_deed = (Consent.deed_id == deed.id, Consent.purpose == "newsletter")
    # who has unsubscribed since they signed gets no news by confirming
    wants_news = and_(
        exists().where(*of_deed, Consent.is_given), ~exists().where(*of_deed, ~Consent.is_given)
    )
    values: dict[str, Any] = {"state": "confirmed", "newsletter": Contact.newsletter | wants_news}
    if is_discreet:
        values["is_discreet"] = True
    model = confirmation.model
    owner = select(model.contact_id).where(model.id == deed.id).scalar_subquery()
    db.session.execute(update(Contact).where(Contact.id == owner).values(values))
