"""Lines in the books, and refunds."""

from demo.stripe.ledger import Json
from demo.stripe.objects.ids import new_id

CATEGORIES = {"payment": "charge", "payment_refund": "refund"}


def balance_transaction(
    source: str,
    kind: str,
    amount: int,
    fee: int,
    currency: str,
    now: int,
    available_on: int,
    category: str | None = None,
) -> Json:
    """One line of Stripe's own books, in the minor units of the balance's currency. The category
    is that of reports, where it is not told by the kind.
    """
    parts = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Dispute fee" if category == "dispute" else "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    return {
        "id": new_id("txn_"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": now,
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": parts if fee else [],
        "net": amount - fee,
        "reporting_category": category or CATEGORIES.get(kind, kind),
        "source": source,
        "status": "pending",
        "type": kind,
    }


def refund(charged: Json, amount: int, now: int, **given: object) -> Json:
    by_card = charged["payment_method_details"]["type"] == "card"
    return {
        "id": new_id("re_" if by_card else "pyr_"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charged["id"],
        "created": now,
        "currency": charged["currency"],
        "customer": charged["customer"],
        "customer_account": None,
        "destination_details": _refund_card() if by_card else {"type": "sepa_debit"},
        "metadata": {},
        "payment_intent": charged["payment_intent"],
        "payment_method": charged["payment_method"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded" if by_card else "pending",
        "transfer_reversal": None,
    } | given


def _refund_card() -> Json:
    return {
        "card": {
            "reference_status": "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        },
        "type": "card",
    }
