"""Subscriptions from state to state; each change is told by its event."""

from demo.stripe.account import Account, Cause
from demo.stripe.ledger import Json

OVER = ("canceled", "incomplete_expired")


def change(account: Account, subscription: Json, cause: Cause | None = None, **new: object) -> None:
    subscription |= new
    account.ledger.save(subscription)
    account.emit("customer.subscription.updated", subscription, cause)


def activate(account: Account, subscription_id: str) -> None:
    """Its latest invoice is paid (or a bank has been asked); one that has ended stays so."""
    subscription = account.ledger.get("subscription", subscription_id)
    if subscription["status"] in {"incomplete", "past_due", "unpaid"}:
        change(account, subscription, status="active")


def fall_behind(account: Account, subscription_id: str) -> None:
    """A payment failed, or waits for the payer."""
    subscription = account.ledger.get("subscription", subscription_id)
    if subscription["status"] == "active":
        change(account, subscription, status="past_due")


def end(
    account: Account,
    subscription: Json,
    reason: str,
    cause: Cause | None = None,
    **details: str | None,
) -> Json:
    """Cancel for good. Stripe leaves open invoices as they are and tries them no more."""
    now = account.now()
    subscription |= {
        "status": "canceled",
        "canceled_at": subscription["canceled_at"] or now,
        "ended_at": now,
        "cancellation_details": subscription["cancellation_details"]
        | {"reason": subscription["cancellation_details"]["reason"] or reason}
        | {name: value for name, value in details.items() if value},
    }
    account.ledger.save(subscription)
    for invoice in account.ledger.all("invoice"):
        parent = invoice["parent"]["subscription_details"]
        if parent["subscription"] == subscription["id"] and invoice["status"] in {"draft", "open"}:
            account.ledger.save(invoice | {"auto_advance": False, "next_payment_attempt": None})
    account.emit("customer.subscription.deleted", subscription, cause)
    return subscription
