"""The second of two clicks finds the gift of the first: one page to pay on, not two.

A page that is the same for everyone cannot carry a number of its own for each visitor. So what
tells a repetition is all of it together: the form with its token, the address and the browser that
sent it, within some seconds. Only a keyed hash of that is kept, apart from the gift, for as long.
"""

from __future__ import annotations

import hmac
import json
import uuid
from datetime import datetime, timedelta

from flask import Request
from sqlalchemy import delete, select

from config.database import db, insert_or_update
from donate.models import BegunGift, Donation, RecurringDonation, RecurringState, State
from vault.services import vault

WITHIN = timedelta(seconds=10)
UNDER_WAY = {State.CREATED, State.OPEN, RecurringState.CREATED, RecurringState.OPEN}
# What the guard asks for differs between two clicks.
ANSWERS = {"altcha", "waited"}


def mark_of(request: Request, now: datetime) -> bytes:
    """32 bytes, the same for the same form from the same browser. Raises VaultMissing."""
    key = vault().daily_key("second clicks", now.date())
    form = sorted(pair for pair in request.form.items(multi=True) if pair[0] not in ANSWERS)
    sender = [request.path, request.remote_addr, request.user_agent.string]
    return hmac.digest(key, json.dumps([form, sender]).encode(), "sha256")


def find_gift(mark: bytes, now: datetime) -> Donation | RecurringDonation | None:
    """What the first click began, while it can still be paid; otherwise forgets it."""
    gift_id = db.session.scalar(
        select(BegunGift.gift_id).where(BegunGift.hash == mark, BegunGift.expires_at > now)
    )
    if gift_id is None:
        return None
    gift = db.session.get(Donation, gift_id) or db.session.get(RecurringDonation, gift_id)
    if gift is not None and gift.state in UNDER_WAY:
        return gift
    db.session.execute(delete(BegunGift).where(BegunGift.hash == mark))
    return None


def note_gift(mark: bytes, gift_id: uuid.UUID, now: datetime) -> bool:
    """Remember what was begun; False where another click was quicker: roll back, find that one."""
    drop_old(now)
    statement = insert_or_update(BegunGift).values(
        hash=mark, gift_id=gift_id, expires_at=now + WITHIN
    )
    noted = db.session.execute(statement.on_conflict_do_nothing().returning(BegunGift.hash))
    return noted.first() is not None


def drop_old(now: datetime) -> None:
    """Forget the clicks of some seconds ago."""
    db.session.execute(delete(BegunGift).where(BegunGift.expires_at <= now))
