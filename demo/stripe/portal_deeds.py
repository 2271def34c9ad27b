"""What a payer does in the portal: another card, the end of a gift, a change of mind."""

from demo.stripe import objects, subscription_states
from demo.stripe.account import Account
from demo.stripe.attempts import Payer
from demo.stripe.cards import Card, Decline
from demo.stripe.customers import attach
from demo.stripe.ledger import Json
from demo.stripe.subscriptions import set_leaving


def subscriptions_of(account: Account, customer_id: str) -> list[Json]:
    """Those that go on, newest first."""
    return [
        one
        for one in account.ledger.all("subscription")
        if one["customer"] == customer_id and one["status"] not in subscription_states.OVER
    ]


def change_card(
    account: Account, customer_id: str, payer: Payer, card: Card, expiry: tuple[int, int]
) -> Decline | None:
    """Keep a card and use it for every subscription; returns why it was not taken. Asking for
    3-D Secure is left out here.
    """
    if card.decline and not card.attaches:
        return card.decline
    method = objects.card_method(card, expiry, payer.billing(), account.now())
    account.ledger.add(method)
    attach(account, method, customer_id)
    customer = account.ledger.get("customer", customer_id)
    customer["invoice_settings"]["default_payment_method"] = method["id"]
    account.ledger.save(customer)
    account.emit("customer.updated", customer)
    for subscription in subscriptions_of(account, customer_id):
        subscription_states.change(account, subscription, default_payment_method=method["id"])
    return None


def leave(account: Account, subscription: Json, mode: str) -> None:
    """At the end of the period, or at once."""
    if mode == "immediately":
        subscription_states.end(account, subscription, "cancellation_requested")
    elif not subscription["cancel_at_period_end"]:
        set_leaving(account, subscription, leaving=True)
        subscription_states.change(account, subscription)


def stay(account: Account, subscription: Json) -> None:
    if subscription["cancel_at_period_end"]:
        set_leaving(account, subscription, leaving=False)
        subscription_states.change(account, subscription)
