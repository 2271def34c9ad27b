"""The account's balance, added up from the lines in its books."""

from demo.stripe.account import Account
from demo.stripe.ledger import Json


def read_balance(account: Account) -> Json:
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for line in map(account.show_line, account.ledger.all("balance_transaction")):
        by_currency = sums[line["status"]]
        by_currency[line["currency"]] = by_currency.get(line["currency"], 0) + line["net"]
    return {
        "object": "balance",
        "available": _amounts(sums["available"]),
        "livemode": False,
        "pending": _amounts(sums["pending"]),
    }


def _amounts(by_currency: dict[str, int]) -> list[Json]:
    found = by_currency or {"eur": 0}
    return [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in sorted(found.items())
    ]
