"""Paying by card: taken, declined, or taken after 3-D Secure."""

from demo.stripe import objects
from demo.stripe.account import Account
from demo.stripe.afterwards import SETTLED_AFTER
from demo.stripe.attempts import (
    Payer,
    complete,
    create_customer,
    fail_intent,
    intent_of,
    remember_payer,
    succeed,
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
    if card.decline:
        _decline_card(account, intent, method, card.decline)
        return card.decline
    _take_card(account, session, intent, method, authenticated=False)
    return None


def is_awaiting_authentication(account: Account, session: Json) -> bool:
    if not session["payment_intent"]:
        return False
    intent = account.ledger.get("payment_intent", session["payment_intent"])
    return bool(intent["status"] == "requires_action")


def authenticate(account: Account, session: Json, *, succeeds: bool) -> Decline | None:
    """The answer of the payer's bank to 3-D Secure."""
    intent = account.ledger.get("payment_intent", session["payment_intent"])
    method = account.ledger.get("payment_method", intent["payment_method"])
    intent["next_action"] = None
    if succeeds:
        _take_card(account, session, intent, method, authenticated=True)
        return None
    fail_intent(account, intent, method, NOT_AUTHENTICATED, None)
    return NOT_AUTHENTICATED


def _ask_authentication(account: Account, session: Json, intent: Json) -> None:
    intent["status"] = "requires_action"
    intent["next_action"] = {
        "type": "redirect_to_url",
        "redirect_to_url": {
            "return_url": session["url"],
            "url": f"{session['url']}/authenticate",
        },
    }
    account.ledger.save(intent)
    account.emit("payment_intent.requires_action", intent)


def _decline_card(account: Account, intent: Json, method: Json, decline: Decline) -> None:
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


def _take_card(
    account: Account, session: Json, intent: Json, method: Json, *, authenticated: bool
) -> None:
    create_customer(account, session, intent)
    details = objects.card_details(method, intent["amount"], authenticated=authenticated)
    charge = objects.charge(intent, method, details, account.now())
    account.ledger.add(charge)
    succeed(account, intent, charge)
    complete(account, session, paid=True)
    account.ledger.schedule("settle", charge["id"], account.ledger.now() + SETTLED_AFTER)
