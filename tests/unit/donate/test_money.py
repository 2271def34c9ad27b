"""Amounts as people write them, in every language and kind of currency."""

from __future__ import annotations

from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from donate import currencies, money
from donate.money import format_amount, parse_amount, write_amount

LANGUAGES = ["en", "uk", "be", "de", "fr", "pl", "de_CH", "ar", "fa", "lt"]
CURRENCIES = ["EUR", "USD", "GBP", "PLN", "UAH", "CHF", "CZK", "SEK", "NOK", "DKK", "CAD", "HUF"]
CURRENCIES += ["JPY", "KWD", "ISK", "UGX", "TWD", "KRW", "BHD", "MXN"]


@pytest.mark.parametrize(
    ("text", "currency", "language", "minor"),
    [
        ("25", "EUR", "en", 2_500),
        (" 12.5 ", "EUR", "be", 1_250),
        ("12,50", "EUR", "en", 1_250),
        ("1,234", "EUR", "en", 123_400),
        ("1.234", "EUR", "de", 123_400),
        ("1.234,56", "EUR", "en", 123_456),
        ("1,234.56", "EUR", "be", 123_456),
        ("1 234,50", "EUR", "uk", 123_450),
        ("1\u00a0234,50", "EUR", "uk", 123_450),
        ("1\u202f234", "EUR", "fr", 123_400),
        ("1’000.05", "CHF", "de_CH", 100_005),
        ("007", "EUR", "en", 700),
        ("5000", "JPY", "en", 5_000),
        ("1,500", "JPY", "en", 1_500),
        ("1.25", "KWD", "en", 1_250),
        ("1.250", "KWD", "en", 1_250),
        ("5000", "ISK", "en", 500_000),
        ("40 000", "UGX", "uk", 4_000_000),
        ("4000", "HUF", "en", 400_000),
        ("\u0662\u0665", "EUR", "ar", 2_500),  # Arabic digits
        ("\uff12\uff15", "EUR", "en", 2_500),  # full-width digits
    ],
)
def test_what_people_write_is_understood(
    text: str, currency: str, language: str, minor: int
) -> None:
    assert parse_amount(text, currency, language) == minor


@pytest.mark.parametrize(
    ("text", "currency", "language", "error"),
    [
        ("", "EUR", "en", money.NoAmount),
        ("  \u00a0", "EUR", "en", money.NoAmount),
        ("ten", "EUR", "en", money.NotAnAmount),
        ("1e3", "EUR", "en", money.NotAnAmount),
        ("NaN", "EUR", "en", money.NotAnAmount),
        ("Infinity", "EUR", "en", money.NotAnAmount),
        ("+5", "EUR", "en", money.NotAnAmount),
        ("5.", "EUR", "en", money.NotAnAmount),
        (".5", "EUR", "en", money.NotAnAmount),
        ("0x10", "EUR", "en", money.NotAnAmount),
        ("1_000", "EUR", "en", money.NotAnAmount),
        ("5\u00b2", "EUR", "en", money.NotAnAmount),  # a superscript is no digit
        ("\u5341", "EUR", "en", money.NotAnAmount),  # nor is the word for ten
        ("25\x00", "EUR", "en", money.NotAnAmount),
        ("\u200e25", "EUR", "en", money.NotAnAmount),
        ("25\n", "EUR", "en", None),
        ("2\n5", "EUR", "en", money.NotAnAmount),
        ("2 5", "EUR", "en", money.NotAnAmount),
        ("12,34.5", "EUR", "en", money.NotAnAmount),
        ("1,234,56", "EUR", "en", money.NotAnAmount),
        ("1 234,567.89", "EUR", "en", money.NotAnAmount),
        ("1" * 500, "EUR", "en", money.NotAnAmount),
        ("1.234", "EUR", "uk", money.UnclearAmount),
        ("1,234", "CHF", "de_CH", money.UnclearAmount),
        ("-5", "EUR", "en", money.NegativeAmount),
        ("\u22125", "EUR", "en", money.NegativeAmount),
        ("0", "EUR", "en", money.ZeroAmount),
        ("0,00", "EUR", "en", money.ZeroAmount),
        ("1.234", "EUR", "en", money.TooManyDecimals),
        ("1,234", "EUR", "be", money.TooManyDecimals),
        ("12.3456", "EUR", "en", money.TooManyDecimals),
        ("100.5", "JPY", "en", money.TooManyDecimals),
        ("5000.00", "ISK", "en", money.TooManyDecimals),
        ("4000.5", "HUF", "en", money.TooManyDecimals),
        ("1.255", "KWD", "en", money.TooManyDecimals),
        ("1.99", "EUR", "en", money.AmountTooSmall),
        ("0.01", "EUR", "en", money.AmountTooSmall),
        ("10000.01", "EUR", "en", money.AmountTooLarge),
        ("9" * 150, "EUR", "en", money.AmountTooLarge),
    ],
)
def test_what_is_not_clear_is_refused(
    text: str, currency: str, language: str, error: type[money.AmountError] | None
) -> None:
    if error is None:
        assert parse_amount(text, currency, language)
        return
    with pytest.raises(error) as caught:
        parse_amount(text, currency, language)
    assert type(caught.value) is error
    assert str(caught.value.message).endswith(".")


