"""Donors are known for a time after their last gift; then the accounts go on without them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.orm import aliased

from config.database import db
from config.settings import settings
from contacts.retention import Step
from donate.models import Donation, RecurringDonation, RecurringState
from donate.offline.services import drop_transfers, never_came
from donate.parts import WITHOUT_PERSON, without_person
from mail import traces

_OVER = (RecurringState.ENDED, RecurringState.EXPIRED)


def _is_over(model: type[Any], now: datetime) -> ColumnElement[bool]:
    """Something of a person is there, and that person's last gift is long ago."""
    since = now.date() - timedelta(days=settings().donors_kept_days)
    gift, recurring = aliased(Donation), aliased(RecurringDonation)
    still = (
        exists().where(gift.contact_id == model.contact_id, _is_since(gift, since)),
        exists().where(recurring.contact_id == model.contact_id, _goes_on(recurring, since)),
    )
    own = _is_since(model, since) if model is Donation else _goes_on(model, since)
    person = or_(*(getattr(model, name).is_not(None) for name in WITHOUT_PERSON))
    return and_(person, ~own, ~_has_living_mother(model, since), *(~one for one in still))


def _is_since(gift: Any, since: Any) -> ColumnElement[bool]:
    start = datetime.combine(since, time.min, UTC)
    return or_(gift.day >= since, and_(gift.paid_at.is_not(None), gift.paid_at >= start))


def _goes_on(recurring: Any, since: Any) -> ColumnElement[bool]:
    return or_(recurring.state.not_in(_OVER), recurring.day >= since)


def _has_living_mother(model: type[Any], since: Any) -> ColumnElement[bool]:
    """A gift of a recurring one that goes on, or a recurring one with a gift of late."""
    if model is Donation:
        mother = aliased(RecurringDonation)
        return exists().where(mother.id == Donation.recurring_id, _goes_on(mother, since))
    child = aliased(Donation)
    return exists().where(child.recurring_id == RecurringDonation.id, _is_since(child, since))


def _find(model: type[Any], now: datetime, most: int) -> Sequence[uuid.UUID]:
    return db.session.scalars(select(model.id).where(_is_over(model, now)).limit(most)).all()


def _drop(model: type[Any], ids: Sequence[uuid.UUID], now: datetime) -> int:
    changed = db.session.execute(
        update(model)
        .where(model.id.in_(ids), _is_over(model, now))
        .values(without_person(model))
        .returning(model.id)
        .execution_options(synchronize_session=False)
    )
    gone = changed.scalars().all()
    traces.empty_of_gifts(gone)
    return len(gone)


def _find_announced(now: datetime, most: int) -> Sequence[uuid.UUID]:
    return db.session.scalars(select(Donation.id).where(never_came(now)).limit(most)).all()


steps = (
    Step("announced transfers that never came", _find_announced, drop_transfers),
    Step("gifts that lose their donor", partial(_find, Donation), partial(_drop, Donation)),
    Step(
        "recurring gifts that lose their donor",
        partial(_find, RecurringDonation),
        partial(_drop, RecurringDonation),
    ),
)
