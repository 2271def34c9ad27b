"""What happened to a charge, written down once: ledger lines, refunds, disputes, and their counts.

The caller holds the lock of the donation's row (on SQLite the write lock), so that what is found
to be new here is new.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select

from config.database import db, insert_or_update
from donate import counts
from donate.books.models import Dispute, Kind, LedgerLine, Refund, RefundState
from donate.facts import ChargeFacts, DisputeFacts, Movement, RefundFacts
from donate.models import Donation, Method, State

# How far a refund has come; Stripe never goes back.
_RANK = {
    RefundState.REQUESTED: 0,
    RefundState.REFUSED: 1,
    RefundState.PENDING: 2,
    RefundState.SUCCEEDED: 3,
    RefundState.FAILED: 4,
    RefundState.CANCELED: 4,
}
_ON_ITS_WAY = (RefundState.PENDING, RefundState.SUCCEEDED)
_HELD_BACK = (RefundState.REQUESTED, *_ON_ITS_WAY)


class RefundBlocked(Exception):
    """A dispute is open: the bank decides, and a refund would give the money twice."""


class RefundTooLarge(Exception):
    """More than is left of the gift."""

    def __init__(self, left_minor: int) -> None:
        super().__init__(type(self).__name__)
        self.left_minor = left_minor


def record_charge(donation: Donation, charge: ChargeFacts, asked_at: datetime) -> list[Refund]:
    """Write down what is new about the charge of a locked donation; the refunds newly on their way.

    Any number of times, in any order: the same in the end. Flushes.
    """
    for movement in charge.movements:
        _record_movement(donation, movement)
    for dispute in charge.disputes:
        _record_dispute(donation, dispute, asked_at)
    recorded = [_record_refund(donation, refund, asked_at) for refund in charge.refunds]
    db.session.flush()
    return [refund for refund in recorded if refund is not None]


def request_refund(
    donation: Donation,
    amount_minor: int,
    reason: str,
    requested_by: uuid.UUID | None,
    now: datetime,
) -> Refund:
    """Write down that money is to go back; the worker asks Stripe for it. Flushes.

    A gift that never went through Stripe is given back by hand, so it is booked at once.
    Raises RefundBlocked, RefundTooLarge.
    """
    lock(donation.id)
    if db.session.scalar(
        select(Dispute.id).where(Dispute.donation_id == donation.id, Dispute.is_open).limit(1)
    ):
        raise RefundBlocked
    left = left_minor(donation)
    if not 0 < amount_minor <= left:
        raise RefundTooLarge(left)
    refund = Refund(
        id=uuid.uuid4(),
        donation_id=donation.id,
        amount_minor=amount_minor,
        currency=donation.currency,
        reason=reason,
        state=RefundState.REQUESTED,
        requested_by=requested_by,
        created_at=now,
        day=now.date(),
    )
    db.session.add(refund)
    if donation.method != Method.ONLINE:
        refund.state = RefundState.SUCCEEDED
        counts.count_refunded(donation, amount_minor, refund.day)
        add_offline_line(donation, Kind.REFUND, -amount_minor, refund.day)
    db.session.flush()
    return refund


def left_minor(donation: Donation) -> int:
    """What can still go back: less refunds asked for and made, and disputes that are not won."""
    if donation.state != State.PAID:
        return 0
    refunded = select(func.sum(Refund.amount_minor)).where(
        Refund.donation_id == donation.id, Refund.state.in_(_HELD_BACK)
    )
    disputes = select(Dispute).where(Dispute.donation_id == donation.id)
    disputed = sum(
        dispute.amount_minor
        for dispute in db.session.scalars(disputes)
        if counts_as_disputed(dispute)
    )
    left = donation.amount_minor - int(db.session.scalar(refunded) or 0) - disputed
    return max(left, 0)


def lock(donation_id: uuid.UUID) -> Donation | None:
    """A donation as it stands now, its row locked until the transaction ends."""
    return lock_where(Donation.id == donation_id)


def lock_where(where: ColumnElement[bool]) -> Donation | None:
    """The same, found by something else that is unique."""
    return db.session.scalar(
        select(Donation)
        .where(where)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def add_offline_line(donation: Donation, kind: Kind, gross_minor: int, day: date) -> None:
    """A movement of money that Stripe knows nothing of."""
    line = LedgerLine(
        id=uuid.uuid4(),
        donation_id=donation.id,
        kind=kind,
        gross_minor=gross_minor,
        fee_minor=0,
        currency=donation.currency,
        day=day,
    )
    db.session.add(line)
    counts.count_line(donation, line)


def counts_as_disputed(dispute: Dispute | DisputeFacts) -> bool:
    """Whether the money is gone: an inquiry takes none, and a dispute that is won gives it back."""
    return dispute.status not in {"won", "prevented"} and not dispute.status.startswith("warning_")


def _record_movement(donation: Donation, movement: Movement) -> None:
    """Add the line of one balance transaction, unless it is there."""
    added = db.session.execute(
        insert_or_update(LedgerLine)
        .values(
            id=uuid.uuid4(),
            donation_id=donation.id,
            kind=movement.kind,
            gross_minor=movement.gross_minor,
            fee_minor=movement.fee_minor,
            currency=movement.currency,
            day=movement.day,
            stripe_balance_transaction_id=movement.id,
            stripe_source_id=movement.source_id,
        )
        .on_conflict_do_nothing(index_elements=["stripe_balance_transaction_id"])
        .returning(LedgerLine.id)
    ).first()
    if added:
        counts.count_line(donation, movement)


def _record_refund(donation: Donation, told: RefundFacts, asked_at: datetime) -> Refund | None:
    """Move a refund forward; the refund itself where it is seen on its way for the first time."""
    refund = _find_refund(donation, told)
    before = RefundState(refund.state) if refund else None
    if refund is None:
        refund = _add_refund(donation, told, asked_at)
    elif _RANK[told.state] > _RANK[RefundState(refund.state)]:
        refund.state, refund.code = told.state, ""
        refund.stripe_refund_id = told.id
    was, is_now = before in _ON_ITS_WAY, refund.state in _ON_ITS_WAY
    if was != is_now:
        sign = 1 if is_now else -1
        counts.count_refunded(donation, sign * refund.amount_minor, refund.day)
    return refund if is_now and not was else None


def _find_refund(donation: Donation, told: RefundFacts) -> Refund | None:
    """By Stripe's id, or by our mark where the row does not know that id yet."""
    of_gift = select(Refund).where(Refund.donation_id == donation.id)
    found = db.session.scalar(of_gift.where(Refund.stripe_refund_id == told.id))
    if found is None and told.refund_id is not None:
        unknown = Refund.stripe_refund_id.is_(None)
        found = db.session.scalar(of_gift.where(Refund.id == told.refund_id, unknown))
    return found


