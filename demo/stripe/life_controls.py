"""What a test may order in the life of a gift: renewals and their outcome, refunds that come
back.
"""

from typing import get_args

from flask import Response, jsonify

from demo.stripe import renewals
from demo.stripe.account import Account
from demo.stripe.cards import Renewal
from demo.stripe.ledger import Json
from demo.stripe.orders import WrongOrder, change, controls, current_account, read_order
from demo.stripe.refund_ends import cancel_refund, fail_refund
from demo.stripe.subscription_states import OVER

OUTCOMES: tuple[Renewal, ...] = get_args(Renewal)


def _outcome(sent: Json, name: str = "outcome") -> Renewal | None:
    if sent.get(name) not in {None, *OUTCOMES}:
        raise WrongOrder(f"{name}: one of {', '.join(OUTCOMES)}")
    found: Renewal | None = sent.get(name)
    return found


@controls.post("/renew")
def renew() -> Response:
    """{"subscription": id, "outcome": "pays", "declined" or "authenticate"}: its period ends now.
    Without an outcome the card does what its number says.
    """
    sent = read_order(subscription=str, outcome=str)
    outcome = _outcome(sent)

    def begin_period(account: Account, subscription: Json) -> Json:
        if subscription["status"] in OVER:
            raise WrongOrder(f"subscription: it is {subscription['status']}")
        made = renewals.renew(account, subscription, outcome)
        ledger = account.ledger
        return {
            "subscription": ledger.get("subscription", subscription["id"]),
            "invoice": made and ledger.get("invoice", made["id"]),
        }

    return jsonify(change("subscription", sent, begin_period))


@controls.post("/retry")
def retry() -> Response:
    """{"invoice": id, "outcome": …}: the next attempt at an open invoice is made now."""
    sent = read_order(invoice=str, outcome=str)
    outcome = _outcome(sent)

    def try_again(account: Account, invoice: Json) -> Json:
        if invoice["status"] != "open" or invoice["next_payment_attempt"] is None:
            raise WrongOrder("invoice: no further attempt is due")
        renewals.collect(account, invoice, outcome)
        return account.ledger.get("invoice", invoice["id"])

    return jsonify(change("invoice", sent, try_again))


@controls.post("/payment-method")
def payment_method() -> Response:
    """{"payment_method": id, "renewal": "pays", "declined" or "authenticate"}: what comes of every
    later charge made while the payer is away.
    """
    sent = read_order(payment_method=str, renewal=str)
    renewal = _outcome(sent, "renewal")
    if renewal is None:
        raise WrongOrder(f"renewal: one of {', '.join(OUTCOMES)}")

    def remember(account: Account, method: Json) -> Json:
        account.ledger.save_private(method["id"], {"renewal": renewal})
        return {"payment_method": method["id"], "renewal": renewal}

    return jsonify(change("payment_method", sent, remember))


@controls.post("/settings")
def settings() -> Response:
    """{"after_retries": "cancel", "unpaid" or "past_due"}: what becomes of a subscription when the
    last retry has failed, as chosen in the dashboard.
    """
    chosen = read_order(after_retries=str).get("after_retries")
    if chosen not in renewals.AFTER_RETRIES:
        raise WrongOrder(f"after_retries: one of {', '.join(renewals.AFTER_RETRIES)}")
    current_account().ledger.remember("after_retries", chosen)
    return jsonify(after_retries=chosen)


REASONS = (
    *("charge_for_pending_refund_disputed", "declined", "expired_or_canceled_card"),
    *("insufficient_funds", "lost_or_stolen_card", "merchant_request", "unknown"),
)


@controls.post("/refund-fail")
def refund_fail() -> Response:
    """{"refund": id, "reason": why, or "unknown"}: the payer's bank sends it back."""
    sent = read_order(refund=str, reason=str)
    reason = sent.get("reason", "unknown")
    if reason not in REASONS:
        raise WrongOrder(f"reason: one of {', '.join(REASONS)}")
    return jsonify(change("refund", sent, lambda account, one: fail_refund(account, one, reason)))


@controls.post("/refund-cancel")
def refund_cancel() -> Response:
    """{"refund": id}: called back in the dashboard, before it was sent."""
    return jsonify(change("refund", read_order(refund=str), cancel_refund))
