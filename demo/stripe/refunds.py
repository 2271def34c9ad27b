"""Refunds at the API."""

from demo.stripe import afterwards
from demo.stripe.account import Account, Cause
from demo.stripe.catalogue import merged
from demo.stripe.currencies import display
from demo.stripe.disputes import is_blocked
from demo.stripe.errors import StripeError, invalid, missing, no_such
from demo.stripe.ledger import Json
from demo.stripe.params import Params, choice, integer, metadata, refuse_others, text

REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create_refund(account: Account, params: Params, cause: Cause) -> Json:
    """Of a whole charge, or of `amount` minor units of it."""
    refuse_others(params, ("charge", "payment_intent", "amount", "reason", "metadata", "expand"))
    charge = _charge_of(account, params)
    amount = refundable(account, charge, integer(params, "amount"))
    return afterwards.refund(
        account,
        charge,
        amount,
        cause,
        reason=choice(params, "reason", REASONS),
        metadata=metadata(params),
    )


def refundable(account: Account, charge: Json, amount: int | None) -> int:
    """The amount to give back, all that is left by default; raises StripeError when Stripe would
    refuse.
    """
    left = charge["amount"] - charge["amount_refunded"]
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {charge['id']} has not succeeded.", param="charge")
    if is_blocked(account, charge):
        raise StripeError(
            400,
            "invalid_request_error",
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if left == 0:
        raise StripeError(
            400,
            "invalid_request_error",
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
        )
    if amount is None:
        return int(left)
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.",
            param="amount",
            code="parameter_invalid_integer",
        )
    if amount > left:
        asked, rest = display(amount, charge["currency"]), display(left, charge["currency"])
        raise invalid(
            f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})",
            param="amount",
        )
    return amount


def _charge_of(account: Account, params: Params) -> Json:
    charge_id = text(params, "charge")
    if charge_id is None:
        intent_id = text(params, "payment_intent")
        if intent_id is None:
            raise missing("charge")
        intent = account.ledger.find("payment_intent", intent_id)
        if intent is None:
            raise no_such("payment_intent", intent_id, "payment_intent", in_body=True)
        charge_id = intent["latest_charge"]
        if charge_id is None:
            raise invalid(
                f"Payment intent {intent_id} has no charge to refund.", param="payment_intent"
            )
    charge = account.ledger.find("charge", charge_id)
    if charge is None:
        raise no_such("charge", charge_id, "charge", in_body=True)
    return charge


def update_refund(account: Account, params: Params, cause: Cause, refund_id: str) -> Json:
    refuse_others(params, ("metadata", "expand"))
    made = account.ledger.find("refund", refund_id)
    if made is None:
        raise no_such("refund", refund_id, "refund")
    made["metadata"] = merged(made["metadata"], metadata(params))
    account.ledger.save(made)
    account.emit("refund.updated", made, cause)
    return made


def cancel_refund(account: Account, params: Params, _cause: Cause, refund_id: str) -> Json:
    """Refused: Stripe cancels by API only what waits for the payer (`requires_action`), and no
    refund to a card or by bank debit ever does.
    """
    refuse_others(params, ("expand",))
    made = account.ledger.find("refund", refund_id)
    if made is None:
        raise no_such("refund", refund_id, "refund")
    raise invalid(
        f"Refund {refund_id} has a status of {made['status']}. Only a refund with a status of"
        " requires_action can be canceled.",
        param="refund",
    )
