"""What paying by card and by bank debit share: who pays, the payment intent, success and failure.

Each function changes the ledger and emits the events Stripe would, in Stripe's usual order; call it
in a transaction. So do card_payments, debits and afterwards.
"""

from dataclasses import dataclass

from demo.stripe import objects
from demo.stripe.account import Account
from demo.stripe.cards import Decline
from demo.stripe.ledger import Json


@dataclass(frozen=True)
class Payer:
    email: str
    name: str
    country: str | None = None

    def billing(self) -> Json:
        return objects.billing_details(self.email, self.name, self.country)


def intent_of(account: Account, session: Json, method: Json) -> Json:
    """The session's payment intent; Stripe makes it at the first attempt, not with the session."""
    if session["payment_intent"]:
        intent = account.ledger.get("payment_intent", session["payment_intent"])
        intent["payment_method"] = method["id"]
        account.ledger.save(intent)
        return intent
    asked = account.ledger.private(session["id"])["payment_intent_data"]
    intent = objects.payment_intent(
        session["amount_total"],
        session["currency"],
        account.now(),
        **asked,
        customer=session["customer"],
        payment_method_types=session["payment_method_types"],
    )
    account.ledger.add(intent)
    account.emit("payment_intent.created", intent)
    intent["payment_method"] = method["id"]
    session["payment_intent"] = intent["id"]
    account.ledger.save(intent)
    account.ledger.save(session)
    return intent


def remember_payer(account: Account, session: Json, payer: Payer) -> None:
    session["customer_details"] = {
        "address": payer.billing()["address"],
        "business_name": None,
        "email": payer.email,
        "individual_name": None,
        "name": payer.name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
    account.ledger.save(session)


def create_customer(account: Account, session: Json, intent: Json) -> None:
    if session["customer"] or session["customer_creation"] != "always":
        return
    details = session["customer_details"]
    customer = objects.customer(account.now(), email=details["email"], name=details["name"])
    account.ledger.add(customer)
    account.emit("customer.created", customer)
    session["customer"] = intent["customer"] = customer["id"]


def succeed(account: Account, intent: Json, charge: Json) -> None:
    charge |= {
        "status": "succeeded",
        "paid": True,
        "captured": True,
        "amount_captured": charge["amount"],
        "outcome": objects.outcome(None),
    }
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge["id"],
        "last_payment_error": None,
        "next_action": None,
        "processing": None,
    }
    account.ledger.save(charge)
    account.ledger.save(intent)
    account.emit("charge.succeeded", charge)
    account.emit("payment_intent.succeeded", intent)


def fail_intent(
    account: Account, intent: Json, method: Json, decline: Decline, charge_id: str | None
) -> None:
    intent |= {
        "status": "requires_payment_method",
        "last_payment_error": objects.payment_error(decline, method, charge_id),
        "payment_method": None,
        "processing": None,
    }
    if charge_id:
        intent["latest_charge"] = charge_id
    account.ledger.save(intent)
    account.emit("payment_intent.payment_failed", intent)


def complete(account: Account, session: Json, *, paid: bool) -> None:
    session |= {
        "status": "complete",
        "payment_status": "paid" if paid else "unpaid",
        "url": None,
    }
    account.ledger.save(session)
    account.emit("checkout.session.completed", session)