def _add_refund(donation: Donation, told: RefundFacts, asked_at: datetime) -> Refund:
    """A refund that was made in Stripe's dashboard."""
    refund = Refund(
        id=uuid.uuid4(),
        donation_id=donation.id,
        amount_minor=told.amount_minor,
        currency=told.currency,
        reason="stripe",
        state=told.state,
        stripe_refund_id=told.id,
        created_at=asked_at,
        day=told.day,
    )
    db.session.add(refund)
    return refund


def _record_dispute(donation: Donation, told: DisputeFacts, asked_at: datetime) -> None:
    """Note where a dispute stands, unless a later look has said so."""
    dispute = db.session.scalar(select(Dispute).where(Dispute.stripe_dispute_id == told.id))
    if dispute is not None and asked_at < dispute.asked_at:
        return
    was = dispute.amount_minor if dispute and counts_as_disputed(dispute) else 0
    if dispute is None:
        dispute = Dispute(
            id=uuid.uuid4(), donation_id=donation.id, stripe_dispute_id=told.id, day=told.day
        )
        db.session.add(dispute)
    dispute.amount_minor, dispute.currency = told.amount_minor, told.currency
    dispute.reason, dispute.status = told.reason[:40], told.status[:40]
    dispute.is_open, dispute.asked_at = told.is_open, asked_at
    is_now = told.amount_minor if counts_as_disputed(told) else 0
    if was != is_now:
        counts.count_disputed(donation, is_now - was, told.currency, dispute.day)
