"""What a payer typed on the hosted page: read, checked, and kept for showing again (never the
card).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from demo.stripe.attempts import Payer
from demo.stripe.cards import BankAccount, Card, find_account, find_card
from demo.stripe.ledger import Json

KEPT = ("method", "email", "name", "country")
# Enough of the world to try things with; the country is the payer's word only.
COUNTRIES = {
    "": "Choose a country",
    "AT": "Austria",
    "CA": "Canada",
    "CZ": "Czechia",
    "FR": "France",
    "DE": "Germany",
    "IT": "Italy",
    "LT": "Lithuania",
    "NL": "Netherlands",
    "PL": "Poland",
    "SE": "Sweden",
    "CH": "Switzerland",
    "UA": "Ukraine",
    "GB": "United Kingdom",
    "US": "United States",
}


@dataclass
class PayerForm:
    kept: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    card: Card | None = None
    expiry: tuple[int, int] = (0, 0)
    bank: BankAccount | None = None

    @property
    def payer(self) -> Payer:
        return Payer(self.kept["email"], self.kept["name"], self.kept["country"] or None)


def blank_form(session: Json, email: str) -> PayerForm:
    return PayerForm(
        {"method": session["payment_method_types"][0], "email": email, "name": "", "country": ""}
    )


def read_form(session: Json, typed: Mapping[str, str], today: datetime) -> PayerForm:
    """Every fault in words that say what to do, by field."""
    form = PayerForm({name: typed.get(name, "").strip() for name in KEPT})
    if form.kept["method"] not in session["payment_method_types"]:
        form.kept["method"] = session["payment_method_types"][0]
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", form.kept["email"]):
        form.errors["email"] = "Enter an e-mail address, like name@example.org."
    if not form.kept["name"]:
        form.errors["name"] = "Enter a name; any will do here."
    if form.kept["country"] not in COUNTRIES:
        form.errors["country"] = "Choose a country from the list."
    if form.kept["method"] == "card":
        _read_card(form, typed, today)
    else:
        _read_account(form, typed)
    return form


def _read_card(form: PayerForm, typed: Mapping[str, str], today: datetime) -> None:
    form.card = find_card(typed.get("card", ""))
    if form.card is None:
        form.errors["card"] = (
            "Only the test cards work here. The number was not kept: never type a real one."
        )
    expiry = _expiry(typed.get("expiry", ""))
    if expiry is None:
        form.errors["expiry"] = "Enter the month and the year, like 12 / 34."
    elif (expiry[1], expiry[0]) < (today.year, today.month):
        form.errors["expiry"] = "Enter a date that has not passed."
    else:
        form.expiry = expiry
    if not re.fullmatch(r"\d{3,4}", typed.get("cvc", "").strip()):
        form.errors["cvc"] = "Enter three or four digits; any will do here."


def _expiry(typed: str) -> tuple[int, int] | None:
    """(month, year with its century), or None."""
    found = re.fullmatch(r"\s*(0?[1-9]|1[0-2])\s*[/ -]?\s*((?:20)?\d\d)\s*", typed)
    if found is None:
        return None
    year = int(found[2])
    return int(found[1]), year if year > 99 else 2000 + year


def _read_account(form: PayerForm, typed: Mapping[str, str]) -> None:
    form.bank = find_account(typed.get("iban", ""))
    if form.bank is None:
        form.errors["iban"] = (
            "Only the test accounts work here. The number was not kept: never type a real one."
        )


def today_utc() -> datetime:
    return datetime.now(UTC)
