"""Amounts as people write and read them; inside they are integer minor units of a currency."""

from __future__ import annotations

import re
import unicodedata
from copy import copy
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.numbers import format_decimal, get_decimal_symbol, get_group_symbol
from flask_babel import lazy_gettext as _

from donate import currencies

LONGEST = 200  # characters
_MINUS = "-\u2212\u2012\u2013\u2014\uff0d"
# Whole groups of three with one mark between, or plain digits; then perhaps decimals.
_AMOUNT = re.compile(
    r"(?P<whole>[0-9]+|[1-9][0-9]{0,2}(?P<mark>[ \u00a0\u2009\u202f'\u2019.,])[0-9]{3}"
    r"(?:(?P=mark)[0-9]{3})*)(?:(?P<point>[.,])(?P<decimals>[0-9]+))?"
)
# CLDR parts letters from digits where a language's pattern does not (currencySpacing).
_TOUCHING = re.compile(r"(?<=[^\W\d_])(?=[0-9])|(?<=[0-9])(?=[^\W\d_])")


class AmountError(ValueError):
    """An amount that we do not take; `message` tells the donor what to do, in their language."""

    def __init__(self, message: Any) -> None:
        super().__init__(type(self).__name__)
        self.message = message


class NoAmount(AmountError):
    """Nothing was typed."""


class NotAnAmount(AmountError):
    """Something else than digits, a decimal separator and sound groups of thousands."""


class UnclearAmount(AmountError):
    """A separator that could stand for thousands or for decimals: 1.234 may be a thousand times."""


class NegativeAmount(AmountError):
    """Below zero."""


class ZeroAmount(AmountError):
    """Nothing."""


class TooManyDecimals(AmountError):
    """Finer than the currency."""


class AmountTooSmall(AmountError):
    """Below our minimum."""


class AmountTooLarge(AmountError):
    """Above our maximum."""


def parse_amount(text: str, currency: str, language: str) -> int:
    """What somebody typed as a gift, in minor units. Raises AmountError, never guesses."""
    minor = parse_minor(text, currency, language)
    check_amount(minor, currency, language)
    return minor


def parse_minor(text: str, currency: str, language: str) -> int:
    """What somebody typed, in minor units, however much it is. Raises AmountError, never guesses.

    A decimal comma or point is taken in every language; only where three digits follow a single
    one does the language decide, and where it cannot, the amount is refused.
    """
    plain = "".join(_ascii_digit(character) for character in text.strip()[: LONGEST + 1])
    if not plain:
        raise NoAmount(_("Choose an amount or enter your own."))
    if plain[0] in _MINUS and _AMOUNT.fullmatch(plain[1:].strip()):
        raise NegativeAmount(_("An amount cannot be negative. Enter it without the minus sign."))
    whole, decimals = _split(plain, currency, language)
    if len(decimals) > currencies.exponent(currency) or (
        decimals and not currencies.decimals(currency)
    ):
        raise _too_fine(currency, language)
    minor = int(whole + decimals.ljust(currencies.exponent(currency), "0"))
    check_whole(minor, currency, language)
    return minor


def check_amount(minor: int, currency: str, language: str) -> None:
    """Raise AmountError for an amount that is no multiple of the step, or beyond the limits."""
    limits = currencies.limits(currency)
    check_whole(minor, currency, language)
    if minor < limits.minimum:
        raise AmountTooSmall(
            _(
                "The smallest gift here is %(amount)s.",
                amount=format_amount(limits.minimum, currency, language, short=True),
            )
        )
    if minor > limits.maximum:
        raise too_large(currency, language)


def check_whole(minor: int, currency: str, language: str) -> None:
    """Raise AmountError for nothing, and for an amount that is no multiple of the step."""
    if minor == 0:
        raise ZeroAmount(_("Enter an amount above zero."))
    if minor % currencies.step(currency):
        raise _too_fine(currency, language)


def too_large(currency: str, language: str) -> AmountTooLarge:
    """What to say of more than we take at once."""
    maximum = currencies.limits(currency).maximum
    return AmountTooLarge(
        _(
            "The largest gift here is %(amount)s. Write to us if you would like to give more.",
            amount=format_amount(maximum, currency, language, short=True),
        )
    )


