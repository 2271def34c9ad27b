"""Invoices from draft to paid, or to one of their other ends."""

from demo.stripe import objects, subscription_states
from demo.stripe.account import Account
from demo.stripe.ledger import Json

DAY = 86_400


def subscription_id_of(invoice: Json) -> str:
    found: str = invoice["parent"]["subscription_details"]["subscription"]
    return found


def draft(account: Account, subscription: Json, reason: str, **given: object) -> Json:
    """A new invoice over the subscription's current period."""
    customer = account.ledger.get("customer", subscription["customer"])
    invoice = objects.invoice(
        objects.new_id("in_1"),
        subscription,
        customer,
        account.now(),
        billing_reason=reason,
        **given,
    )
    account.ledger.add(invoice)
    subscription["latest_invoice"] = invoice["id"]
    account.ledger.save(subscription)
    account.emit("invoice.created", invoice)
    return invoice


def finalize(account: Account, invoice: Json, intent: Json) -> None:
    """Give it its number, its page, and the payment intent that is to pay it."""
    customer = account.ledger.get("customer", invoice["customer"])
    number = customer["next_invoice_sequence"]
    account.ledger.save(
        customer | {"next_invoice_sequence": number + 1, "currency": invoice["currency"]}
    )
    secret, now = objects.new_id("", 40), account.now()
    invoice |= {
        "status": "open",
        "number": f"{customer['invoice_prefix']}-{number:04}",
        "effective_at": now,
        "hosted_invoice_url": f"{account.base_url}/i/{invoice['id']}/{secret}",
    }
    invoice["status_transitions"]["finalized_at"] = now
    account.ledger.save(invoice)
    account.ledger.save_private(invoice["id"], {"secret": secret, "payment_intent": intent["id"]})
    account.ledger.add(objects.invoice_payment(invoice, intent["id"], now))
    account.emit("invoice.finalized", invoice)


def intent_of(account: Account, invoice: Json) -> Json:
    """The payment intent of a finalised invoice; raises LookupError."""
    intent_id = account.ledger.private(invoice["id"]).get("payment_intent", "")
    return account.ledger.get("payment_intent", intent_id)


def payment_of(account: Account, invoice: Json) -> Json:
    found = [
        one for one in account.ledger.all("invoice_payment") if one["invoice"] == invoice["id"]
    ]
    return found[0]


def pay(account: Account, invoice: Json) -> None:
    """Its payment intent has succeeded."""
    now = account.now()
    invoice |= {
        "status": "paid",
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempted": True,
        "attempt_count": invoice["attempt_count"] + 1,
        "auto_advance": False,
        "next_payment_attempt": None,
    }
    invoice["status_transitions"]["paid_at"] = now
    account.ledger.save(invoice)
    payment = payment_of(account, invoice)
    payment |= {"status": "paid", "amount_paid": invoice["amount_due"]}
    payment["status_transitions"]["paid_at"] = now
    account.ledger.save(payment)
    account.emit("invoice.paid", invoice)
    account.emit("invoice.payment_succeeded", invoice)
    account.emit("invoice_payment.paid", payment)
    subscription_states.activate(account, subscription_id_of(invoice))


def fail(account: Account, invoice: Json, retry_after_days: int | None = None) -> None:
    """An attempt failed; the next is so many days later, if there is one."""
    at = None if retry_after_days is None else account.now() + retry_after_days * DAY
    invoice |= {
        "attempted": True,
        "attempt_count": invoice["attempt_count"] + 1,
        "next_payment_attempt": at,
        "auto_advance": at is not None,
    }
    account.ledger.save(invoice)
    account.emit("invoice.payment_failed", invoice)
    account.emit("invoice.updated", invoice)
    subscription_states.fall_behind(account, subscription_id_of(invoice))


def void(account: Account, invoice: Json) -> None:
    """Not to be paid: collection is paused."""
    invoice |= {"status": "void", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"]["voided_at"] = account.now()
    account.ledger.save(invoice)
    account.emit("invoice.voided", invoice)


def write_off(account: Account, invoice: Json) -> None:
    """Not expected to be paid: collection is paused."""
    invoice |= {"status": "uncollectible", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"]["marked_uncollectible_at"] = account.now()
    account.ledger.save(invoice)
    account.emit("invoice.marked_uncollectible", invoice)
