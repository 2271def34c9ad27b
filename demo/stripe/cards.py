"""The test cards and test accounts, and what each of them does (docs.stripe.com/testing).

Any other number is refused before anything is written down: nobody's real card belongs in here.
"""

import re
from dataclasses import dataclass
from typing import Literal

SOON, LATER = 5, 180  # seconds until a bank debit is settled


@dataclass(frozen=True)
class Decline:
    code: str
    decline_code: str
    message: str


GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
INSUFFICIENT = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.")
WRONG_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    "authentication_not_handled",
    "We could not authenticate your card. Choose another way to pay and try again.",
)


AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
Renewal = Literal["pays", "declined", "authenticate"]
Aftermath = Literal["", "dispute", "warning"]
Refunding = Literal["succeeds", "waits", "fails"]


@dataclass(frozen=True)
class Card:
    """`renewal` is what comes of a charge made while the payer is away; a card that `attaches`
    begins a subscription although its charges are declined.
    """

    number: str
    says: str
    decline: Decline | None = None
    asks_authentication: bool = False
    brand: str = "visa"
    country: str = "US"
    renewal: Renewal = "pays"
    attaches: bool = False
    refunding: Refunding = "succeeds"
    aftermath: Aftermath = ""


@dataclass(frozen=True)
class BankAccount:
    iban: str
    says: str
    outcome: Literal["pays", "fails"] = "pays"
    after: int = SOON
    aftermath: Aftermath = ""


# 0341 attaches to a customer and then declines each charge, so a single payment meets the decline.
# At Stripe the first invoice of a subscription would too; here it is paid, to have a renewal fail.
CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242", "pays"),
        Card("5555555555554444", "pays (Mastercard)", brand="mastercard"),
        Card("4000001120000005", "pays; issued in Belarus", country="BY"),
        Card("4000006430000009", "pays; issued in Russia", country="RU"),
        Card("4000000000000002", "is declined", GENERIC),
        Card("4000000000009995", "is declined: insufficient funds", INSUFFICIENT),
        Card("4000000000000069", "is declined: expired", EXPIRED),
        Card("4000000000000127", "is declined: wrong security code", WRONG_CVC),
        Card(
            "4000002760003184",
            "asks for 3-D Secure, at every renewal too",
            asks_authentication=True,
            country="DE",
            renewal="authenticate",
        ),
        Card(
            "4000002500003155",
            "asks for 3-D Secure once; renewals pay",
            asks_authentication=True,
            country="FR",
        ),
        Card(
            "4000000000000341",
            "begins a subscription; each other charge is declined",
            GENERIC,
            renewal="declined",
            attaches=True,
        ),
        Card("4000000000000259", "pays; is disputed", aftermath="dispute"),
        Card("4000000000005423", "pays; a warning of fraud follows", aftermath="warning"),
        Card("4000000000005126", "pays; a refund fails later", refunding="fails"),
        Card("4000000000007726", "pays; a refund is pending first", refunding="waits"),
    )
}
ACCOUNTS = {
    account.iban: account
    for account in (
        BankAccount("DE89370400440532013000", "pays after a few seconds"),
        BankAccount("DE62370400440532013001", "fails after a few seconds", "fails"),
        BankAccount("DE35370400440532013002", "pays, and is disputed", aftermath="dispute"),
        BankAccount("DE08370400440532013003", "pays after three minutes", after=LATER),
        BankAccount("DE78370400440532013004", "fails after three minutes", "fails", LATER),
    )
}


def find_card(typed: str) -> Card | None:
    return CARDS.get(re.sub(r"[\s-]", "", typed))


def find_account(typed: str) -> BankAccount | None:
    return ACCOUNTS.get(re.sub(r"\s", "", typed).upper())


def grouped(number: str) -> str:
    """In fours, as it is printed on the card."""
    return " ".join(re.findall(".{1,4}", number))
