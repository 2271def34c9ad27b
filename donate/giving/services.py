"""The purpose of the private links, and the end of a recurring gift."""

from __future__ import annotations

import uuid
from datetime import datetime

from config.database import db
from contacts.links import LinkPurpose
from donate import recurring
from donate.giving import queries
from donate.models import RecurringDonation

PURPOSE = "giving"


def _path(language: str, token: str) -> str:
    return f"/{language}/donate/manage/{token}"


link_purpose = LinkPurpose(mail="manage-giving", path=_path, has_something=queries.has_giving)


def note_end(recurring_id: uuid.UUID, now: datetime) -> None:
    """Note that the donor ends it: whatever happens to Stripe, the worker sees to it. Flushes."""
    recurring.end_by_donor(db.session.get_one(RecurringDonation, recurring_id), now)
