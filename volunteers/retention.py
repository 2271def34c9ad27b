"""Volunteers who were declined are not kept for long."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select

from config.database import db
from config.settings import settings
from contacts import consents
from contacts.retention import Step
from volunteers.models import VolunteerSignup
from volunteers.parts import delete_signups


def _is_over(now: datetime) -> ColumnElement[bool]:
    """Declined, and for so long; what was declined before that day was kept counts from its own."""
    since = now.date() - timedelta(days=settings().declined_kept_days)
    declined_on = func.coalesce(VolunteerSignup.reviewed_on, VolunteerSignup.day)
    return and_(VolunteerSignup.state == "declined", declined_on < since)


def _find(now: datetime, most: int) -> Sequence[uuid.UUID]:
    return db.session.scalars(select(VolunteerSignup.id).where(_is_over(now)).limit(most)).all()


def _drop(ids: Sequence[uuid.UUID], now: datetime) -> int:
    gone = delete_signups(and_(VolunteerSignup.id.in_(ids), _is_over(now)), now)
    consents.erase_with_deeds(gone, except_news=True)
    return len(gone)


step = Step("volunteers who were declined", _find, _drop)
