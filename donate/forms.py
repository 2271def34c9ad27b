"""The form on the donate page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from babel.numbers import get_currency_name
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, HiddenField, SelectField, StringField
from wtforms.validators import Optional, ValidationError

from config.languages import current_language
from config.settings import settings
from donate import dedications, fees
from donate.currencies import home_currency
from donate.funds import DEFAULT_FUND, FUNDS, find_cause
from donate.guard.forms import ProofForm
from donate.money import AmountError, check_amount, parse_amount, too_large
from donate.tiles import SuggestedField, SuggestedGroup, WrongTile
from web.forms import DISCREET, Text, one_line

NEWSLETTER = _("Write to me about what comes of it. I can leave at any time.")
ONCE, MONTH, YEAR = "once", "month", "year"
FREQUENCIES: dict[str, Any] = {ONCE: _("Once"), MONTH: _("Monthly"), YEAR: _("Yearly")}
MOST = 99_999_999  # minor units of one charge, in Stripe's description
# What programs make a link of: a scheme, an e-mail address, or letters right after a full stop.
_LINK = re.compile(r"//|@|[.\u3002\uff0e\uff61](?=[^\W\d_]{2})")
Choices = Callable[[], list[tuple[str, Any]]]


def currency_choices() -> list[tuple[str, Any]]:
    """Each currency of this installation, with its name in the visitor's language."""
    language = current_language()
    return [
        (code, f"{code} – {get_currency_name(code, locale=language)}")
        for code in settings().currencies
    ]


class ChoiceField(SelectField):
    """One of a list; refuses what is not on it, and nothing at all, in words of its own."""

    def __init__(
        self, label: Any, offered: Choices, refusal: Any, may_miss: bool = False, **options: Any
    ) -> None:
        super().__init__(label, choices=[], validate_choice=False, **options)
        self.offered = offered
        self.refusal = refusal
        self.may_miss = may_miss

    def iter_choices(self) -> Any:
        """Value, label, whether it is chosen, further attributes."""
        for value, label in self.offered():
            yield value, label, value == self.data, {}

    def pre_validate(self, form: Any) -> None:
        """Raise ValidationError."""
        is_missing = not self.raw_data
        if not (self.may_miss if is_missing else self.data in dict(self.offered())):
            raise ValidationError(self.refusal)


class DonationForm(ProofForm):
    """How much, of what, for what; nothing about the donor.

    Once it is accepted, `amount_minor` is what to charge, in the currency's minor units; of it
    `fee_cover_minor` cover the fee.
    """

    quota_purpose = "donate"
    amount_minor = 0
    fee_cover_minor = 0

    frequency = ChoiceField(
        _("How often"),
        lambda: list(FREQUENCIES.items()),
        _("Choose how often you would like to give."),
        default=ONCE,
    )
    currency = ChoiceField(
        _("Currency"),
        currency_choices,
        _("Choose a currency from the list."),
        default=lambda: home_currency(current_language()),
    )
    suggested = SuggestedField(_("Amount"))
    amount = StringField(_("Other amount"), filters=[one_line])
    fund = ChoiceField(
        _("What for"),
        lambda: list(FUNDS.items()),
        _("Choose from the list what your gift is for."),
        default=DEFAULT_FUND,
    )
    campaign = HiddenField(default="")
    cover_fee = BooleanField(_("I also pay the fee for the payment"))
    dedication_kind = ChoiceField(
        _("Dedication"),
        lambda: list(dedications.KINDS.items()),
        _("Choose whether it is in honour or in memory of somebody."),
        may_miss=True,
        default=dedications.HONOUR,
    )
    dedication = StringField(
        _("Name"), filters=[one_line], validators=[Optional(), Text(dedications.LONGEST)]
    )
    newsletter = BooleanField(NEWSLETTER)
    discreet = BooleanField(DISCREET)
    from_risk = ChoiceField(
        _("Is your card or phone from Belarus, Russia or an occupied territory?"),
        lambda: [("no", _("No")), ("yes", _("Yes"))],
        _("Say whether your card or phone is from there."),
        may_miss=True,  # which says no
    )

    @property
    def is_recurring(self) -> bool:
        """Whether it is to be given again and again."""
        return bool(self.frequency.data != ONCE)

    @property
    def is_at_risk(self) -> bool:
        """Whether who sent it should not pay."""
        return bool(self.from_risk.data == "yes")

    @property
    def dedication_given(self) -> dict[str, str] | None:
        """Kind and name, to be sealed; None without a name."""
        kind, name = self.dedication_kind.data, self.dedication.data
        return {"kind": kind or dedications.HONOUR, "name": name} if name else None

    def validate(self, extra_validators: Mapping[str, Any] | None = None) -> bool:
        """Check each field, then what the amount is in the chosen currency."""
        is_valid = super().validate(extra_validators)
        return not self.currency.errors and self._take_amount() and is_valid

    def validate_dedication(self, field: Any) -> None:
        """Raise ValidationError for what would become a link in the donor's receipt."""
        if _LINK.search(field.data or ""):
            raise ValidationError(
                _("Write a name only, no address. Leave a space after a full stop.")
            )

    def validate_campaign(self, field: Any) -> None:
        """Forget a campaign that there is not: nobody has typed it, and nobody could mend it."""
        cause = find_cause(field.data or "", current_language())
        field.data = cause.slug if cause else ""

    def refuse_amount(self, message: Any) -> None:
        """Say at the amount why it is not taken."""
        self.amount.errors = [*self.amount.errors, message]

    def suggested_groups(self) -> list[SuggestedGroup]:
        """For each currency its suggested amounts: value, label, whether it is chosen."""
        return self.suggested.groups_in(current_language())

    def fee_examples(self) -> list[tuple[str, str, str, str]]:
        """For each currency the fee of one gift: currency, gift, fee once and when recurring."""
        return fees.examples(current_language())

    def _take_amount(self) -> bool:
        """A typed amount wins over a suggested one."""
        currency, language = self.currency.data, current_language()
        try:
            if self.amount.data:
                gift = parse_amount(self.amount.data, currency, language)
            else:
                gift = self.suggested.minor_in(currency)
                check_amount(gift, currency, language)
            self._charge(gift, currency)
        except AmountError as error:
            self.refuse_amount(error.message)
        except WrongTile as error:
            self.suggested.errors = [*self.suggested.errors, error.message]
        else:
            return True
        return False

    def _charge(self, gift: int, currency: str) -> None:
        self.amount_minor = gift
        if self.cover_fee.data:
            self.amount_minor = fees.add_fee(gift, currency, is_recurring=self.is_recurring)
        if self.amount_minor > MOST:
            raise too_large(currency, current_language())
        self.fee_cover_minor = self.amount_minor - gift
