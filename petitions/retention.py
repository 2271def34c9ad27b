"""Some time after a petition has closed its signatures become what they were given for: a count."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select

from config.database import db
from config.settings import settings
from contacts import consents, tally
from contacts.retention import Step
from mail import traces
from petitions.models import Petition, Signature
from petitions.parts import slugs_of


def _is_over(now: datetime) -> ColumnElement[bool]:
    last = now.date() - timedelta(days=settings().signatures_kept_days)
    return Signature.petition_id.in_(select(Petition.id).where(Petition.closes_on < last))


def _find(now: datetime, most: int) -> Sequence[uuid.UUID]:
    return db.session.scalars(select(Signature.id).where(_is_over(now)).limit(most)).all()


def _drop(ids: Sequence[uuid.UUID], now: datetime) -> int:
    """The confirmed count stays; one that was never confirmed leaves the count of those."""
    gone = db.session.execute(
        delete(Signature)
        .where(Signature.id.in_(ids), _is_over(now))
        .returning(Signature.id, Signature.petition_id, Signature.state, Signature.day)
        .execution_options(synchronize_session=False)
    ).all()
    slugs = slugs_of([row.petition_id for row in gone])
    for row in gone:
        if row.state == "pending":
            subject = slugs[row.petition_id]
            db.session.execute(tally.change("signature.pending", subject, -1, row.day))
    gone_ids = [row.id for row in gone]
    consents.erase_with_deeds(gone_ids, except_news=True)
    traces.forget_deeds(gone_ids)
    return len(gone)


step = Step("signatures of petitions that have closed", _find, _drop)