@st.composite
def gifts(draw: st.DrawFn) -> tuple[int, str]:
    currency = draw(st.sampled_from(CURRENCIES))
    limits, step = currencies.limits(currency), currencies.step(currency)
    least = -(-limits.minimum // step)
    return draw(st.integers(least, limits.maximum // step)) * step, currency


@given(gifts(), st.sampled_from(LANGUAGES))
def test_an_amount_written_with_separators_comes_back(gift: tuple[int, str], language: str) -> None:
    minor, currency = gift
    places = currencies.decimals(currency)
    value = Decimal(minor).scaleb(-currencies.exponent(currency))
    pattern = "#,##0" + (f".{'0' * places}" if places else "")
    assert parse_amount(format_decimal(value, pattern, language), currency, language) == minor


@given(gifts(), st.sampled_from(LANGUAGES), st.sampled_from([".", ","]))
def test_an_amount_written_plainly_comes_back(
    gift: tuple[int, str], language: str, point: str
) -> None:
    minor, currency = gift
    value = Decimal(minor).scaleb(-currencies.exponent(currency))
    plain = f"{value:.{currencies.decimals(currency)}f}".replace(".", point)
    assert parse_amount(plain, currency, language) == minor


@given(gifts(), st.sampled_from(LANGUAGES), st.booleans())
def test_a_shown_amount_loses_no_digit(
    gift: tuple[int, str], language: str, is_short: bool
) -> None:
    minor, currency = gift
    shown = format_amount(minor, currency, language, short=is_short)
    digits = "".join(character for character in shown if character.isdigit())
    places = currencies.exponent(currency)
    assert int(digits) in {minor, minor // 10**places if minor % 10**places == 0 else minor}


@given(st.text(max_size=30), st.sampled_from(CURRENCIES), st.sampled_from(LANGUAGES))
def test_any_text_is_an_amount_within_the_limits_or_a_sentence(
    text: str, currency: str, language: str
) -> None:
    message, minor = "", 0
    try:
        minor = parse_amount(text, currency, language)
    except money.AmountError as error:
        message = str(error.message)
    limits = currencies.limits(currency)
    assert message or limits.minimum <= minor <= limits.maximum
    assert minor % currencies.step(currency) == 0


@pytest.mark.parametrize(
    ("minor", "currency", "language", "shown"),
    [
        (2_500, "EUR", "en", "€25.00"),
        (123_450, "EUR", "be", "1\u00a0234,50\u00a0€"),
        (5_000, "JPY", "en", "¥5,000"),
        (5_000, "KWD", "en", "KWD\u00a05.000"),
        (500_000, "ISK", "en", "ISK\u00a05,000"),
        (1_000_000, "HUF", "uk", "10\u00a0000\u00a0HUF"),
        (12_345, "HUF", "en", "HUF\u00a0123.45"),  # what Stripe says is shown whole
    ],
)
def test_money_is_shown_with_stripes_exponent(
    minor: int, currency: str, language: str, shown: str
) -> None:
    assert format_amount(minor, currency, language) == shown


def test_a_short_amount_leaves_out_only_empty_decimals() -> None:
    assert format_amount(2_500, "EUR", "en", short=True) == "€25"
    assert format_amount(2_550, "EUR", "en", short=True) == "€25.50"


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ["€25", "$25", "£25", "zł 25", "₴25"]),
        ("uk", ["25 €", "25 $", "25 £", "25 zł", "25 ₴"]),
        ("be", ["25 €", "25 $", "25 £", "25 zł", "25 ₴"]),
        ("en_CA", ["€25", "US$25", "£25", "zł 25", "₴25"]),  # "$" is another one there
    ],
)
def test_a_short_amount_has_the_currencys_own_sign(language: str, shown: list[str]) -> None:
    offered = ("EUR", "USD", "GBP", "PLN", "UAH")
    written = [format_amount(2_500, code, language, short=True) for code in offered]
    assert [text.replace("\u00a0", " ") for text in written] == shown


@pytest.mark.parametrize("currency", CURRENCIES)
def test_suggested_amounts_are_whole_and_within_the_limits(currency: str) -> None:
    limits = currencies.limits(currency)
    assert limits.maximum <= 99_999_999  # eight digits, as Stripe's description has it
    assert len(limits.suggested) > 1
    assert list(limits.suggested) == sorted(set(limits.suggested))
    for minor in limits.suggested:
        money.check_amount(minor, currency, "en")
        assert minor % 10 ** currencies.exponent(currency) == 0


@given(gifts(), st.sampled_from(LANGUAGES))
def test_an_amount_in_an_address_comes_back(gift: tuple[int, str], language: str) -> None:
    minor, currency = gift
    assert parse_amount(write_amount(minor, currency), currency, "en") == minor
    assert parse_amount(write_amount(minor, currency, language), currency, language) == minor


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (2_500, "EUR", "25"),
        (2_550, "EUR", "25.50"),
        (150_000, "JPY", "150000"),
        (1_250, "KWD", "1.25"),
        (400_000, "ISK", "4000"),
    ],
)
def test_an_amount_as_one_would_type_it(minor: int, currency: str, written: str) -> None:
    assert write_amount(minor, currency) == written


