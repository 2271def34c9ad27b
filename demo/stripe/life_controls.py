"""What a test may order in the life of a gift: renewals and their outcome, refunds that come
back, disputes and warnings.
"""

from typing import get_args

from flask import Response, jsonify

from demo.stripe import disputes, fraud_warnings, renewals
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
    """What is chosen in the dashboard. {"after_retries": "cancel", "unpaid" or "past_due"}: what
    becomes of a subscription when the last retry has failed. {"dispute_fee_returned": bool}:
    whether a dispute that is won brings its fee back.
    """
    sent = read_order(after_retries=str, dispute_fee_returned=bool)
    if sent.get("after_retries") not in {None, *renewals.AFTER_RETRIES}:
        raise WrongOrder(f"after_retries: one of {', '.join(renewals.AFTER_RETRIES)}")
    ledger = current_account().ledger
    if "after_retries" in sent:
        ledger.remember("after_retries", sent["after_retries"])
    if "dispute_fee_returned" in sent:
        ledger.remember("dispute_fee_returned", "yes" if sent["dispute_fee_returned"] else "no")
    return jsonify(sent)


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


WORDS = ("won", "lost")


def _won(sent: Json) -> bool | None:
    if sent.get("outcome") not in {None, *WORDS}:
        raise WrongOrder(f"outcome: {' or '.join(WORDS)}")
    return sent["outcome"] == "won" if "outcome" in sent else None


@controls.post("/dispute")
def dispute() -> Response:
    """{"charge": id, "outcome": "won" or "lost", "amount": minor units, "reason": why}: the payer
    disputes it. Without an outcome it stays open; without an amount it is all that is left.
    """
    sent = read_order(charge=str, outcome=str, amount=int, reason=str)
    won = _won(sent)

    def quarrel(account: Account, charge: Json) -> Json:
        reason = sent.get("reason", "fraudulent")
        made = disputes.open_dispute(account, charge, sent.get("amount"), reason)
        if won is not None and made["status"] in disputes.OPEN:
            disputes.close_dispute(account, made, won=won)
        return made

    return jsonify(change("charge", sent, quarrel))


@controls.post("/dispute-answer")
def dispute_answer() -> Response:
    """{"dispute": id}: evidence is sent in the dashboard; it is under review."""

    def answer(account: Account, one: Json) -> Json:
        if one["status"] != "needs_response":
            raise WrongOrder(f"dispute: it is {one['status']}")
        disputes.answer_dispute(account, one)
        return one

    return jsonify(change("dispute", read_order(dispute=str), answer))


@controls.post("/dispute-close")
def dispute_close() -> Response:
    """{"dispute": id, "outcome": "won" or "lost"}."""
    sent = read_order(dispute=str, outcome=str)
    won = _won(sent)
    if won is None:
        raise WrongOrder(f"outcome: {' or '.join(WORDS)}")
    end = bool(won)
    return jsonify(
        change("dispute", sent, lambda account, one: disputes.close_dispute(account, one, won=end))
    )


@controls.post("/early-fraud-warning")
def early_fraud_warning() -> Response:
    """{"charge": id, "fraud_type": "misc" by default}: the card's issuer suspects fraud."""
    sent = read_order(charge=str, fraud_type=str)
    kind = sent.get("fraud_type", "misc")
    return jsonify(
        change("charge", sent, lambda account, one: fraud_warnings.warn(account, one, kind))
    )
