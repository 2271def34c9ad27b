"""The edge of `sightings`: views call these when the page is drawn, before it leaves.

Each is a short write of its own: what the page has read is read, and no lock was held meanwhile.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from config.database import begin_write, db
from staff.access import signed_in
from staff.log import sightings


def note_seen(contact_id: uuid.UUID) -> None:
    """Log that a person's page is shown; not again within ten minutes. Commits."""
    _note(sightings.CONTACT, contact_id)


def note_giver_seen(kind: str, gift_id: uuid.UUID, contact_id: uuid.UUID | None) -> None:
    """Log that a gift's page shows who gave; `kind` is what the gift is called in the log. Commits.

    Where the gift belongs to no contact, the gift is the subject.
    """
    if contact_id is not None:
        _note(sightings.CONTACT, contact_id)
    else:
        _note(kind, gift_id)


def note_listed(contact_ids: Iterable[uuid.UUID], **filters: str) -> None:
    """Log that a list or a search shows these people; nothing where it is empty. Commits."""
    ids = list(contact_ids)
    if ids:
        begin_write()
        sightings.record_listed(ids, filters, signed_in().id, datetime.now(UTC))
        db.session.commit()


def _note(kind: str, subject: uuid.UUID) -> None:
    actor, now = signed_in().id, datetime.now(UTC)
    if not sightings.is_noted(kind, subject, actor, now):
        begin_write()
        sightings.record_seen(kind, subject, actor, now)
        db.session.commit()
