"""Gifts as staff see them: figures, states and ids, the newest first; who gave stays sealed."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Date, Select, Uuid, and_, func, literal, or_, select, tuple_

from config.database import db
from donate.books.models import Dispute, LedgerLine, Refund
from donate.books.services import left_minor
from donate.books.totals import IS_DISPUTED, REFUNDED, Settled
from donate.models import Donation, Method, RecurringDonation, Review, State
from staff.people.deeds import parse_place

PAGE = 50
# A dispute, or a bank's question before one: lost where nobody answers it at Stripe in time.
AWAITS_ANSWER = Dispute.status.in_(("needs_response", "warning_needs_response"))


@dataclass(frozen=True)
class GiftRow:
    """One gift as the database has it; values, so that they outlast the transaction."""

    id: uuid.UUID
    day: date
    paid_at: datetime | None
    state: str
    method: str
    review: str
    amount_minor: int
    fee_cover_minor: int
    currency: str
    fund: str
    campaign: str
    frequency: str
    language: str
    card_country: str
    reference: str | None
    recurring_id: uuid.UUID | None
    stripe_payment_intent_id: str | None
    stripe_charge_id: str | None

    @property
    def place(self) -> str:
        """Where in the order it stands, as an address says it."""
        return f"{self.day.isoformat()}.{self.id.hex}"

    @property
    def paid_on(self) -> date | None:
        """The day on which the totals count it (UTC); None where nothing was paid."""
        return paid_on(self)


@dataclass
class Sums:
    """What became of one gift's money: in its own currency, and as it was settled."""

    refunded_minor: int = 0
    disputed_minor: int = 0
    settled: list[Settled] = field(default_factory=list)


@dataclass(frozen=True)
class GiftFilters:
    """Which gifts; what is empty filters nothing."""

    state: str = ""
    fund: str = ""
    currency: str = ""
    method: str = ""
    review: str = ""
    month: str = ""  # 2026-03: when it was paid, or begun where it was not

    def chosen(self) -> dict[str, str]:
        """The filters that are set, by name."""
        return {name: value for name, value in vars(self).items() if value}


@dataclass(frozen=True)
class Gift:
    """One gift with everything that happened to it."""

    donation: Donation
    lines: list[LedgerLine]
    refunds: list[Refund]
    disputes: list[Dispute]
    recurring: RecurringDonation | None
    left_minor: int  # what can still be given back, of the gift's currency

    @property
    def paid_on(self) -> date | None:
        """The day on which the totals count it (UTC); None where nothing was paid."""
        return paid_on(self.donation)

    @property
    def settled(self) -> list[Settled]:
        """The sum of the lines, by currency."""
        sums: dict[str, Settled] = {}
        for line in self.lines:
            before = sums.get(line.currency, Settled(line.currency, 0, 0))
            gross, fee = before.gross_minor + line.gross_minor, before.fee_minor + line.fee_minor
            sums[line.currency] = Settled(line.currency, gross, fee)
        return list(sums.values())

    @property
    def is_disputed(self) -> bool:
        """Whether a dispute is open, so that nothing may be given back now."""
        return any(dispute.is_open for dispute in self.disputes)


def paid_on(gift: GiftRow | Donation) -> date | None:
    """The day on which the totals count a gift (UTC); None where nothing was paid.

    What came by transfer or in cash counts on the day on which it came.
    """
    if gift.state != State.PAID or gift.paid_at is None:
        return None
    return gift.paid_at.date() if gift.method == Method.ONLINE else gift.day


def page_of_gifts(filters: GiftFilters, after: str = "", size: int = PAGE) -> list[GiftRow]:
    """The next `size` gifts after a place in the order, and one more where there is one."""
    rows = _narrowed(select(*_COLUMNS), filters)
    if place := parse_place(after):
        last = tuple_(literal(place[0], Date()), literal(place[1], Uuid()))
        rows = rows.where(tuple_(Donation.day, Donation.id) < last)
    rows = rows.order_by(Donation.day.desc(), Donation.id.desc()).limit(size + 1)
    return [GiftRow(*row) for row in db.session.execute(rows)]


def rows_of(*conditions: Any) -> list[GiftRow]:
    """All gifts of which something is true, the newest first."""
    rows = select(*_COLUMNS).where(*conditions)
    rows = rows.order_by(Donation.day.desc(), Donation.id.desc())
    return [GiftRow(*row) for row in db.session.execute(rows)]


