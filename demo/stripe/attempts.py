"""What paying by card and by bank debit share: who pays, the payment intent, success and failure.

Each function changes the ledger and emits the events Stripe would, in Stripe's usual order; call it
in a transaction. So do card_payments, debits, signups, renewals and afterwards.
"""

from dataclasses import dataclass

from demo.stripe import objects
from demo.stripe.account import Account
from demo.stripe.cards import GENERIC, Decline
from demo.stripe.ledger import Json

SETTLED_AFTER = 2  # seconds until a card charge shows its balance transaction


@dataclass(frozen=True)
class Payer:
    email: str
    name: str
    country: str | None = None

    def billing(self) -> Json:
        return objects.billing_details(self.email, self.name, self.country)


def intent_id_of(account: Account, session: Json) -> str | None:
    """The payment intent of a session. In subscription mode Stripe does not show it: it belongs to
    the first invoice.
    """
    shown: str | None = session["payment_intent"]
    return shown or account.ledger.private(session["id"]).get("payment_intent")


def intent_of(account: Account, session: Json, method: Json) -> Json:
    """The session's payment intent; Stripe makes it at the first attempt, not with the session."""
    known = intent_id_of(account, session)
    intent = account.ledger.get("payment_intent", known) if known else _new_intent(account, session)
    intent["payment_method"] = method["id"]
    account.ledger.save(intent)
    return intent


def _new_intent(account: Account, session: Json) -> Json:
    private = account.ledger.private(session["id"])
    if session["mode"] == "subscription":
        asked = {"description": "Subscription creation", "setup_future_usage": "off_session"}
    else:
        asked = private["payment_intent_data"]
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
    if session["mode"] == "subscription":
        account.ledger.save_private(session["id"], private | {"payment_intent": intent["id"]})
    else:
        session["payment_intent"] = intent["id"]
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


def take_card(account: Account, intent: Json, method: Json, *, authenticated: bool = False) -> None:
    """Charge a card, which pays."""
    details = objects.card_details(method, intent["amount"], authenticated=authenticated)
    charge = objects.charge(intent, method, details, account.now())
    account.ledger.add(charge)
    succeed(account, intent, charge)
    account.ledger.schedule("settle", charge["id"], account.ledger.now() + SETTLED_AFTER)


def decline_card(account: Account, intent: Json, method: Json, decline: Decline) -> None:
    """Charge a card, which is declined."""
    charge = objects.charge(
        intent,
        method,
        objects.card_details(method, intent["amount"], authenticated=False),
        account.now(),
        status="failed",
        failure_code=decline.code,
        failure_message=decline.message,
        outcome=objects.outcome(decline),
    )
    account.ledger.add(charge)
    account.emit("charge.failed", charge)
    fail_intent(account, intent, method, decline, charge["id"])


def debit_account(account: Account, intent: Json, method: Json) -> None:
    """Ask a bank for the money; its answer comes later."""
    charge = objects.charge(intent, method, objects.bank_details(method), account.now())
    account.ledger.add(charge)
    intent |= {"status": "processing", "latest_charge": charge["id"]}
    account.ledger.save(intent)
    account.emit("payment_intent.processing", intent)
    account.emit("charge.pending", charge)


def fail_debit(account: Account, intent: Json) -> None:
    """The bank did not honour it."""
    charge = account.ledger.get("charge", intent["latest_charge"])
    charge |= {
        "status": "failed",
        "failure_code": GENERIC.code,
        "failure_message": "The customer's bank did not honour this debit.",
        "outcome": objects.outcome(GENERIC),
    }
    account.ledger.save(charge)
    account.emit("charge.failed", charge)
    method = account.ledger.get("payment_method", intent["payment_method"])
    fail_intent(account, intent, method, GENERIC, charge["id"])


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
