"""A payer pays an open invoice on its page, and so mends a subscription that has fallen behind."""

from demo.stripe import invoices, objects
from demo.stripe.account import Account
from demo.stripe.attempts import Payer, decline_card, fail_intent, take_card
from demo.stripe.cards import NOT_AUTHENTICATED, Card, Decline
from demo.stripe.customers import attach
from demo.stripe.ledger import Json
from demo.stripe.subscription_states import OVER, change


def can_be_paid(account: Account, invoice: Json) -> bool:
    """Open, and not with a bank at the moment."""
    if invoice["status"] != "open":
        return False
    return bool(invoices.intent_of(account, invoice)["status"] != "processing")


def is_awaiting_authentication(account: Account, invoice: Json) -> bool:
    if invoice["status"] != "open":
        return False
    return bool(invoices.intent_of(account, invoice)["status"] == "requires_action")


def pay_invoice(
    account: Account, invoice: Json, payer: Payer, card: Card, expiry: tuple[int, int]
) -> Decline | None:
    """Try a card; returns why it was declined. One that asks for 3-D Secure leaves the payment
    intent in `requires_action`.
    """
    method = objects.card_method(card, expiry, payer.billing(), account.now())
    account.ledger.add(method)
    intent = invoices.intent_of(account, invoice) | {"payment_method": method["id"]}
    if card.asks_authentication:
        page = invoice["hosted_invoice_url"]
        intent |= {
            "status": "requires_action",
            "next_action": objects.authentication(f"{page}/authenticate", page),
        }
        account.ledger.save(intent)
        account.emit("payment_intent.requires_action", intent)
        return None
    if card.decline:
        decline_card(account, intent | {"next_action": None}, method, card.decline)
        return card.decline
    _take(account, invoice, intent, method, authenticated=False)
    return None


def authenticate(account: Account, invoice: Json, *, succeeds: bool) -> Decline | None:
    """The answer of the payer's bank to 3-D Secure."""
    intent = invoices.intent_of(account, invoice)
    method = account.ledger.get("payment_method", intent["payment_method"])
    intent["next_action"] = None
    if succeeds:
        _take(account, invoice, intent, method, authenticated=True)
        return None
    fail_intent(account, intent, method, NOT_AUTHENTICATED, None)
    return NOT_AUTHENTICATED


def _take(
    account: Account, invoice: Json, intent: Json, method: Json, *, authenticated: bool
) -> None:
    take_card(account, intent, method, authenticated=authenticated)
    if method["customer"] is None:
        attach(account, method, invoice["customer"])
    _use_from_now_on(account, invoice, method)
    invoices.pay(account, invoice)


def _use_from_now_on(account: Account, invoice: Json, method: Json) -> None:
    subscription = account.ledger.get("subscription", invoices.subscription_id_of(invoice))
    differs = subscription["default_payment_method"] != method["id"]
    if differs and subscription["status"] not in OVER:
        change(account, subscription, default_payment_method=method["id"])
