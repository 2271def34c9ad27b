"""What Stripe says, as plain values: no object of the SDK goes further than the gateway.

Each look at Stripe gives the whole present state of one gift, so that whatever event led to it, in
whatever order, recording it ends in the same books.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date, datetime

from donate.books.models import Kind, RefundState
from donate.models import RecurringState, State


@dataclass(frozen=True)
class Movement:
    """One balance transaction: what a gift, refund or dispute did to the balance."""

    id: str
    kind: Kind
    source_id: str  # the charge, refund or dispute
    gross_minor: int  # signed, of the currency in which Stripe settles
    fee_minor: int
    currency: str
    day: date  # UTC


@dataclass(frozen=True)
class RefundFacts:
    """One refund of a charge."""

    id: str
    refund_id: uuid.UUID | None  # our row, by our mark; None: made in Stripe's dashboard
    amount_minor: int
    currency: str
    state: RefundState
    day: date


@dataclass(frozen=True)
class DisputeFacts:
    """One dispute of a charge."""

    id: str
    amount_minor: int
    currency: str
    reason: str
    status: str  # Stripe's word
    is_open: bool
    day: date


@dataclass(frozen=True)
class ChargeFacts:
    """The charge that paid a gift, with all that happened to it since."""

    id: str
    card_country: str  # ISO 3166, empty where Stripe says none
    is_suspicious: bool  # an early fraud warning, or a high risk in Stripe's eyes
    movements: tuple[Movement, ...] = ()
    refunds: tuple[RefundFacts, ...] = ()
    disputes: tuple[DisputeFacts, ...] = ()


@dataclass(frozen=True)
class Payer:
    """Who paid, as Stripe was told."""

    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    country: str | None = None


@dataclass(frozen=True)
class PaymentFacts:
    """One gift: a Checkout Session in mode `payment`, or one invoice of a recurring donation."""

    asked_at: datetime
    state: State
    amount_minor: int
    currency: str
    donation_id: uuid.UUID | None = None  # our mark; None for an invoice, or what is not ours
    session_id: str | None = None
    invoice_id: str | None = None
    recurring_id: uuid.UUID | None = None  # our mark on the subscription
    subscription_id: str | None = None
    payment_intent_id: str | None = None
    payer: Payer = Payer()
    charge: ChargeFacts | None = None  # None: nothing was charged (yet)
    paid_at: datetime | None = None  # UTC; None while it is not paid


@dataclass(frozen=True)
class Trouble:
    """A renewal that the donor must mend."""

    invoice_id: str
    needs_authentication: bool  # else the card failed
    attempts: int  # how often Stripe has tried
    url: str  # Stripe's page to pay this invoice on
    due_on: date | None = None  # the day of the invoice, UTC


@dataclass(frozen=True)
class RecurringFacts:
    """One subscription, or the session in mode `subscription` that has not led to one."""

    asked_at: datetime
    state: RecurringState
    recurring_id: uuid.UUID | None = None  # our mark
    session_id: str | None = None
    subscription_id: str | None = None
    customer_id: str | None = None
    amount_minor: int = 0
    currency: str = ""
    next_on: date | None = None
    ends_on: date | None = None
    ended_unpaid: bool = False  # Stripe gave up on its payments
    trouble: Trouble | None = None
    payer: Payer = Payer()
    started_at: datetime | None = None  # UTC; None before the first payment
    ended_at: datetime | None = None  # UTC


@dataclass(frozen=True)
class DeclineFacts:
    """A card that was refused on Stripe's page or at a renewal."""

    attempt_id: str  # the charge, or intent and time where there is none
    session_id: str | None  # the open session, which may be ended
    gift_id: uuid.UUID | None  # single or recurring donation, by our mark
    at: datetime


Facts = PaymentFacts | RecurringFacts | DeclineFacts
