"""What the outbox holds of deeds, gifts and people that are erased, found by the rows' keys."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, literal, or_, update

from config.database import db
from mail import reminders
from mail.models import OutgoingEmail, State

_table: Any = OutgoingEmail.__table__
_NAMELESS = literal("gone:") + cast(_table.c.id, String)
# Every key that a deed's mails can have: see `mail.reminders`.
_OF_DEED = ("confirm:{}", "confirm:{}:2", "remind:{}", "remind:{}:2")
# And a gift's (see `donate.letters`): those whole, and those that go on after the gift's id.
_OF_GIFT = (
    "thank-you:{}", "gift-pending:{}", "gift-failed:{}", "gift-expired:{}", "gift-refused-card:{}",
    "recurring-ended:{}", "confirm-newsletter:{}",
)  # fmt: skip
_OF_GIFT_AND_MORE = ("gift-refunded:{}:", "renewal:{}:", "recurring-changed:{}:")
_OF_CONTACT_AND_MORE = ("address-change:{}:", "address-asked:{}:", "my-copy:{}:")
_AT_ONCE = 100  # SQLite takes no condition of more than 1000 parts


def forget_deeds(deed_ids: Collection[uuid.UUID]) -> None:
    """Erase the mails about deeds that are deleted themselves, and which deeds they were. Flushes.

    The rows stay, for they count among the day's mails to their address. A mail that the worker
    holds in this moment is sent all the same.
    """
    if not deed_ids:
        return
    reminders.empty(deed_ids)
    keys = [form.format(deed_id) for deed_id in deed_ids for form in _OF_DEED]
    theirs = _table.c.idem_key.in_(keys)
    db.session.execute(update(_table).where(theirs).values(idem_key=_NAMELESS))


def empty_of_gifts(gift_ids: Collection[uuid.UUID]) -> None:
    """Erase the addresses in mails about gifts; the rows stay, so that none is queued twice.

    Flushes.
    """
    for some in _some_of(gift_ids):
        whole = [form.format(gift_id) for gift_id in some for form in _OF_GIFT]
        _empty(or_(_table.c.idem_key.in_(whole), _begins(_OF_GIFT_AND_MORE, some)))


def empty_of_contacts(contact_ids: Collection[uuid.UUID]) -> None:
    """Erase the addresses in mails about changes of address and copies, and whose they were.

    Flushes.
    """
    for some in _some_of(contact_ids):
        theirs = _begins(_OF_CONTACT_AND_MORE, some)
        _empty(theirs)
        db.session.execute(update(_table).where(theirs).values(idem_key=_NAMELESS))


def _some_of(ids: Collection[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    left = iter(ids)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def _begins(forms: Collection[str], ids: Collection[uuid.UUID]) -> ColumnElement[bool]:
    """Keys that begin so: a range, for the index; "zzzz" is behind what follows in any collation.

    Reading every waiting mail instead would hold others up: this happens under the write lock.
    """
    key = _table.c.idem_key
    starts = [form.format(one) for one in ids for form in forms]
    return or_(
        *(and_(key.between(start, f"{start}zzzz"), key.startswith(start)) for start in starts)
    )


def _empty(which: ColumnElement[bool]) -> None:
    values = {"state": State.EXPIRED.value, "blob": None, "leased_until": None}
    db.session.execute(update(_table).where(which, _table.c.blob.is_not(None)).values(values))
