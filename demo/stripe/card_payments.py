"""Paying by card at checkout: taken, declined, or taken after 3-D Secure."""

from demo.stripe import objects, signups
from demo.stripe.account import Account
from demo.stripe.attempts import (
    Payer,
    complete,
    create_customer,
    decline_card,
    fail_intent,
    intent_id_of,
    intent_of,
    remember_payer,
    take_card,
)
from demo.stripe.cards import NOT_AUTHENTICATED, Card, Decline
from demo.stripe.ledger import Json


def pay_by_card(
    account: Account, session: Json, payer: Payer, card: Card, expiry: tuple[int, int]
) -> Decline | None:
    """Try a card on an open session; returns why it was declined. A card that asks for 3-D Secure
    leaves the payment intent in `requires_action`, to go on with `authenticate`.
    """
    method = objects.card_method(card, expiry, payer.billing(), account.now())
    account.ledger.add(method)
    intent = intent_of(account, session, method)
    remember_payer(account, session, payer)
    if card.asks_authentication:
        _ask_authentication(account, session, intent)
        return None
    attaches = card.attaches and session["mode"] == "subscription"
    if card.decline and not attaches:
        decline_card(account, intent, method, card.decline)
        return card.decline
    _take_card(account, session, intent, method, authenticated=False)
    return None


def is_awaiting_authentication(account: Account, session: Json) -> bool:
    intent_id = intent_id_of(account, session)
    if session["status"] != "open" or intent_id is None:
        return False
    return bool(account.ledger.get("payment_intent", intent_id)["status"] == "requires_action")


def authenticate(account: Account, session: Json, *, succeeds: bool) -> Decline | None:
    """The answer of the payer's bank to 3-D Secure."""
    intent = account.ledger.get("payment_intent", intent_id_of(account, session) or "")
    method = account.ledger.get("payment_method", intent["payment_method"])
    intent["next_action"] = None
    if succeeds:
        _take_card(account, session, intent, method, authenticated=True)
        return None
    fail_intent(account, intent, method, NOT_AUTHENTICATED, None)
    return NOT_AUTHENTICATED


def _ask_authentication(account: Account, session: Json, intent: Json) -> None:
    intent["status"] = "requires_action"
    intent["next_action"] = objects.authentication(f"{session['url']}/authenticate", session["url"])
    account.ledger.save(intent)
    account.emit("payment_intent.requires_action", intent)


def _take_card(
    account: Account, session: Json, intent: Json, method: Json, *, authenticated: bool
) -> None:
    create_customer(account, session, intent)
    if session["mode"] == "subscription":
        signups.begin(account, session, intent, method)
    take_card(account, intent, method, authenticated=authenticated)
    if session["mode"] == "subscription":
        signups.confirm(account, session)
    complete(account, session, paid=True)
