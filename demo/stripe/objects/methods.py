"""Payment methods: cards and bank accounts, and whose they are."""

from hashlib import sha256

from demo.stripe.cards import BankAccount, Card, Decline
from demo.stripe.ledger import Json
from demo.stripe.objects.ids import new_id

NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def billing_details(email: str, name: str, country: str | None) -> Json:
    address = {**NO_ADDRESS, "country": country or None}
    return {"address": address, "email": email, "name": name, "phone": None, "tax_id": None}


def _payment_method(kind: str, details: Json, billing: Json, now: int) -> Json:
    return {
        "id": new_id("pm_"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": billing,
        kind: details,
        "created": now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
    }


def card_method(card: Card, expiry: tuple[int, int], billing: Json, now: int) -> Json:
    """`expiry` is (month, year)."""
    details = {
        "brand": card.brand,
        "checks": _card_checks(card.decline),
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": expiry[0],
        "exp_year": expiry[1],
        "fingerprint": fingerprint(card.number),
        "funding": "credit",
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    return _payment_method("card", details, billing, now)


def bank_method(account: BankAccount, billing: Json, now: int) -> Json:
    details = {**_bank_facts(account), "generated_from": {"charge": None, "setup_attempt": None}}
    return _payment_method("sepa_debit", details, billing, now)


def fingerprint(number: str) -> str:
    """The same for the same card, and not the number: how Stripe lets one notice a card seen
    before.
    """
    return sha256(f"stand-in:{number}".encode()).hexdigest()[:16]


def _card_checks(decline: Decline | None) -> Json:
    cvc = "fail" if decline and decline.code == "incorrect_cvc" else "pass"
    return {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": cvc}


def _bank_facts(account: BankAccount) -> Json:
    return {
        "bank_code": account.iban[4:12],
        "branch_code": "",
        "country": account.iban[:2],
        "fingerprint": fingerprint(account.iban),
        "last4": account.iban[-4:],
    }
