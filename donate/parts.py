"""What giving keeps of a person. Gifts stay in the accounts; who gave can be taken out of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select, update

from config.database import db
from config.languages import current_language
from contacts.models import Contact
from contacts.parts import Entry, SealedColumn
from donate import recurring
from donate.funds import fund_name
from donate.giving import queries
from donate.giving.queries import Gift, Recurring
from donate.models import Donation, RecurringDonation
from mail import traces

DONATION, RECURRING = "donation", "recurring"
MODELS: tuple[type[Any], ...] = (Donation, RecurringDonation)
# Whoever gave, and what they wrote or wished for; amounts, days and Stripe's ids are the accounts'.
WITHOUT_PERSON = {
    "contact_id": None,
    "sealed": None,
    "dedication": None,
    "dedication_note": None,
    "newsletter_hash": None,
}


def without_person(model: type[Any]) -> dict[str, Any]:
    """What to change so that nobody is known any more, but that their mails stay discreet."""
    wished = exists().where(Contact.id == model.contact_id, Contact.is_discreet).correlate(model)
    return {**WITHOUT_PERSON, "is_discreet": or_(model.is_discreet, wished)}


class GivingPart:
    """Gifts and recurring gifts."""

    kinds: tuple[str, ...] = (DONATION, RECURRING)
    sealed = tuple(
        SealedColumn(model, column, table)
        for model in MODELS
        for column, table in (
            ("sealed", model.__tablename__),
            ("dedication", f"{model.__tablename__}.dedication"),
        )
    )

    def entries(self, contact_id: uuid.UUID) -> list[Entry]:
        """Recurring gifts first, then the gifts, each the newest first."""
        language = current_language()
        return [
            *(_recurring_entry(one, language) for one in queries.recurring_of(contact_id)),
            *(_gift_entry(gift, language) for gift in queries.gifts_of(contact_id)),
        ]

    def withdraw(
        self, kind: str, entry_id: uuid.UUID, contact_id: uuid.UUID, now: datetime
    ) -> bool:
        """End a recurring gift: Stripe is told by the worker, the row stays. Flushes.

        A gift that was made stands in the accounts and is not taken back here.
        """
        if kind != RECURRING or queries.one_recurring(contact_id, entry_id) is None:
            return False
        return recurring.end_by_donor(db.session.get_one(RecurringDonation, entry_id), now)

    def move(self, from_id: uuid.UUID, to_id: uuid.UUID, now: datetime) -> None:
        """Hang the gifts on another contact. Flushes."""
        for model in MODELS:
            _update(model, model.contact_id == from_id, {"contact_id": to_id})

    def erase(self, contact_ids: Sequence[uuid.UUID], now: datetime) -> None:
        """Take the persons out of the accounts; what recurs ends, and the worker tells Stripe.

        Nobody could end it later: the private link goes with the contact. Flushes.
        """
        recurring.end_by_erasure(contact_ids)
        for model in MODELS:
            theirs = model.contact_id.in_(contact_ids)
            traces.empty_of_gifts(db.session.scalars(select(model.id).where(theirs)).all())
            _update(model, theirs, without_person(model))

    def keeps(self) -> ColumnElement[bool]:
        """Any gift keeps its contact, until the time for which donors are kept is over."""
        return or_(*(exists().where(model.contact_id == Contact.id) for model in MODELS))


def _update(model: type[Any], condition: ColumnElement[bool], values: dict[str, Any]) -> None:
    statement = update(model).where(condition).values(values)
    db.session.execute(statement, execution_options={"synchronize_session": "fetch"})


def _gift_entry(gift: Gift, language: str) -> Entry:
    return Entry(
        kind=DONATION,
        id=gift.id,
        subject=fund_name(gift.fund, language),
        state=gift.state,
        day=gift.day,
        language=language,
        can_withdraw=False,
        amount_minor=gift.amount_minor,
        currency=gift.currency,
    )


def _recurring_entry(one: Recurring, language: str) -> Entry:
    return Entry(
        kind=RECURRING,
        id=one.id,
        subject=fund_name(one.fund, language),
        state=one.state,
        day=one.began_on,
        language=language,
        can_withdraw=not one.is_over,
        amount_minor=one.amount_minor,
        currency=one.currency,
    )


part = GivingPart()
