"""What pages and staff read of donations. Sums come from the counts, never from the rows."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, exists, select, union

from config.database import db
from contacts import tally
from contacts.models import Tally, TallyDelta
from donate.models import Donation, StripeEvent

PAGE = 50
COUNT, AMOUNT = "donation.count.", "donation.amount."


@dataclass(frozen=True)
class Checkout:
    """A gift as the person who comes back from Stripe may see it."""

    state: str
    amount_minor: int
    currency: str
    fund: str


@dataclass(frozen=True)
class Month:
    """What was paid in one month (UTC), in one currency."""

    month: str  # 2026-11
    count: int
    amount_minor: int


@dataclass(frozen=True)
class Total:
    """What was paid for one fund in one currency."""

    currency: str
    fund: str
    count: int
    amount_minor: int


@dataclass(frozen=True)
class DonationFilter:
    """Which donations to list; an empty field leaves nothing out."""

    state: str = ""
    currency: str = ""
    fund: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class DonationPage:
    """One page of the list, newest first."""

    donations: list[Donation]
    number: int
    has_next: bool


def is_known_event(event_id: str) -> bool:
    """Whether an event of Stripe's was dealt with."""
    return bool(db.session.scalar(select(exists().where(StripeEvent.id == event_id))))


def find_checkout(session_id: str) -> Checkout | None:
    """The gift of a session; None where there is none."""
    row = db.session.execute(
        select(Donation.state, Donation.amount_minor, Donation.currency, Donation.fund).where(
            Donation.stripe_session_id == session_id
        )
    ).one_or_none()
    return None if row is None else Checkout(*row)


def find_donation(donation_id: uuid.UUID) -> Donation | None:
    """One donation."""
    return db.session.get(Donation, donation_id)


def donations_of(contact_id: uuid.UUID) -> list[Donation]:
    """Everything one person gave, newest first."""
    rows = db.session.scalars(
        select(Donation)
        .where(Donation.contact_id == contact_id)
        .order_by(Donation.created_at.desc())
    )
    return list(rows)


def list_donations(chosen: DonationFilter, number: int = 1) -> DonationPage:
    """A page of the donations that fit; the first page is number 1."""
    newest_first = _filtered(chosen).order_by(Donation.created_at.desc(), Donation.id)
    rows = list(db.session.scalars(newest_first.offset((number - 1) * PAGE).limit(PAGE + 1)))
    return DonationPage(rows[:PAGE], number, len(rows) > PAGE)


def donation_currencies() -> list[str]:
    """Every currency in which something was paid, also those no longer offered."""
    kinds = union(
        select(Tally.kind).where(Tally.kind.startswith(COUNT)),
        select(TallyDelta.kind).where(TallyDelta.kind.startswith(COUNT)),
    )
    return sorted(kind.removeprefix(COUNT) for kind in db.session.scalars(kinds))


def donations_by_month(currency: str, fund: str | None = None) -> list[Month]:
    """What was paid month by month, oldest first."""
    counts = _by_month(COUNT + currency, fund)
    amounts = _by_month(AMOUNT + currency, fund)
    return [Month(month, counts[month], amounts[month]) for month in sorted(counts)]


def donation_totals() -> list[Total]:
    """What was paid in all, by currency and fund."""
    totals = []
    for currency in donation_currencies():
        amounts = tally.totals(AMOUNT + currency)
        counts = sorted(tally.totals(COUNT + currency).items())
        totals += [Total(currency, fund, n, amounts.get(fund, 0)) for fund, n in counts]
    return totals


def _by_month(kind: str, fund: str | None) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for day, n in tally.by_day(kind, fund).items():
        sums[day[:7]] += n
    return sums


def _filtered(chosen: DonationFilter) -> Select[Donation]:
    statement = select(Donation)
    equal = {
        Donation.state: chosen.state,
        Donation.currency: chosen.currency,
        Donation.fund: chosen.fund,
    }
    for column, value in equal.items():
        if value:
            statement = statement.where(column == value)
    if chosen.since:
        statement = statement.where(Donation.day >= chosen.since)
    if chosen.until:
        statement = statement.where(Donation.day <= chosen.until)
    return statement
