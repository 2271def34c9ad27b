"""A wish in an address: `?amount=25&currency=EUR&frequency=month&fund=…&campaign=…`.

Links carry one (to make a gift monthly, to try again); what is unknown in it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from config.settings import settings
from donate.currencies import home_currency
from donate.forms import FREQUENCIES
from donate.funds import FUNDS, Cause, find_cause
from donate.money import AmountError, parse_amount, write_amount
from donate.tiles import tile_value

PLAIN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?")  # as a program writes it


def read_wish(args: Mapping[str, str], language: str) -> tuple[dict[str, Any], Cause | None]:
    """What the form begins with, and the campaign of the wish."""
    cause = find_cause(args.get("campaign", ""), language)
    wish: dict[str, Any] = {"campaign": cause.slug} if cause else {}
    if cause and cause.fund in FUNDS:
        wish["fund"] = cause.fund
    known = {"currency": settings().currencies, "frequency": FREQUENCIES, "fund": FUNDS}
    wish |= {name: args[name] for name in known if args.get(name) in known[name]}
    currency = wish.get("currency") or home_currency(language)
    return wish | _read_amount(args.get("amount", ""), currency, language), cause


def write_wish(
    amount_minor: int, currency: str, frequency: str, fund: str, campaign: str
) -> dict[str, Any]:
    """The same as a part of an address."""
    wish = {
        "amount": write_amount(amount_minor, currency),
        "currency": currency,
        "frequency": frequency,
        "fund": fund,
        "campaign": campaign,
    }
    return {name: value for name, value in wish.items() if value}


def _read_amount(text: str, currency: str, language: str) -> dict[str, str]:
    try:
        minor = parse_amount(text, currency, "en") if PLAIN.fullmatch(text) else 0
    except AmountError:
        return {}
    if not minor:
        return {}
    tile = tile_value(minor, currency)
    return {"suggested": tile} if tile else {"amount": write_amount(minor, currency, language)}
