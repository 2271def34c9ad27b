"""Reads a charge: where its money went since, and whom it was refused to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from donate.at_stripe.orders import REFUND
from donate.at_stripe.plain import Json, mark, moment
from donate.books.models import Kind, RefundState
from donate.facts import ChargeFacts, DisputeFacts, Movement, RefundFacts

# How a dispute ends (docs.stripe.com/api/disputes/object).
DISPUTE_OVER = {"won", "lost", "warning_closed", "prevented"}
RISKY = {"elevated", "highest"}
REFUND_STATES = {
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.CANCELED,
}


def charge_of(
    charges: list[Json], refunds: list[Json], disputes: list[Json], is_warned: bool
) -> ChargeFacts | None:
    """All attempts to pay one gift as the one that paid it; None where no money ever moved."""
    paid = paying(charges)
    if paid is None:
        return None
    details = paid.get("payment_method_details") or {}
    risk = (paid.get("outcome") or {}).get("risk_level")
    return ChargeFacts(
        id=paid["id"],
        card_country=(details.get("card") or {}).get("country") or "",
        is_suspicious=is_warned or risk in RISKY,
        movements=tuple(_movements(charges, refunds, disputes)),
        refunds=tuple(_refund(one) for one in refunds),
        disputes=tuple(_dispute(one) for one in disputes),
    )


def paying(charges: list[Json]) -> Json | None:
    """The first charge that paid, or whose money came and went again; newest first."""
    paid = [one for one in charges if one.get("status") == "succeeded"]
    credited = [one for one in charges if one.get("balance_transaction")]
    return next(reversed(paid), next(reversed(credited), None))


def paid_at(charges: list[Json]) -> datetime | None:
    """When the charge that paid was made; a bank debit took days from then."""
    paid = paying(charges)
    return moment(paid["created"]) if paid else None


def _movements(
    charges: list[Json], refunds: list[Json], disputes: list[Json]
) -> Iterable[Movement]:
    for charge in charges:
        yield from _two(charge, Kind.GIFT, Kind.GIFT_RETURNED)
    for refund in refunds:
        yield from _two(refund, Kind.REFUND, Kind.REFUND_RETURNED)
    for dispute in disputes:
        for line in dispute.get("balance_transactions") or []:
            kind = Kind.DISPUTE_RETURNED if line["amount"] > 0 else Kind.DISPUTE
            yield _movement(line, kind, dispute["id"])


def _two(source: Json, there: Kind, back: Kind) -> Iterable[Movement]:
    """Stripe may take a moment to show the first; the second comes when something failed."""
    for name, kind in (("balance_transaction", there), ("failure_balance_transaction", back)):
        if line := source.get(name):
            yield _movement(line, kind, source["id"])


def _movement(line: Json, kind: Kind, source_id: str) -> Movement:
    return Movement(
        id=line["id"],
        kind=kind,
        source_id=source_id,
        gross_minor=line["amount"],
        fee_minor=line["fee"],
        currency=line["currency"].upper(),
        day=moment(line["created"]).date(),
    )


def _refund(refund: Json) -> RefundFacts:
    return RefundFacts(
        id=refund["id"],
        refund_id=mark(refund, REFUND),
        amount_minor=refund["amount"],
        currency=refund["currency"].upper(),
        state=REFUND_STATES.get(refund.get("status") or "", RefundState.PENDING),
        day=moment(refund["created"]).date(),
    )


def _dispute(dispute: Json) -> DisputeFacts:
    """Open ones stand in the way of a refund."""
    return DisputeFacts(
        id=dispute["id"],
        amount_minor=dispute["amount"],
        currency=dispute["currency"].upper(),
        reason=dispute["reason"],
        status=dispute["status"],
        is_open=dispute["status"] not in DISPUTE_OVER and not _is_question(dispute),
        day=moment(dispute["created"]).date(),
    )


def _is_question(dispute: Json) -> bool:
    """The bank only asks: no money has moved, and a refund may well be the answer."""
    return dispute["status"].startswith("warning_") or bool(dispute["is_charge_refundable"])


# A card that was refused


def is_by_card(charge: Json) -> bool:
    """A bank's refusal to pay a debit says nothing of who tried."""
    return (charge.get("payment_method_details") or {}).get("type") == "card"


def begins(intent: Json) -> bool:
    """Whether it may be the first payment of many: nothing else of ours is kept for later use."""
    return intent.get("setup_future_usage") == "off_session"


def refused_email(intent: Json) -> str | None:
    """The address that was typed beside the card that was refused."""
    method = (intent.get("last_payment_error") or {}).get("payment_method") or {}
    email: str | None = (method.get("billing_details") or {}).get("email")
    return email


def refused_without_charge(intent: Json) -> str | None:
    """An attempt that failed before a charge was made, as 3-D Secure does; each try has a payment
    method of its own.
    """
    error = intent.get("last_payment_error") or {}
    method = error.get("payment_method") or {}
    if not error or error.get("charge") or method.get("type", "card") != "card":
        return None
    return f"{intent['id']}:{method.get('id', '')}"
