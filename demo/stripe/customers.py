"""What belongs to a customer: the ways to pay that are kept, and which of them is used."""

from demo.stripe import objects
from demo.stripe.account import Account, Cause
from demo.stripe.cards import ACCOUNTS, CARDS, BankAccount, Card, Renewal
from demo.stripe.ledger import Json


def attach(account: Account, method: Json, customer_id: str, cause: Cause | None = None) -> None:
    """Keep a way to pay for later payments."""
    method["customer"] = customer_id
    account.ledger.save(method)
    account.emit("payment_method.attached", method, cause)


def methods_of(account: Account, customer_id: str) -> list[Json]:
    """The ways to pay that a customer keeps, newest first."""
    return [one for one in account.ledger.all("payment_method") if one["customer"] == customer_id]


def method_for(account: Account, subscription: Json) -> Json | None:
    """What a renewal is charged to: the subscription's own way to pay, or else the customer's."""
    chosen = subscription["default_payment_method"]
    if chosen is None:
        customer = account.ledger.get("customer", subscription["customer"])
        chosen = customer["invoice_settings"]["default_payment_method"]
    return account.ledger.get("payment_method", chosen) if chosen else None


def renewal_of(account: Account, method: Json) -> Renewal:
    """What comes of charging it while the payer is away: as its number says, unless ordered
    otherwise.
    """
    ordered: Renewal | None = account.ledger.private(method["id"]).get("renewal")
    card = card_of(method)
    return ordered or (card.renewal if card else "pays")


def card_of(method: Json) -> Card | None:
    """The test card behind a payment method: known by its fingerprint, for numbers are not kept."""
    if method["type"] != "card":
        return None
    shown = method["card"]["fingerprint"]
    return next((one for one in CARDS.values() if objects.fingerprint(one.number) == shown), None)


def bank_of(method: Json) -> BankAccount | None:
    if method["type"] != "sepa_debit":
        return None
    shown = method["sepa_debit"]["fingerprint"]
    return next((one for one in ACCOUNTS.values() if objects.fingerprint(one.iban) == shown), None)
