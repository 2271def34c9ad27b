"""What the books say, without ids and times, so that two histories can be compared."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import select

from config.database import db
from contacts.models import Tally, TallyDelta
from demo.stripe.books import read_balance
from donate.books.models import Dispute, LedgerLine, Refund
from donate.models import Donation, RecurringDonation
from tests.unit.donate.desk import Desk

Books = dict[str, Any]

DONATION = (
    *("state", "amount_minor", "currency", "fund", "campaign", "frequency", "method", "review"),
    *("card_country", "fee_cover_minor"),
)
LINE = ("kind", "gross_minor", "fee_minor", "currency")
REFUND = ("amount_minor", "currency", "reason", "state", "code")
DISPUTE = ("amount_minor", "currency", "reason", "status", "is_open")
RECURRING = ("state", "amount_minor", "currency", "fund", "frequency", "end_reason")
# Whether it is there at all
KNOWN = ("stripe_session_id", "stripe_invoice_id", "stripe_charge_id", "recurring_id", "contact_id")
KNOWN_RECURRING = ("stripe_session_id", "stripe_subscription_id", "contact_id", "started_at")
KNOWN_RECURRING_TOO = ("ended_at", "next_on", "ends_on", "trouble_invoice_id")


def read_books(desk: Desk) -> Books:
    """The books, the counts and the mails as they are."""
    with desk.app.app_context():
        books: Books = {
            "donations": _rows(Donation, DONATION, KNOWN),
            "recurring": _rows(RecurringDonation, RECURRING, KNOWN_RECURRING + KNOWN_RECURRING_TOO),
            "ledger": _rows(LedgerLine, LINE),
            "refunds": _rows(Refund, REFUND, ("stripe_refund_id",)),
            "disputes": _rows(Dispute, DISPUTE),
            "counts": _counts(),
        }
        db.session.remove()
    return books | {"mails": _mails(desk)}


def our_balance(desk: Desk) -> dict[str, int]:
    """What our ledger makes of the balance at Stripe, by currency."""
    sums: dict[str, int] = defaultdict(int)
    with desk.app.app_context():
        for line in db.session.scalars(
            select(LedgerLine).where(LedgerLine.stripe_balance_transaction_id.is_not(None))
        ):
            sums[line.currency] += line.net_minor
        db.session.remove()
    return {currency: amount for currency, amount in sums.items() if amount}


def their_balance(desk: Desk) -> dict[str, int]:
    """GET /v1/balance, available and pending."""
    sums: dict[str, int] = defaultdict(int)
    balance = read_balance(desk.stand_in.account)
    for part in (*balance["available"], *balance["pending"]):
        sums[part["currency"].upper()] += part["amount"]
    return {currency: amount for currency, amount in sums.items() if amount}


def _rows(model: Any, values: tuple[str, ...], known: tuple[str, ...] = ()) -> list[Any]:
    return sorted(
        (
            *(getattr(row, name) for name in values),
            *(getattr(row, name) is not None for name in known),
        )
        for row in db.session.scalars(select(model))
    )


def _counts() -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    folded = select(Tally.kind, Tally.subject, Tally.n).where(Tally.facet == "day")
    for rows in (folded, select(TallyDelta.kind, TallyDelta.subject, TallyDelta.n)):
        for kind, subject, n in db.session.execute(rows):
            sums[f"{kind} {subject}"] += n
    return {name: n for name, n in sorted(sums.items()) if n}


def _mails(desk: Desk) -> Counter[str]:
    return Counter(
        " ".join(filter(None, (row.kind, params.get("reason"), params.get("what"))))
        for row, _to, params in desk.mails()
    )