@pytest.mark.parametrize(
    ("entry", "limits"),
    [
        ("EUR:5:5000", (500, 500_000)),
        ("EUR:2.50:50", (250, 5_000)),
        ("JPY:500:90000", (500, 90_000)),
        ("KWD:1.5:300", (1_500, 300_000)),
        ("ISK:500:90000", (50_000, 9_000_000)),
        ("UGX:5000:900000", (500_000, 90_000_000)),
    ],
)
def test_own_limits_count_as_stripe_does(entry: str, limits: tuple[int, int]) -> None:
    assert currencies.read_limit(entry) == (entry[:3], *limits)


@pytest.mark.parametrize(
    "entry",
    [
        "JPY:50.5:900",
        "ISK:500:900.5",
        "HUF:800.50:9000",
        "EUR:5.005:50",
        "KWD:1.125:9",
        "EUR:5:1e9",
    ],
)
def test_own_limits_that_cannot_be_charged_are_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=entry):
        currencies.read_limit(entry)


@pytest.mark.parametrize(
    ("own", "suggested"),
    [
        ("EUR:5:5000", (1_000, 2_500, 5_000, 10_000)),
        ("EUR:20:60", (2_500, 5_000)),
        ("EUR:300:5000", (30_000, 60_000, 120_000, 300_000)),
        ("EUR:3:4", (300, 400)),
        ("EUR:3:9", (300, 600)),
    ],
)
def test_suggested_gifts_follow_own_limits(own: str, suggested: tuple[int, ...]) -> None:
    assert currencies._limits("EUR", (own,)).suggested == suggested
    assert currencies._limits("USD", (own,)) == currencies.limits("USD")
