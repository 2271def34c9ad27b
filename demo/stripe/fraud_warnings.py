"""Early fraud warnings: a card's issuer suspects a payment, and nothing is withdrawn yet."""

from demo.stripe import objects
from demo.stripe.account import Account
from demo.stripe.ledger import Json


def warn(account: Account, charge: Json, fraud_type: str = "misc") -> Json:
    made = objects.early_fraud_warning(charge, fraud_type, account.now())
    account.ledger.add(made)
    account.emit("radar.early_fraud_warning.created", made)
    return made


def settle_warnings(account: Account, charge: Json) -> None:
    """Once the charge is refunded in full or disputed, there is nothing left to do about it."""
    for warning in account.ledger.all("radar.early_fraud_warning"):
        if warning["charge"] == charge["id"] and warning["actionable"]:
            warning["actionable"] = False
            account.ledger.save(warning)
            account.emit("radar.early_fraud_warning.updated", warning)


def warn_when_due(account: Account, charge_id: str) -> None:
    """What a certain test card leads to."""
    warn(account, account.ledger.get("charge", charge_id))
