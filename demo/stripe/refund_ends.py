"""Refunds that do not arrive: refused by the payer's bank later on, or called back in time.

Either way the money returns to the balance, and the charge counts as not refunded by so much.
"""

from demo.stripe.account import Account
from demo.stripe.errors import invalid
from demo.stripe.ledger import Json

UNDECIDED = ("pending", "succeeded")  # a card's refund succeeds first, and may yet fail


def fail_refund(account: Account, refund: Json, reason: str = "unknown") -> Json:
    """The bank has sent it back."""
    _return_money(account, refund, "failed")
    refund["failure_reason"] = reason
    account.ledger.save(refund)
    _tell(account, refund, "refund.failed")
    return refund


def cancel_refund(account: Account, refund: Json) -> Json:
    """Called back in the dashboard before it was sent."""
    _return_money(account, refund, "canceled")
    account.ledger.save(refund)
    _tell(account, refund)
    return refund


def _return_money(account: Account, refund: Json, status: str) -> None:
    if refund["status"] not in UNDECIDED:
        raise invalid(f"Refund {refund['id']} is {refund['status']}.", param="refund")
    line = account.enter(refund, "refund_failure", refund["amount"], 0, 0)
    refund |= {"status": status, "failure_balance_transaction": line["id"]}
    refund.pop("pending_reason", None)


def _tell(account: Account, refund: Json, *first: str) -> None:
    charge = account.ledger.get("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    account.ledger.save(charge)
    for kind in (*first, "charge.refund.updated", "refund.updated"):
        account.emit(kind, refund)
    account.emit("charge.updated", charge)
