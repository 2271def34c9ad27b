"""How Stripe counts money (docs.stripe.com/currencies): exponents, whole-unit currencies, smallest
and largest charge.
"""

from decimal import Decimal

from demo.stripe.errors import invalid

ZERO_DECIMAL = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split()  # noqa: SIM905
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# Two decimals at the API, yet nothing below the whole unit may be charged.
WHOLE_UNITS = frozenset({"isk", "ugx"})
TWO_DECIMAL = frozenset(
    """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf
    chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf
    idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk
    mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd
    shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs wst xcd yer zar zmw
    """.split()  # noqa: SIM905 - as long lists, one code a line would hide what is missing
)
SUPPORTED = ZERO_DECIMAL | THREE_DECIMAL | TWO_DECIMAL
# Smallest charge, in minor units; where Stripe names none, the worth of one unit stands in.
MINIMUM = {
    **dict.fromkeys(("usd", "eur", "chf", "cad", "aud", "nzd", "brl", "inr", "sgd"), 50),
    "gbp": 30,
    "jpy": 50,
    "dkk": 250,
    "sek": 300,
    "nok": 300,
    "pln": 200,
    "ron": 200,
    "czk": 1500,
    "huf": 17500,
    "hkd": 400,
    "mxn": 1000,
    "aed": 200,
    "bgn": 100,
}
MAXIMUM = 99_999_999


def exponent(currency: str) -> int:
    """How many decimals the API's integer amounts carry."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def display(amount: int, currency: str) -> str:
    """Minor units as a person reads them: 1250, "eur" -> "12.50 EUR"."""
    places = exponent(currency)
    return f"{Decimal(amount).scaleb(-places):,.{places}f} {currency.upper()}"


def check_currency(currency: str, param: str) -> str:
    """The currency in lower case; raises for one that Stripe does not know."""
    lowered = currency.lower()
    if lowered not in SUPPORTED:
        raise invalid(f"Invalid currency: {currency}", param=param)
    return lowered


def check_unit_amount(amount: int, currency: str, param: str) -> None:
    """One price: not negative, and no finer than the currency may be charged."""
    if amount < 0:
        raise invalid(
            "This value must be greater than or equal to 0.",
            param=param,
            code="parameter_invalid_integer",
        )
    if currency in WHOLE_UNITS and amount % 100:
        raise invalid(
            f"{currency.upper()} has no decimals any more: the amount must end in 00.",
            param=param,
            code="invalid_charge_amount_no_decimal_compatible",
        )
    if currency in THREE_DECIMAL and amount % 10:
        raise invalid(
            f"The last digit of an amount in {currency.upper()} must be 0.",
            param=param,
            code="parameter_invalid_integer",
        )


def check_total(amount: int, currency: str, param: str) -> None:
    """What a session would charge, against the smallest and largest that Stripe takes."""
    smallest = MINIMUM.get(currency, 10 ** exponent(currency))
    if amount < smallest:
        raise invalid(
            f"The Checkout Session's total amount due must add up to at least"
            f" {display(smallest, currency)}",
            param=param,
            code="amount_too_small",
        )
    if amount > MAXIMUM:
        raise invalid(
            f"The Checkout Session's total amount must be no more than"
            f" {display(MAXIMUM, currency)}",
            param=param,
            code="amount_too_large",
        )
