"""What Stripe lists: events, sessions, and the lines of the balance."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from donate.at_stripe.orders import DONATION, RECURRING
from donate.at_stripe.plain import Json, id_of, mark, moment

# Balance transactions that are ours to book (docs.stripe.com/reports/balance-transaction-types);
# those of disputes are told from other adjustments by the category of reports.
BOOKED = {
    *("charge", "payment", "payment_failure_refund"),
    *("refund", "payment_refund", "refund_failure"),
}
DISPUTE_CATEGORIES = {"dispute", "dispute_reversal"}


@dataclass(frozen=True)
class Event:
    """A verified event: a hint to look, never a source of facts."""

    id: str
    type: str
    object_id: str  # empty where the object has none, as that of balance.available
    livemode: bool
    created_at: datetime


class MarkedSession(NamedTuple):
    """A Checkout Session of ours, whether or not we ever heard of its id."""

    id: str
    gift_id: uuid.UUID
    is_recurring: bool


@dataclass(frozen=True)
class BalanceLine:
    """One balance transaction, to compare with the ledger; of another shop's too, if there is."""

    id: str
    type: str  # Stripe's word
    source_id: str  # the charge, refund or dispute
    charge_id: str  # what to look at
    gross_minor: int
    fee_minor: int
    currency: str
    created_at: datetime


def read_event(told: Any) -> Event:
    return Event(
        id=told["id"],
        type=told["type"],
        object_id=told["data"]["object"].get("id") or "",
        livemode=told["livemode"],
        created_at=moment(told["created"]),
    )


def read_session(session: Json) -> MarkedSession | None:
    for name in (DONATION, RECURRING):
        if gift_id := mark(session, name):
            return MarkedSession(session["id"], gift_id, name == RECURRING)
    return None


def read_line(line: Json) -> BalanceLine | None:
    """Its source must be shown whole; None for payouts, Stripe's own fees and the like."""
    is_dispute = line["type"] == "adjustment" and line["reporting_category"] in DISPUTE_CATEGORIES
    if line["type"] not in BOOKED and not is_dispute:
        return None
    source = line.get("source") or {}
    charge = source if source.get("object") == "charge" else source.get("charge")
    return BalanceLine(
        id=line["id"],
        type=line["type"],
        source_id=source.get("id") or "",
        charge_id=id_of(charge) or "",
        gross_minor=line["amount"],
        fee_minor=line["fee"],
        currency=line["currency"].upper(),
        created_at=moment(line["created"]),
    )
