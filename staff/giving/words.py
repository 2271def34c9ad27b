"""What states, reasons and kinds of gifts are called on the pages of staff."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from donate import dedications
from donate.books.refunds import REASONS
from donate.models import Method

STATES: dict[str, Any] = {
    "created": _("begun"),
    "open": _("at Stripe"),
    "pending": _("money on its way"),
    "paid": _("paid"),
    "failed": _("failed"),
    "expired": _("not finished"),
}

METHODS: dict[str, Any] = {
    "online": _("online"),
    "transfer": _("bank transfer"),
    "cash": _("cash"),
}

REVIEWS: dict[str, Any] = {
    "held": _("to be looked at"),
    "released": _("looked at"),
}

FREQUENCIES: dict[str, Any] = {
    "once": _("once"),
    "month": _("monthly"),
    "year": _("yearly"),
}

RECURRING_STATES: dict[str, Any] = {
    "created": _("begun"),
    "open": _("at Stripe"),
    "active": _("running"),
    "at-risk": _("payment failing"),
    "paused": _("paused"),
    "ended": _("ended"),
    "expired": _("not finished"),
}

END_REASONS: dict[str, Any] = {
    "donor": _("by the donor"),
    "unpaid": _("payments failed"),
    "refused-card": _("card from a refused country"),
    "staff": _("by staff"),
    "erased": _("because the donor was erased"),
}

LINES: dict[str, Any] = {
    "gift": _("Gift"),
    "gift-returned": _("Bank debit returned"),
    "refund": _("Refund"),
    "refund-returned": _("Refund came back"),
    "dispute": _("Taken by the bank"),
    "dispute-returned": _("Given back by the bank"),
}

REFUND_STATES: dict[str, Any] = {
    "requested": _("waits to be sent"),
    "pending": _("on its way"),
    "succeeded": _("refunded"),
    "failed": _("could not be delivered"),
    "canceled": _("cancelled"),
    "refused": _("refused by Stripe"),
}

# Why money is given back: what staff choose from, then what a rule and Stripe's dashboard do.
REFUND_REASONS: dict[str, Any] = {
    "donor-asked": _("The donor asked for it"),
    "duplicate": _("Given twice by mistake"),
    "fraudulent": _("Not given by the card’s owner"),
    "entered-by-mistake": _("Entered here by mistake"),
    "other": _("Another reason"),
    "refused-card": _("Card from a refused country"),
    "dashboard": _("Made in Stripe’s dashboard"),
}

# Stripe's words (docs.stripe.com/api/disputes/object).
DISPUTE_STATES: dict[str, Any] = {
    "warning_needs_response": _("the bank asks; answer it at Stripe"),
    "warning_under_review": _("the bank looks at our answer"),
    "warning_closed": _("the bank’s question is settled"),
    "needs_response": _("answer it at Stripe"),
    "under_review": _("the bank looks at our answer"),
    "won": _("won: the money came back"),
    "lost": _("lost"),
    "prevented": _("prevented"),
}
DISPUTE_REASONS: dict[str, Any] = {
    "bank_cannot_process": _("The bank cannot process it"),
    "credit_not_processed": _("A refund is missing"),
    "customer_initiated": _("The account’s owner took it back"),
    "debit_not_authorized": _("The debit was not allowed"),
    "duplicate": _("Charged twice"),
    "fraudulent": _("The owner does not know of it"),
    "general": _("No reason given"),
    "incorrect_account_details": _("Wrong account"),
    "insufficient_funds": _("Not enough money in the account"),
    "noncompliant": _("Against the rules of the card"),
    "product_not_received": _("Nothing was received"),
    "product_unacceptable": _("Not as expected"),
    "subscription_canceled": _("The recurring donation was cancelled"),
    "unrecognized": _("The owner does not recognise it"),
}

GUARD_LEVELS: dict[str, Any] = {
    "calm": _("Calm"),
    "odd": _("Odd: a proof of work is asked for"),
    "closed": _("Closed: no gift is taken online"),
}

RECONCILED: dict[str, Any] = {
    "events": _("Events that never came"),
    "sessions": _("Payment pages that we did not know of"),
    "rows": _("Gifts that were left behind"),
    "recurring": _("Recurring donations"),
    "books": _("Our books against Stripe’s"),
}


DIFFERENCES: dict[str, Any] = {
    "missing": _("Missing in our books"),
    "amounts": _("Other amounts"),
    "unknown": _("Unknown to Stripe"),
    "event": _("An event that leads nowhere"),
}


def reasons_for(method: str) -> dict[str, Any]:
    """The reasons from which staff choose for a gift that came this way."""
    unfit = {"entered-by-mistake"} if method == Method.ONLINE else {"fraudulent"}
    return {name: REFUND_REASONS[name] for name in REASONS if name not in unfit}


FOR_TEMPLATES: dict[str, Any] = {
    "gift_states": STATES,
    "methods": METHODS,
    "reviews": REVIEWS,
    "frequencies": FREQUENCIES,
    "recurring_states": RECURRING_STATES,
    "end_reasons": END_REASONS,
    "lines": LINES,
    "refund_states": REFUND_STATES,
    "refund_reasons": REFUND_REASONS,
    "dispute_states": DISPUTE_STATES,
    "dispute_reasons": DISPUTE_REASONS,
    "guard_levels": GUARD_LEVELS,
    "reconciled": RECONCILED,
    "differences": DIFFERENCES,
    "dedications": dedications.KINDS,
}
