"""Builders of gifts with their books, as recording leaves them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select

from config.database import db
from contacts.services import add_contact
from donate import counts
from donate.books.models import Dispute, Kind, LedgerLine, Refund, RefundState
from donate.models import Donation, RecurringDonation
from donate.notes import add_dedication
from staff.models import AuditEvent
from tests.support.moments import NOW
from vault.services import vault

NOON = time(12, tzinfo=UTC)


def audited(app: Flask, action: str) -> list[AuditEvent]:
    """The events of one kind, the oldest first."""
    with app.app_context():
        events = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.seq)
        return list(db.session.scalars(events))


@dataclass
class Gifts:
    """Makes gifts, refunds, disputes and recurring donations in one installation."""

    app: Flask

    def create(self, amount_minor: int = 2500, days_ago: int = 0, **more: Any) -> uuid.UUID:
        """A gift, paid unless told otherwise; settled in euros with a fee where it came online."""
        day = NOW.date() - timedelta(days=days_ago)
        email, name = more.pop("email", ""), more.pop("name", "")
        fee, dedication = more.pop("fee_minor", 100), more.pop("dedication", None)
        settled = more.pop("settled", None)
        given = {
            "id": uuid.uuid4(),
            "amount_minor": amount_minor,
            "currency": "EUR",
            "fund": "families",
            "language": "en",
            "state": "paid",
            "method": "online",
            "day": day,
            "created_at": datetime.combine(day, NOON),
            **more,
        }
        if given["state"] == "paid":
            given.setdefault("paid_at", datetime.combine(day, NOON))
        with self.app.app_context():
            gift = Donation(**given)
            self._seal(gift, name, email, day)
            if dedication:
                add_dedication(gift, dedication)
            db.session.add(gift)
            db.session.flush()
            if gift.state == "paid":
                self._book(gift, day, fee, settled)
            db.session.commit()
        made: uuid.UUID = given["id"]
        return made

    def refund(self, gift_id: uuid.UUID, amount_minor: int, state: str, **more: Any) -> uuid.UUID:
        """A refund of it, counted and booked where it is on its way."""
        refund_id = uuid.uuid4()
        with self.app.app_context():
            gift = self._gift(gift_id)
            db.session.add(
                Refund(
                    id=refund_id,
                    donation_id=gift_id,
                    amount_minor=amount_minor,
                    currency=gift.currency,
                    reason=more.get("reason", "donor-asked"),
                    state=state,
                    code=more.get("code", ""),
                    requested_by=more.get("requested_by"),
                    created_at=NOW,
                    day=NOW.date(),
                )
            )
            if state in {RefundState.PENDING, RefundState.SUCCEEDED}:
                counts.count_refunded(gift, amount_minor, NOW.date())
                self._line(gift, Kind.REFUND, -amount_minor, 0, NOW.date())
            db.session.commit()
        return refund_id

    def dispute(self, gift_id: uuid.UUID, status: str = "needs_response", **more: Any) -> None:
        """A dispute over all of it."""
        with self.app.app_context():
            gift = self._gift(gift_id)
            amount = more.get("amount_minor", gift.amount_minor)
            db.session.add(
                Dispute(
                    donation_id=gift_id,
                    amount_minor=amount,
                    currency=gift.currency,
                    reason="fraudulent",
                    status=status,
                    is_open=status in {"needs_response", "under_review"},
                    stripe_dispute_id=f"du_{uuid.uuid4().hex}",
                    day=NOW.date(),
                    asked_at=NOW,
                )
            )
            if status != "won" and not status.startswith("warning"):
                counts.count_disputed(gift, amount, gift.currency, NOW.date())
                self._line(gift, Kind.DISPUTE, -amount, 1500, NOW.date())
            db.session.commit()

    def create_recurring(self, state: str = "active", **more: Any) -> uuid.UUID:
        """A recurring donation."""
        email, name = more.pop("email", ""), more.pop("name", "")
        dedication = more.pop("dedication", None)
        given = {
            "id": uuid.uuid4(),
            "amount_minor": 1000,
            "currency": "EUR",
            "fund": "legal-help",
            "frequency": "month",
            "language": "en",
            "state": state,
            "day": NOW.date(),
            "created_at": NOW,
            "stripe_subscription_id": f"sub_{uuid.uuid4().hex}",
            **more,
        }
        with self.app.app_context():
            recurring = RecurringDonation(**given)
            self._seal(recurring, name, email, NOW.date())
            if dedication:
                add_dedication(recurring, dedication)
            db.session.add(recurring)
            db.session.commit()
        made: uuid.UUID = given["id"]
        return made

    def _seal(self, gift: Any, name: str, email: str, day: date) -> None:
        if name or email:
            details = {"name": name or None, "email": email or None, "country": "LT"}
            gift.sealed = vault().seal(gift.__tablename__, gift.id, details)
        if email:
            gift.contact_id = add_contact(email, "en", "confirmed", day)

    def _book(
        self, gift: Donation, day: date, fee_minor: int, settled: tuple[int, str] | None
    ) -> None:
        counts.count_paid(gift, day)
        gross, currency = settled or (gift.amount_minor, gift.currency)
        fee = fee_minor if gift.method == "online" else 0
        self._line(gift, Kind.GIFT, gross, fee, day, currency)

    def _line(
        self, gift: Donation, kind: Kind, gross: int, fee: int, day: date, currency: str = ""
    ) -> None:
        line = LedgerLine(
            id=uuid.uuid4(),
            donation_id=gift.id,
            kind=kind,
            gross_minor=gross,
            fee_minor=fee,
            currency=currency or gift.currency,
            day=day,
            stripe_balance_transaction_id=f"txn_{uuid.uuid4().hex}",
        )
        db.session.add(line)
        counts.count_line(gift, line)

    def _gift(self, gift_id: uuid.UUID) -> Donation:
        found = db.session.get(Donation, gift_id)
        assert found
        return found
