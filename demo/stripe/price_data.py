"""Prices given inline, for checkout and for a change of a subscription: read, checked, made."""

from demo.stripe import objects
from demo.stripe.account import Account
from demo.stripe.currencies import check_currency, check_unit_amount
from demo.stripe.errors import invalid, missing, no_such
from demo.stripe.ledger import Json
from demo.stripe.params import Params, integer, nested, refuse_others, required
from demo.stripe.periods import INTERVALS

LONGEST_YEARS = {"day": 1095, "week": 156, "month": 36, "year": 3}  # three years at the most


def read_price(account: Account, given: Params, where: str) -> Json:
    """The price that `price_data` describes, once or recurring; raises StripeError."""
    where = f"{where}[price_data]"
    data = nested(given, "price_data")
    refuse_others(data, ("currency", "unit_amount", "product", "recurring"), where)
    if not data:
        raise missing(where)
    currency = check_currency(
        required(data, "currency", param=f"{where}[currency]"), f"{where}[currency]"
    )
    product_id = required(data, "product", param=f"{where}[product]")
    if account.ledger.find("product", product_id) is None:
        raise no_such("product", product_id, f"{where}[product]", in_body=True)
    amount = integer(data, "unit_amount", param=f"{where}[unit_amount]")
    if amount is None:
        raise missing(f"{where}[unit_amount]")
    check_unit_amount(amount, currency, f"{where}[unit_amount]")
    recurring = _read_recurring(nested(data, "recurring"), f"{where}[recurring]")
    return objects.price(product_id, currency, amount, account.now(), recurring)


def read_quantity(given: Params, where: str, default: int | None = None) -> int:
    quantity = integer(given, "quantity", param=f"{where}[quantity]")
    if quantity is None:
        quantity = default
    if quantity is None:
        raise missing(f"{where}[quantity]")
    if quantity < 1:
        raise invalid("This value must be at least 1.", param=f"{where}[quantity]")
    return quantity


def _read_recurring(given: Params, where: str) -> Json | None:
    if not given:
        return None
    refuse_others(given, ("interval", "interval_count"), where)
    interval = required(given, "interval", param=f"{where}[interval]")
    if interval not in INTERVALS:
        raise invalid(
            f"Invalid interval: must be one of {', '.join(INTERVALS)}", param=f"{where}[interval]"
        )
    count = integer(given, "interval_count", param=f"{where}[interval_count]")
    count = 1 if count is None else count
    if not 1 <= count <= LONGEST_YEARS[interval]:
        raise invalid(
            "A period may last three years at the most.", param=f"{where}[interval_count]"
        )
    return {
        "interval": interval,
        "interval_count": count,
        "meter": None,
        "usage_type": "licensed",
    }
