"""Announced transfers: written down before the money comes, dropped where it never does."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select

from config.database import db
from donate.models import Donation, Method, State
from donate.offline.forms import TransferForm
from donate.offline.references import make_reference
from vault.services import vault

KEEP = timedelta(days=180)
BATCH = 500  # transfers dropped in one transaction


def announce_transfer(form: TransferForm, language: str, now: datetime) -> Donation:
    """Write down a transfer that somebody is about to make. Flushes. Raises VaultMissing.

    It counts for nothing until staff enter that it has arrived.
    """
    donation = Donation(
        id=uuid.uuid4(),
        method=Method.TRANSFER,
        state=State.CREATED,
        amount_minor=form.amount_minor,
        currency=form.currency,
        fund=form.fund.data,
        campaign=form.campaign.data,
        frequency="once",
        language=language,
        is_discreet=bool(form.discreet.data),
        reference=make_reference(),
        day=now.date(),
        created_at=now,
    )
    if form.email.data:
        given = {"name": None, "email": form.email.data, "country": None}
        donation.sealed = vault().seal(Donation.__tablename__, donation.id, given)
    db.session.add(donation)
    db.session.flush()
    return donation


def drop_announced(now: datetime) -> int:
    """Delete a batch of transfers that were announced 180 days ago and never came; how many."""
    too_old = select(Donation.id).where(never_came(now)).limit(BATCH)
    return drop_transfers(too_old.with_for_update(skip_locked=True), now)


def never_came(now: datetime) -> ColumnElement[bool]:
    """An announced transfer whose time is over."""
    return and_(
        Donation.method == Method.TRANSFER,
        Donation.state == State.CREATED,
        Donation.created_at < now - KEEP,
    )


def drop_transfers(ids: Any, now: datetime) -> int:
    """Delete those of these transfers that never came; how many. Flushes."""
    statement = delete(Donation).where(Donation.id.in_(ids), never_came(now))
    result: Any = db.session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)
