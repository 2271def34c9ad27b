"""The blueprint of the pages on which people give, and how templates write money and funds."""

from __future__ import annotations

from config.languages import current_language
from donate import funds, money
from web.public import public_blueprint

donate = public_blueprint("donate", __name__)


@donate.app_template_filter("short_sum")
def short_sum(minor: int, currency: str) -> str:
    """An amount in minor units, without empty decimals, in the language of the page."""
    return money.format_amount(minor, currency, current_language(), short=True)


@donate.app_template_filter("fund_name")
def fund_name(slug: str) -> str:
    """What a gift is for, in the language of the page."""
    return funds.fund_name(slug, current_language())
