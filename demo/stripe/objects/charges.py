"""Charges: one attempt each to take the money."""

from demo.stripe.cards import Decline
from demo.stripe.ledger import Json
from demo.stripe.objects.ids import new_id


def charge(intent: Json, method: Json, details: Json, now: int, **given: object) -> Json:
    """One attempt to take the money of a payment intent; `details` is payment_method_details."""
    charge_id = new_id("ch_" if details["type"] == "card" else "py_")
    return {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "VIGIL TEST",
        "captured": False,
        "created": now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": details,
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "pending",
        "transfer_data": None,
        "transfer_group": None,
    } | given


def card_details(method: Json, amount: int, *, authenticated: bool) -> Json:
    """payment_method_details of a charge to a card."""
    card = method["card"]
    shared = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    return {
        "type": "card",
        "card": {name: card[name] for name in (*shared, "last4", "regulated_status", "wallet")}
        | {
            "amount_authorized": amount,
            "authorization_code": "123456",
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": None,
            "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
            "three_d_secure": _authentication() if authenticated else None,
        },
    }


def _authentication() -> Json:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }


def bank_details(method: Json) -> Json:
    """payment_method_details of a bank debit."""
    account = method["sepa_debit"]
    facts = ("bank_code", "branch_code", "country", "fingerprint", "last4")
    return {
        "type": "sepa_debit",
        "sepa_debit": {name: account[name] for name in facts} | {"mandate": None},
    }


def outcome(decline: Decline | None) -> Json:
    return {
        "advice_code": "try_again_later" if decline else None,
        "network_advice_code": None,
        "network_decline_code": "01" if decline else None,
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": decline.decline_code if decline else None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "The bank declined." if decline else "Payment complete.",
        "type": "issuer_declined" if decline else "authorized",
    }