def format_amount(minor: int, currency: str, language: str, *, short: bool = False) -> str:
    """An amount with its currency as the language writes it.

    `short` leaves out empty decimals, and puts the currency's own sign where CLDR has letters.
    """
    unit = 10 ** currencies.exponent(currency)
    is_whole = minor % unit == 0
    hides = short or currency in currencies.UNDIVIDABLE
    places = 0 if is_whole and hides else currencies.exponent(currency)
    locale = Locale.parse(language)
    pattern = copy(locale.currency_formats["standard"])  # the locale's own is shared by all
    pattern.frac_prec = (places, places)
    value = Decimal(minor) / unit
    # Babel takes what is no currency's code for the sign itself
    sign = _narrow_sign(currency, locale) if short else currency
    written = pattern.apply(value, locale, currency=sign, currency_digits=False)
    return _TOUCHING.sub("\u00a0", written)


def write_amount(minor: int, currency: str, language: str = "en") -> str:
    """An amount as one would type it: no currency, no groups; in addresses as English has it."""
    is_whole = minor % 10 ** currencies.exponent(currency) == 0
    return _write(minor, currency, "0" if is_whole else "0.00", language)


def _narrow_sign(currency: str, locale: Locale) -> str:
    """The currency's own sign, unless the language means another one by it ($ in Canada)."""
    sign = currencies.NARROW_SIGNS.get(currency, currency)
    others = {mark for code, mark in locale.currency_symbols.items() if code != currency}
    return currency if sign in others else sign


def _ascii_digit(character: str) -> str:
    """The digits of every script have one plain value; nothing else is rewritten."""
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _split(plain: str, currency: str, language: str) -> tuple[str, str]:
    """Digits before and after the decimal separator."""
    found = _AMOUNT.fullmatch(plain) if len(plain) <= LONGEST else None
    if found is None or (found["mark"] and found["mark"] == found["point"]):
        raise NotAnAmount(
            _(
                "Enter the amount in digits, such as %(example)s.",
                example=_example(currency, language),
            )
        )
    whole = re.sub("[^0-9]", "", found["whole"])
    decimals = found["decimals"] or ""
    if (
        found["mark"] in {".", ","}
        and not found["point"]
        and found["whole"].count(found["mark"]) == 1
    ):
        return _one_mark(whole[:-3], found["mark"], whole[-3:], currency, language)
    if found["point"] and not found["mark"]:
        return _one_mark(whole, found["point"], decimals, currency, language)
    return whole.lstrip("0") or "0", decimals


def _one_mark(before: str, mark: str, after: str, currency: str, language: str) -> tuple[str, str]:
    """One comma or point: decimals, unless it could as well part thousands."""
    could_be_group = len(after) == 3 and len(before) <= 3 and not before.startswith("0")
    if could_be_group and mark == get_group_symbol(language):
        return before + after, ""
    if could_be_group and mark != get_decimal_symbol(language):
        raise UnclearAmount(
            _(
                "It is not clear where the decimals begin. Write the amount like %(example)s.",
                example=_example(currency, language),
            )
        )
    return before.lstrip("0") or "0", after


def _example(currency: str, language: str) -> str:
    pattern = "0.00" if currencies.decimals(currency) else "0"
    return _write(currencies.limits(currency).suggested[1], currency, pattern, language)


def _write(minor: int, currency: str, pattern: str, language: str) -> str:
    value = Decimal(minor).scaleb(-currencies.exponent(currency))
    return str(format_decimal(value, pattern, locale=language))


def _too_fine(currency: str, language: str) -> AmountError:
    example = _example(currency, language)
    if not currencies.decimals(currency):
        return TooManyDecimals(
            _(
                "Gifts in %(currency)s have no decimals. Enter a whole amount like %(example)s.",
                currency=currency,
                example=example,
            )
        )
    return TooManyDecimals(_("Enter at most two decimals, such as %(example)s.", example=example))
