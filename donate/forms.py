"""The form on the donate page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from babel.numbers import get_currency_name
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import ValidationError

from config.languages import current_language
from config.settings import settings
from donate.currencies import limits
from donate.funds import DEFAULT_FUND, FUNDS
from donate.money import AmountError, NoAmount, check_amount, format_amount, parse_amount
from web.forms import PublicForm, one_line

NEWSLETTER = _("Write to me about what comes of it. I can leave at any time.")
Choices = Callable[[], list[tuple[str, Any]]]
SuggestedGroup = tuple[str, list[tuple[str, str, bool]]]


def currency_choices() -> list[tuple[str, str]]:
    """Each currency of this installation, with its name in the visitor's language."""
    language = current_language()
    return [
        (code, f"{code} – {get_currency_name(code, locale=language)}")
        for code in settings().currencies
    ]


def fund_choices() -> list[tuple[str, Any]]:
    """Each fund with its name."""
    return list(FUNDS.items())


def frequency_choices() -> list[tuple[str, Any]]:
    """How often one can give."""
    return [("once", _("Once"))]


class ChoiceField(SelectField):
    """One of a list; refuses what is not on it, and nothing at all, in words of its own."""

    def __init__(self, label: Any, offered: Choices, refusal: Any, **options: Any) -> None:
        super().__init__(label, choices=[], validate_choice=False, **options)
        self.offered = offered
        self.refusal = refusal

    def iter_choices(self) -> Any:
        """Value, label, whether it is chosen, further attributes."""
        for value, label in self.offered():
            yield value, label, value == self.data, {}

    def pre_validate(self, form: Any) -> None:
        """Raise ValidationError."""
        known = {value for value, _label in self.offered()}
        if not self.raw_data or self.data not in known:
            raise ValidationError(self.refusal)


class DonationForm(PublicForm):
    """How much, of what, for what; nothing about the donor.

    Once it is accepted, `amount_minor` is what to charge, in the currency's minor units.
    """

    quota_purpose = "donate"
    amount_minor = 0

    amount = StringField(_("Other amount"), filters=[one_line])
    suggested = StringField(_("Amount"))  # the template draws radios from suggested_groups()
    currency = ChoiceField(
        _("Currency"),
        currency_choices,
        _("Choose a currency from the list."),
        default=lambda: settings().default_currency,
    )
    frequency = ChoiceField(
        _("How often"),
        frequency_choices,
        _("Monthly giving is not possible yet. Choose “Once”."),
        default="once",
    )
    fund = ChoiceField(
        _("What for"),
        fund_choices,
        _("Choose from the list what your gift is for."),
        default=DEFAULT_FUND,
    )
    newsletter = BooleanField(NEWSLETTER)

    def validate(self, extra_validators: Mapping[str, Any] | None = None) -> bool:
        """Check each field, then what the amount is in the chosen currency."""
        is_valid = super().validate(extra_validators)
        return not self.currency.errors and self._take_amount() and is_valid

    def refuse_amount(self, message: Any) -> None:
        """Say at the amount why it is not taken."""
        self.amount.errors = [*self.amount.errors, message]

    def suggested_groups(self) -> list[SuggestedGroup]:
        """For each currency its suggested amounts: value, label, whether it is checked."""
        checked = self.suggested.data
        if self.suggested.raw_data is None:  # a fresh page, not one that comes back
            checked = _suggested_values(settings().default_currency)[1]
        language = current_language()
        return [
            (
                code,
                [
                    (value, format_amount(minor, code, language, short=True), value == checked)
                    for value, minor in zip(
                        _suggested_values(code), limits(code).suggested, strict=True
                    )
                ],
            )
            for code in settings().currencies
        ]

    def _take_amount(self) -> bool:
        """A typed amount wins over a suggested one."""
        currency, language = self.currency.data, current_language()
        try:
            if self.amount.data:
                self.amount_minor = parse_amount(self.amount.data, currency, language)
            else:
                self.amount_minor = self._suggested_minor(currency)
                check_amount(self.amount_minor, currency, language)
        except AmountError as error:
            self.refuse_amount(error.message)
        except ValidationError as error:
            self.suggested.errors = [*self.suggested.errors, *error.args]
        else:
            return True
        return False

    def _suggested_minor(self, currency: str) -> int:
        value = self.suggested.data or ""
        if not value:
            raise NoAmount(_("Choose an amount or enter your own."))
        for code in settings().currencies:
            if value not in _suggested_values(code):
                continue
            if code != currency:
                raise ValidationError(
                    _(
                        "The amount you chose is in %(chosen)s, but the currency is %(currency)s. "
                        "Choose an amount in %(currency)s, or type one.",
                        chosen=code,
                        currency=currency,
                    )
                )
            return int(value.partition("-")[0])
        raise ValidationError(_("Choose one of the amounts, or type your own."))


def _suggested_values(currency: str) -> list[str]:
    return [f"{minor}-{currency}" for minor in limits(currency).suggested]
