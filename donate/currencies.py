"""How Stripe counts each currency, and what we take: smallest, largest and suggested gifts.

Exponents are Stripe's (docs.stripe.com/currencies), not CLDR's: HUF, ISK and UGX differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from babel.core import get_global
from babel.numbers import get_territory_currencies
from flask import has_app_context

from config.settings import settings

ZERO_DECIMAL = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905
)
# Stripe takes thousandths, and of these only whole tens.
THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# Two decimals at Stripe that nobody uses: ISK and UGX must end in 00, HUF and TWD are paid out so.
UNDIVIDABLE = frozenset({"HUF", "ISK", "TWD", "UGX"})
# CLDR's narrow signs, which Babel does not carry, of the currencies offered unless set otherwise.
NARROW_SIGNS = {"EUR": "€", "GBP": "£", "PLN": "zł", "UAH": "₴", "USD": "$"}


@dataclass(frozen=True)
class Limits:
    """What one gift may be in one currency, and the suggested ones; all in minor units."""

    minimum: int
    maximum: int
    suggested: tuple[int, ...]


# In whole units. The minimum stands above Stripe's own, which hangs on the settlement currency;
# the maximum far below the 99,999,999 minor units that Stripe's description allows.
_LIMITS: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "AUD": (3, 15_000, (15, 40, 80, 150)),
    "CAD": (3, 15_000, (15, 35, 75, 150)),
    "CHF": (2, 10_000, (10, 25, 50, 100)),
    "CZK": (50, 250_000, (250, 600, 1_200, 2_500)),
    "DKK": (15, 75_000, (75, 200, 400, 750)),
    "EUR": (2, 10_000, (10, 25, 50, 100)),
    "GBP": (2, 10_000, (10, 20, 40, 80)),
    "HUF": (800, 900_000, (4_000, 10_000, 20_000, 40_000)),
    "ISK": (300, 900_000, (1_500, 3_500, 7_500, 15_000)),
    "JPY": (300, 1_500_000, (1_500, 4_000, 8_000, 15_000)),
    "KWD": (1, 3_000, (3, 8, 15, 30)),
    "NOK": (20, 100_000, (100, 300, 600, 1_200)),
    "NZD": (3, 15_000, (15, 40, 80, 150)),
    "PLN": (8, 40_000, (40, 100, 200, 400)),
    "RON": (10, 50_000, (50, 125, 250, 500)),
    "SEK": (20, 100_000, (100, 300, 600, 1_200)),
    "UAH": (80, 400_000, (200, 500, 1_000, 2_000)),
    "UGX": (8_000, 900_000, (40_000, 100_000, 200_000, 400_000)),
    "USD": (2, 10_000, (10, 25, 50, 100)),
}
_ANY_OTHER = (10, 50_000, (50, 100, 250, 500))
MOST = 90_000_000  # minor units; Stripe's description ends at 99,999,999, and a fee may come on top


def exponent(currency: str) -> int:
    """How many decimals the minor units of Stripe's API carry."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def decimals(currency: str) -> int:
    """How many decimals a person may type."""
    return 0 if currency in UNDIVIDABLE else min(exponent(currency), 2)


def step(currency: str) -> int:
    """The smallest difference between two amounts that Stripe charges, in minor units."""
    return int(10 ** (exponent(currency) - decimals(currency)))


def limits(currency: str) -> Limits:
    """What may be given at once; Stripe may still refuse as too small for the settlement.

    Where GIFT_LIMITS names the currency it decides, and the suggested gifts follow.
    """
    own = settings().gift_limits if has_app_context() else ()
    return _limits(currency, own)


def read_limit(entry: str) -> tuple[str, int, int]:
    """One entry of GIFT_LIMITS: currency, smallest, largest in minor units.

    Raises ValueError, with what is wrong, for sums that cannot be charged.
    """
    currency, smallest, largest = entry.split(":")
    sums = [Decimal(written).scaleb(exponent(currency)) for written in (smallest, largest)]
    if any(minor % step(currency) for minor in sums):
        raise ValueError(f"{entry}: finer than {currency} can be charged")
    if sums[1] > MOST:
        raise ValueError(f"{entry}: more than can be charged at once")
    return currency, int(sums[0]), int(sums[1])


def home_currency(language: str) -> str:
    """The currency to begin with: of the region where a language is at home (CLDR), if we take it.

    Never guessed by an address: the page is the same for everyone.
    """
    region = get_global("likely_subtags").get(language, "").rpartition("_")[2]
    taken = settings().currencies
    at_home = [code for code in get_territory_currencies(region) if code in taken]
    return at_home[0] if at_home else settings().default_currency


def as_much_as_a_euro(currency: str) -> Decimal:
    """About so many units are worth one euro, by the minimums above; for estimates only."""
    return Decimal(_LIMITS.get(currency, _ANY_OTHER)[0]) / _LIMITS["EUR"][0]


@cache
def _limits(currency: str, own: tuple[str, ...]) -> Limits:
    unit = 10 ** exponent(currency)
    minimum, maximum, suggested = _LIMITS.get(currency, _ANY_OTHER)
    known = Limits(minimum * unit, maximum * unit, tuple(n * unit for n in suggested))
    for code, smallest, largest in map(read_limit, own):
        if code == currency:
            return Limits(smallest, largest, _suggest(smallest, largest, known.suggested))
    return known


def _suggest(smallest: int, largest: int, known: tuple[int, ...]) -> tuple[int, ...]:
    """What is known as far as it lies within; where little does, multiples of the smallest."""
    within = tuple(n for n in known if smallest <= n <= largest)
    if len(within) > 1:
        return within
    times = tuple(smallest * n for n in (1, 2, 4, 10) if smallest * n <= largest)
    return times if len(times) > 1 else (smallest, largest)
