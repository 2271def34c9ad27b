"""What Stripe is asked for: only what is valid in both API descriptions."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PRODUCT_ID = "vigil_donation"
# Neutral on purpose: it stands in the donor's and the bank's records.
PRODUCT_NAME = DESCRIPTION = "Donation"
# Our marks in Stripe's metadata: the id of a row of ours.
DONATION, RECURRING, REFUND = "donation", "recurring_donation", "refund"
# Our portal configuration is known by this; a change of its features needs another number.
PORTAL_MARK = {"vigil_portal": "1"}
# The languages of Stripe's pages, as both descriptions have them (checkout session and billing
# portal session, `locale`).
LOCALES = frozenset(
    """auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb
    nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW""".split()  # noqa: SIM905
)
# Why money is given back, where Stripe has a word for it too (docs.stripe.com/api/refunds/create).
REFUND_REASONS = {"duplicate", "fraudulent", "requested_by_customer"}

Params = dict[str, Any]


@dataclass(frozen=True)
class CheckoutOrder:
    """What Stripe is asked for. Nothing in it may change between attempts under one key."""

    gift_id: uuid.UUID  # of the donation, or of the recurring donation
    amount_minor: int
    currency: str
    language: str
    expires_at: datetime  # 30 minutes to 24 hours ahead
    success_url: str
    cancel_url: str
    attempt: int = 1
    frequency: str = "once"  # once, month or year

    @property
    def is_recurring(self) -> bool:
        """Whether it is to be paid again and again."""
        return self.frequency != "once"

    @property
    def mark(self) -> dict[str, str]:
        """How we know our own in what Stripe tells later."""
        return {RECURRING if self.is_recurring else DONATION: str(self.gift_id)}

    @property
    def idempotency_key(self) -> str:
        """The same for every copy of one attempt, across restarts."""
        ((kind, gift_id),) = self.mark.items()
        return f"{kind}:{gift_id}:attempt:{self.attempt}"


def stripe_locale(language: str) -> str:
    """The language of Stripe's page; `auto`, the browser's own, where Stripe has not ours."""
    full = language.replace("_", "-")
    base = {"no": "nb", "nn": "nb"}.get(full.partition("-")[0], full.partition("-")[0])
    return next((known for known in (full, base) if known in LOCALES), "auto")


def session_params(order: CheckoutOrder) -> Params:
    """No statement descriptor: the account's own shows, for a suffix would follow its prefix and
    make another name than we announce.
    """
    price = price_data(order.amount_minor, order.currency, order.frequency)
    return {
        "submit_type": "donate",
        "line_items": [{"price_data": price, "quantity": 1}],
        "client_reference_id": str(order.gift_id),
        "metadata": order.mark,
        "adaptive_pricing": {"enabled": False},  # the donor has chosen the currency
        "locale": stripe_locale(order.language),
        "expires_at": int(order.expires_at.timestamp()),
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        **_by_mode(order),
    }


def _by_mode(order: CheckoutOrder) -> Params:
    """The mark once more: charges, refunds and disputes never show the session's own."""
    carried = {"metadata": order.mark, "description": DESCRIPTION}
    if order.is_recurring:
        return {"mode": "subscription", "subscription_data": carried}
    return {
        "mode": "payment",
        "payment_intent_data": carried,
        "customer_creation": "if_required",
    }


def price_data(amount_minor: int, currency: str, frequency: str) -> Params:
    """A price of its own for each gift; all are of one product."""
    price: Params = {
        "currency": currency.lower(),
        "unit_amount": amount_minor,
        "product": PRODUCT_ID,
    }
    return price if frequency == "once" else price | {"recurring": {"interval": frequency}}


def portal_params() -> Params:
    """What donors may do in Stripe's portal; whoever cancels there has paid for the period."""
    return {
        "features": {
            "payment_method_update": {"enabled": True},
            "invoice_history": {"enabled": True},
            "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        },
        "metadata": PORTAL_MARK,
    }


def refund_params(refund_id: uuid.UUID, paid_by: str, amount_minor: int, reason: str) -> Params:
    """`paid_by` is the charge or the payment intent."""
    of = "payment_intent" if paid_by.startswith("pi_") else "charge"
    params: Params = {
        of: paid_by,
        "amount": amount_minor,
        "metadata": {REFUND: str(refund_id)},
    }
    return params | {"reason": reason} if reason in REFUND_REASONS else params
