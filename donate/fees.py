"""What Stripe keeps of a gift, as an estimate: the donor may cover it. The books have the true fee.

FEES and RECURRING_FEE say the rates; nothing here is a float.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from config.settings import settings
from donate import currencies
from donate.money import format_amount

ANY_CURRENCY = "*"


@dataclass(frozen=True)
class Rate:
    """A share of each payment (0.029), and a fixed part in minor units, perhaps a fraction."""

    share: Decimal
    fixed: Decimal


def find_rate(currency: str, *, is_recurring: bool) -> Rate | None:
    """What FEES say of a currency, or of all others; None where they say nothing."""
    rates = {code: (percent, fixed) for code, percent, fixed in map(_read, settings().fees)}
    if currency in rates:
        percent, fixed = rates[currency]
    elif ANY_CURRENCY in rates:  # its fixed part is in euros: 0.30 of a yen would be nothing
        percent, fixed = rates[ANY_CURRENCY]
        fixed *= currencies.as_much_as_a_euro(currency)
    else:
        return None
    percent += settings().recurring_fee if is_recurring else 0
    return Rate(percent / 100, fixed.scaleb(currencies.exponent(currency)))


def add_fee(gift_minor: int, currency: str, *, is_recurring: bool) -> int:
    """What to charge so that, after the estimated fee, the whole gift is left; in minor units.

    The fee is taken from the larger sum too, so: (gift + fixed) / (1 - share), rounded up to what
    can be charged.
    """
    rate = find_rate(currency, is_recurring=is_recurring)
    if rate is None:
        return gift_minor
    step = currencies.step(currency)
    steps = (gift_minor + rate.fixed) / (1 - rate.share) / step
    return int(steps.to_integral_value(ROUND_CEILING)) * step


def examples(language: str) -> list[tuple[str, str, str, str]]:
    """For each currency a suggested gift, its fee once and when recurring; none without rates.

    They stand in the order of CURRENCIES, as the stylesheet expects it.
    """
    taken = settings().currencies
    if all(find_rate(code, is_recurring=False) is None for code in taken):
        return []
    return [(code, *_example(code, language)) for code in taken]


def _example(currency: str, language: str) -> tuple[str, str, str]:
    gift = currencies.limits(currency).suggested[1]
    sums = [add_fee(gift, currency, is_recurring=again) - gift for again in (False, True)]
    gift_text, once, recurring = (
        format_amount(minor, currency, language, short=True) for minor in (gift, *sums)
    )
    return gift_text, once, recurring


def _read(entry: str) -> tuple[str, Decimal, Decimal]:
    currency, percent, fixed = entry.split(":")
    return currency, Decimal(percent), Decimal(fixed)
