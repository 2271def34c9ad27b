"""Disputes: the bank takes the money back, with a fee; later it may return.

A disputed bank debit cannot be contested and is lost at once. Stripe keeps the fee whether a
dispute is won or lost, unless the account's terms give it back.
"""

from demo.stripe import objects
from demo.stripe.account import Account, Cause
from demo.stripe.errors import invalid, no_such
from demo.stripe.fraud_warnings import settle_warnings
from demo.stripe.ledger import Json
from demo.stripe.params import Params, refuse_others

FEE = 1500  # minor units of the charge's currency
OPEN = ("needs_response", "under_review")


def open_dispute(
    account: Account, charge: Json, amount: int | None = None, reason: str = "fraudulent"
) -> Json:
    """Of what is left of a charge, or of `amount` minor units; raises StripeError."""
    left = charge["amount"] - charge["amount_refunded"]
    amount = left if amount is None else amount
    if charge["status"] != "succeeded" or not 0 < amount <= left:
        raise invalid(f"Charge {charge['id']}: {left} are left to dispute.", param="amount")
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} has been disputed already.", param="charge")
    dispute = objects.dispute(charge, amount, reason, account.now())
    account.ledger.add(dispute)
    account.emit("charge.dispute.created", dispute)
    _book(account, dispute, -amount, FEE, "charge.dispute.funds_withdrawn")
    charge["disputed"] = True
    account.ledger.save(charge)
    account.emit("charge.updated", charge)
    settle_warnings(account, charge)
    if charge["payment_method_details"]["type"] == "sepa_debit":
        close_dispute(account, dispute, won=False)
    return dispute


def answer_dispute(account: Account, dispute: Json) -> None:
    """Evidence was sent in the dashboard: the bank looks at it."""
    dispute["status"] = "under_review"
    dispute["evidence_details"] |= {
        "has_evidence": True,
        "submission_count": 1,
        "submission_method": "manual",
    }
    account.ledger.save(dispute)
    account.emit("charge.dispute.updated", dispute)


def close_dispute(
    account: Account, dispute: Json, *, won: bool, cause: Cause | None = None
) -> Json:
    """The bank's word. Evidence comes before a dispute is won."""
    if dispute["status"] not in OPEN:
        raise invalid(f"Dispute {dispute['id']} is {dispute['status']}.", param="dispute")
    if won and dispute["status"] == "needs_response":
        answer_dispute(account, dispute)
    dispute |= {"status": "won" if won else "lost", "is_charge_refundable": won}
    account.ledger.save(dispute)
    account.emit("charge.dispute.closed", dispute, cause)
    if won:
        returned = account.ledger.recall("dispute_fee_returned", "no") == "yes"
        fee = -FEE if returned else 0
        _book(account, dispute, dispute["amount"], fee, "charge.dispute.funds_reinstated")
    return dispute


def _book(account: Account, dispute: Json, amount: int, fee: int, kind: str) -> None:
    line = account.enter(dispute, "adjustment", amount, fee, 0, category="dispute")
    dispute["balance_transactions"].append(line)
    account.ledger.save(dispute)
    account.emit(kind, dispute)


def is_blocked(account: Account, charge: Json) -> bool:
    """Whether a dispute stands in the way of a refund."""
    return charge["disputed"] and any(
        one["charge"] == charge["id"] and not one["is_charge_refundable"]
        for one in account.ledger.all("dispute")
    )


def dispute_when_due(account: Account, charge_id: str) -> None:
    """What certain test numbers lead to."""
    charge = account.ledger.get("charge", charge_id)
    if not charge["disputed"] and not charge["refunded"]:
        by_card = charge["payment_method_details"]["type"] == "card"
        open_dispute(account, charge, None, "fraudulent" if by_card else "debit_not_authorized")


def give_in(account: Account, params: Params, cause: Cause, dispute_id: str) -> Json:
    """Closing a dispute at the API is to accept that it is lost."""
    refuse_others(params, ("expand",))
    dispute = account.ledger.find("dispute", dispute_id)
    if dispute is None:
        raise no_such("dispute", dispute_id, "dispute")
    if dispute["status"] not in OPEN:
        raise invalid("This dispute is already closed.", param="dispute")
    return close_dispute(account, dispute, won=False, cause=cause)
