"""What a subscription session makes once somebody pays: the subscription, its item, and its first
invoice.

An attempt that fails makes none of them: the session stays open, and the payer may try again.
"""

from demo.stripe import invoices, objects
from demo.stripe.account import Account
from demo.stripe.customers import attach
from demo.stripe.ledger import Json
from demo.stripe.periods import period_start


def begin(account: Account, session: Json, intent: Json, method: Json) -> None:
    """Make the subscription, incomplete until its first invoice is paid."""
    attach(account, method, session["customer"])
    private = account.ledger.private(session["id"])
    asked = private["subscription_data"]
    subscription_id = objects.new_id("sub_1")
    subscription = objects.subscription(
        subscription_id,
        account.now(),
        [_item(account, subscription_id, line) for line in private["line_items"]],
        customer=session["customer"],
        default_payment_method=method["id"],
        description=asked["description"],
        metadata=asked["metadata"],
    )
    account.ledger.add(subscription)
    account.emit("customer.subscription.created", subscription)
    invoice = invoices.draft(account, subscription, "subscription_create")
    invoices.finalize(account, invoice, intent)
    session |= {"subscription": subscription_id, "invoice": invoice["id"]}
    account.ledger.save(session)
    end = subscription["items"]["data"][0]["current_period_end"]
    account.ledger.schedule("renew", subscription_id, end)


def confirm(account: Account, session: Json) -> None:
    """The first invoice has been paid."""
    invoices.pay(account, account.ledger.get("invoice", session["invoice"]))


def _item(account: Account, subscription_id: str, line: Json) -> Json:
    now, price = account.now(), line["price"]
    # The session's price was never shown active: this is the moment it becomes one of the account's
    account.ledger.add(price)
    rhythm = price["recurring"]
    end = period_start(now, rhythm["interval"], rhythm["interval_count"], 1)
    return objects.subscription_item(subscription_id, price, line["quantity"], now, (now, end))
