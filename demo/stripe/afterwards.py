"""What follows: a charge is entered in the books, a session expires, money is given back."""

from demo.stripe import objects
from demo.stripe.account import Account, Cause
from demo.stripe.attempts import intent_id_of
from demo.stripe.customers import bank_of, card_of
from demo.stripe.fraud_warnings import settle_warnings
from demo.stripe.ledger import Json
from demo.stripe.refund_ends import UNDECIDED, fail_refund

CARD_FEE_PER_MILLE, CARD_FEE_FIXED, DEBIT_FEE = 15, 25, 35
CARD_DAYS, DEBIT_DAYS = 2, 5
REFUND_SENT_AFTER, TROUBLE_AFTER = 10, 3


def settle(account: Account, charge_id: str) -> None:
    """Enter a charge in the books. Cards get there a moment after they succeed: until then the fee
    is not known.
    """
    charge = account.ledger.get("charge", charge_id)
    by_card = charge["payment_method_details"]["type"] == "card"
    share = charge["amount"] * CARD_FEE_PER_MILLE // 1000 + CARD_FEE_FIXED
    fee = min(share if by_card else DEBIT_FEE, charge["amount"])
    kind, days = ("charge", CARD_DAYS) if by_card else ("payment", DEBIT_DAYS)
    line = account.enter(charge, kind, charge["amount"], fee, days)
    charge["balance_transaction"] = line["id"]
    account.ledger.save(charge)
    account.emit("charge.updated", charge)
    method = account.ledger.get("payment_method", charge["payment_method"])
    number = card_of(method) or bank_of(method)
    if number and number.aftermath:
        account.ledger.schedule(number.aftermath, charge_id, account.ledger.now() + TROUBLE_AFTER)


def expire(account: Account, session: Json, cause: Cause | None = None) -> Json:
    """Close an open session for good; an unfinished payment intent goes with it."""
    session |= {"status": "expired", "url": None}
    account.ledger.save(session)
    account.emit("checkout.session.expired", session, cause)
    if intent_id := intent_id_of(account, session):
        intent = account.ledger.get("payment_intent", intent_id)
        intent |= {
            "status": "canceled",
            "canceled_at": account.now(),
            "cancellation_reason": "automatic",
            "next_action": None,
        }
        account.ledger.save(intent)
        account.emit("payment_intent.canceled", intent, cause)
    return session


def refund(
    account: Account,
    charge: Json,
    amount: int,
    cause: Cause | None = None,
    *,
    reason: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Json:
    """Give back `amount` of a charge; Stripe keeps its fee. A debit's refund is pending for a
    while.
    """
    made = objects.refund(charge, amount, account.now(), reason=reason, metadata=metadata or {})
    card = card_of(account.ledger.get("payment_method", charge["payment_method"]))
    if card and card.refunding == "waits":
        made["status"] = "pending"
    if made["status"] == "pending":
        made["pending_reason"] = "processing"
    kind = "refund" if card else "payment_refund"
    made["balance_transaction"] = account.enter(made, kind, -amount, 0, 0)["id"]
    account.ledger.add(made)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    account.ledger.save(charge)
    account.emit("refund.created", made, cause)
    account.emit("charge.refunded", charge, cause)
    if charge["refunded"]:
        settle_warnings(account, charge)
    work = "refund fails" if card and card.refunding == "fails" else "refund"
    account.ledger.schedule(work, made["id"], account.ledger.now() + REFUND_SENT_AFTER)
    return made


def finish_refund(account: Account, refund_id: str) -> None:
    """The refund has left: a card's carries the bank's reference now, a debit's has arrived."""
    made = account.ledger.get("refund", refund_id)
    if made["status"] not in UNDECIDED:
        return
    made["status"] = "succeeded"
    made.pop("pending_reason", None)
    if "card" in made["destination_details"]:
        made["destination_details"]["card"] |= {
            "reference": objects.new_id("", 23),
            "reference_status": "available",
        }
    account.ledger.save(made)
    account.emit("charge.refund.updated", made)
    account.emit("refund.updated", made)


def let_refund_fail(account: Account, refund_id: str) -> None:
    made = account.ledger.get("refund", refund_id)
    if made["status"] in UNDECIDED:
        fail_refund(account, made, "expired_or_canceled_card")
