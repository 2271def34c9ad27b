"""The fee that a donor may cover: estimated in Decimal, never too small by a cent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import load_settings
from donate import currencies, fees
from tests.unit.donate.test_money import CURRENCIES, gifts

RATES = ("EUR:1.5:0.25", "*:2.9:0.30")


@contextmanager
def rates(*entries: str, recurring: str = "0.7") -> Iterator[None]:
    """An application with nothing but settings."""
    app = Flask("vigil")
    given: dict[str, Any] = {"fees": entries or RATES, "currencies": tuple(CURRENCIES)}
    app.extensions["vigil_settings"] = load_settings(
        _env_file=None, recurring_fee=Decimal(recurring), **given
    )
    with app.app_context():
        yield


@pytest.mark.parametrize(
    ("gift", "currency", "is_recurring", "charged"),
    [
        (2_500, "EUR", False, 2_564),  # 25.25 / 0.985 = 25.6345…
        (2_500, "EUR", True, 2_582),  # 25.25 / 0.978 = 25.8179…
        (2_500, "USD", False, 2_606),  # 25.30 / 0.971 = 26.0556…
        (10_000, "PLN", False, 10_423),  # 101.20 / 0.971: 0.30 euro are about 1.20 zł
        (4_000, "JPY", False, 4_166),  # 4045 / 0.971, no decimals
        (8_000, "KWD", False, 8_400),  # 8.15 / 0.971 = 8.3934…, in tens of thousandths
        (350_000, "ISK", False, 365_100),  # 3545 / 0.971 = 3650.8…, whole crowns
        (1_000_000, "HUF", False, 1_042_300),  # 10120 / 0.971, whole forints
        (10_000_000, "UGX", False, 10_422_300),  # 101200 / 0.971, whole shillings
    ],
)
def test_what_is_charged_leaves_the_gift_whole(
    gift: int, currency: str, is_recurring: bool, charged: int
) -> None:
    with rates():
        assert fees.add_fee(gift, currency, is_recurring=is_recurring) == charged


@settings(deadline=None)  # the first one reads the languages
@given(gifts(), st.booleans(), st.decimals("0", "20", places=2), st.decimals("0", "9", places=3))
def test_the_gift_is_left_after_the_fee_and_not_a_step_more(
    gift: tuple[int, str], is_recurring: bool, percent: Decimal, fixed: Decimal
) -> None:
    minor, currency = gift
    step = currencies.step(currency)
    with rates(f"*:{percent}:{fixed}"):
        charged = fees.add_fee(minor, currency, is_recurring=is_recurring)
        rate = fees.find_rate(currency, is_recurring=is_recurring)
    assert rate is not None
    assert charged % step == 0
    assert charged * (1 - rate.share) - rate.fixed >= minor
    assert (charged - step) * (1 - rate.share) - rate.fixed < minor


def test_a_named_currency_has_its_own_rate_and_fixed_part() -> None:
    with rates():
        assert fees.find_rate("EUR", is_recurring=False) == fees.Rate(Decimal("0.015"), Decimal(25))
        assert fees.find_rate("USD", is_recurring=False) == fees.Rate(Decimal("0.029"), Decimal(30))


def test_without_a_rate_nothing_is_added_and_nothing_offered() -> None:
    with rates("JPY:3.6:0"):
        assert fees.add_fee(2_500, "EUR", is_recurring=True) == 2_500
        assert fees.examples("en")[0] == ("EUR", "€25", "€0", "€0")
    with rates("XXX:3.6:0"):
        assert fees.examples("en") == []


def test_examples_stand_in_the_order_of_the_currencies() -> None:
    with rates():
        drawn = fees.examples("en")
    assert [example[0] for example in drawn] == CURRENCIES
    assert drawn[0] == ("EUR", "€25", "€0.64", "€0.82")
