"""What staff change about gifts, each change with its line in the audit log."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from config.database import db
from donate import recurring
from donate import services as donations
from donate.books import goals
from donate.books import services as books
from donate.books.models import Refund
from donate.guard import services as guard
from donate.models import Donation, RecurringDonation
from donate.services import OfflineGift
from staff import audit
from staff.log import alerts


class NoGift(LookupError):
    """There is no gift of this id."""


class LeftChanged(Exception):
    """Something was given or taken back since the page was drawn."""


class CannotEnd(Exception):
    """It has ended, or is being ended."""


def request_refund(
    donation_id: uuid.UUID,
    amount_minor: int,
    reason: str,
    seen: str,
    actor: uuid.UUID,
    now: datetime,
) -> Refund:
    """Ask for a refund of what was seen to be left, in minor units; the worker makes it. Flushes.

    Raises NoGift, LeftChanged, RefundBlocked, RefundTooLarge.
    """
    donation = books.lock(donation_id)
    if donation is None:
        raise NoGift
    if str(books.left_minor(donation)) != seen:
        raise LeftChanged
    refund = books.request_refund(donation, amount_minor, reason, actor, now)
    audit.record(
        "donation.refund-requested",
        now,
        actor=actor,
        subject=("donation", donation.id),
        refund=str(refund.id),
        amount_minor=amount_minor,
        currency=donation.currency,
        reason=reason,
    )
    return refund


def release_gift(donation: Donation, email: str, actor: uuid.UUID, now: datetime) -> None:
    """Let a held gift be thanked for; no mail where the address is empty. Flushes.

    Raises NotHeld.
    """
    donations.release(donation, email, now)
    audit.record("donation.released", now, actor=actor, subject=("donation", donation.id))


def enter_gift(gift: OfflineGift, actor: uuid.UUID, now: datetime) -> Donation:
    """Write down a gift that came by transfer or in cash. Flushes.

    Raises AlreadyRecorded, VaultMissing.
    """
    donation = donations.record_offline(gift, now)
    audit.record(
        "donation.entered",
        now,
        actor=actor,
        subject=("donation", donation.id),
        method=gift.method,
        amount_minor=gift.amount_minor,
        currency=gift.currency,
        fund=donation.fund,
    )
    return donation


def end_recurring(recurring_id: uuid.UUID, actor: uuid.UUID, now: datetime) -> None:
    """Note that a recurring donation ends; the worker tells Stripe. Flushes.

    Raises NoGift, CannotEnd.
    """
    found = db.session.get(RecurringDonation, recurring_id)
    if found is None:
        raise NoGift
    if not recurring.end_by_staff(found, now):
        raise CannotEnd
    subject = ("recurring-donation", recurring_id)
    audit.record("recurring-donation.ended", now, actor=actor, subject=subject)


def set_goal(
    campaign: str, fund: str, amount_minor: int, currency: str, actor: uuid.UUID, now: datetime
) -> None:
    """Set or change what is hoped for, in minor units. Flushes."""
    goal_id = goals.set_goal(campaign, fund, currency, amount_minor)
    audit.record(
        "goal.set",
        now,
        actor=actor,
        subject=("goal", goal_id),
        campaign=campaign,
        fund=fund,
        amount_minor=amount_minor,
        currency=currency,
    )


def remove_goal(goal_id: uuid.UUID, actor: uuid.UUID, now: datetime) -> None:
    """Take a goal away; nothing where it has gone already. Flushes."""
    if gone := goals.remove_goal(goal_id):
        campaign, fund = gone
        subject = ("goal", goal_id)
        audit.record(
            "goal.removed", now, actor=actor, subject=subject, campaign=campaign, fund=fund
        )


def lift_guard(actor: uuid.UUID, now: datetime) -> datetime:
    """Say that it is no attack; until when that holds. Flushes."""
    until = guard.lift(now)
    words = until.strftime("%Y-%m-%d %H:%M UTC")
    audit.record("guard.lifted", now, actor=actor, subject=("guard", None), until=words)
    return until


def restore_guard(actor: uuid.UUID, now: datetime) -> None:
    """Take that back. Flushes."""
    guard.unlift(now)
    audit.record("guard.restored", now, actor=actor, subject=("guard", None))


def record_export(
    actor: uuid.UUID, count: int, filters: Mapping[str, str], sealed_for: str | None, now: datetime
) -> None:
    """Write down that somebody takes a table of gifts out, before it leaves, and tell others.

    Flushes. Raises VaultMissing.
    """
    more = {"recipient": sealed_for} if sealed_for else {}
    subject = ("donations", None)
    audit.record(
        "donations.exported", now, actor=actor, subject=subject, count=count, **filters, **more
    )
    alerts.tell_of_export("donations", count, now)
