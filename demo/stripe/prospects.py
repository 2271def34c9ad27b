"""What may still happen to each gift and payment, for the buttons on the first page."""

from dataclasses import dataclass

from demo.stripe import disputes
from demo.stripe.account import Account
from demo.stripe.ledger import Json
from demo.stripe.subscription_states import OVER

SHOWN = 12  # payments


@dataclass(frozen=True)
class Gift:
    """A recurring gift, and the invoice that waits to be paid."""

    subscription: Json
    waiting: Json | None


@dataclass(frozen=True)
class Payment:
    """A charge that went through, and what can still happen to it."""

    charge: Json
    dispute: Json | None

    @property
    def left(self) -> int:
        """What was not given back, in minor units."""
        return int(self.charge["amount"] - self.charge["amount_refunded"])

    @property
    def is_disputed(self) -> bool:
        """Whether the bank has not spoken yet."""
        return self.dispute is not None and self.dispute["status"] in disputes.OPEN


def gifts(account: Account) -> list[Gift]:
    """The recurring gifts that still run, newest first."""
    invoices = account.ledger.all("invoice")
    waiting = {
        one["parent"]["subscription_details"]["subscription"]: one
        for one in reversed(invoices)
        if one["status"] == "open" and one["next_payment_attempt"]
    }
    running = [one for one in account.ledger.all("subscription") if one["status"] not in OVER]
    return [Gift(one, waiting.get(one["id"])) for one in running]


def payments(account: Account) -> list[Payment]:
    """The latest charges that went through, newest first."""
    of_charge = {one["charge"]: one for one in account.ledger.all("dispute")}
    paid = [one for one in account.ledger.all("charge") if one["status"] == "succeeded"]
    return [Payment(one, of_charge.get(one["id"])) for one in paid[:SHOWN]]