def all_gifts(filters: GiftFilters, size: int = 500) -> Iterator[list[tuple[GiftRow, Sums]]]:
    """Every gift with its sums, batch by batch, each read in a transaction of its own."""
    after = ""
    while True:
        rows = page_of_gifts(filters, after, size)
        batch = rows[:size]
        sums = sums_of([row.id for row in batch])
        db.session.rollback()
        if batch:
            yield [(row, sums[row.id]) for row in batch]
        if len(rows) <= size:
            return
        after = batch[-1].place


def count_gifts(filters: GiftFilters) -> int:
    """How many gifts there are."""
    return db.session.scalar(_narrowed(select(func.count(Donation.id)), filters)) or 0


def sums_of(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Sums]:
    """What was given back, taken back and settled of each gift, in three statements."""
    sums: dict[uuid.UUID, Sums] = defaultdict(Sums)
    back = (Refund.donation_id, func.sum(Refund.amount_minor))
    refunds = select(*back).where(Refund.donation_id.in_(ids), Refund.state.in_(REFUNDED))
    for gift, n in db.session.execute(refunds.group_by(Refund.donation_id)):
        sums[gift].refunded_minor = int(n)
    taken = (Dispute.donation_id, func.sum(Dispute.amount_minor))
    disputes = select(*taken).where(Dispute.donation_id.in_(ids), IS_DISPUTED)
    for gift, n in db.session.execute(disputes.group_by(Dispute.donation_id)):
        sums[gift].disputed_minor = int(n)
    by = (LedgerLine.donation_id, LedgerLine.currency)
    moved = (func.sum(LedgerLine.gross_minor), func.sum(LedgerLine.fee_minor))
    lines = select(*by, *moved).where(LedgerLine.donation_id.in_(ids)).group_by(*by).order_by(*by)
    for gift, currency, gross, fee in db.session.execute(lines):
        sums[gift].settled.append(Settled(currency, int(gross), int(fee)))
    return sums


def find_gift(donation_id: uuid.UUID) -> Gift | None:
    """One gift with its lines, refunds and disputes, the oldest first; None where there is none."""
    donation = db.session.get(Donation, donation_id)
    if donation is None:
        return None
    recurring = donation.recurring_id and db.session.get(RecurringDonation, donation.recurring_id)
    return Gift(
        donation,
        _all_of(LedgerLine, donation_id, LedgerLine.day, LedgerLine.id),
        _all_of(Refund, donation_id, Refund.created_at, Refund.id),
        _all_of(Dispute, donation_id, Dispute.day, Dispute.id),
        recurring or None,
        left_minor(donation),
    )


def held_gifts(size: int = PAGE) -> list[GiftRow]:
    """Gifts that wait for somebody to look at them, the newest first; at most `size`."""
    return page_of_gifts(GiftFilters(review=Review.HELD), size=size)[:size]


def disputed_gifts() -> list[GiftRow]:
    """Gifts whose dispute somebody should answer at Stripe, the newest first."""
    return rows_of(Donation.id.in_(select(Dispute.donation_id).where(AWAITS_ANSWER)))


def first_month() -> str:
    """The month of the oldest gift, as 2026-03; empty where there is none."""
    oldest = db.session.scalar(select(func.min(Donation.day)))
    return oldest.isoformat()[:7] if oldest else ""


_COLUMNS = [getattr(Donation, column.name) for column in fields(GiftRow)]


def _all_of(model: Any, donation_id: uuid.UUID, *order: Any) -> list[Any]:
    rows = select(model).where(model.donation_id == donation_id).order_by(*order)
    return list(db.session.scalars(rows))


def _narrowed(rows: Select[Any], filters: GiftFilters) -> Select[Any]:
    for name in ("state", "fund", "currency", "method", "review"):
        if value := getattr(filters, name):
            rows = rows.where(getattr(Donation, name) == value)
    return rows.where(_in_month(filters.month)) if filters.month else rows


def _in_month(month: str) -> Any:
    """Paid in that month (UTC), as the totals count it; begun in it where nothing was paid.

    What came by transfer or in cash counts on the day on which it came.
    """
    first = date.fromisoformat(f"{month}-01")
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    paid = [datetime(day.year, day.month, 1, tzinfo=UTC) for day in (first, after)]
    by_day = or_(Donation.paid_at.is_(None), Donation.method != Method.ONLINE)
    return or_(
        and_(~by_day, Donation.paid_at >= paid[0], Donation.paid_at < paid[1]),
        and_(by_day, Donation.day >= first, Donation.day < after),
    )
