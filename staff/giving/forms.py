"""The forms about gifts: filters, a refund, a gift that came by hand, a goal."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from babel.numbers import get_currency_name
from flask_babel import lazy_gettext as _
from wtforms import DateField, Field, HiddenField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Optional, ValidationError

from config.languages import current_language, endonym, supported_languages
from config.settings import settings
from donate.funds import FUNDS
from donate.models import Method
from donate.money import AmountError, NoAmount, parse_minor
from staff.forms import StaffForm, choices
from staff.giving.words import METHODS, REVIEWS, STATES
from staff.words import month as month_in_words
from web.forms import ChoiceField, EmailAddress, Text, one_line

MOST_MINOR = 10**12  # beyond it lie only slips of the hand
OLDEST = timedelta(days=3 * 366)  # a gift that came before is in older books


class DayField(DateField):
    """A day, as the browser's own field sends it (ISO 8601)."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Raise ValueError for what is no day, with what to do."""
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError(_("Enter the day like 2026-03-18.")) from error


class GiftFilterForm(StaffForm):
    """Which gifts to show, or to export."""

    state = SelectField(_("State"), [Optional()])
    fund = SelectField(_("Fund"), [Optional()])
    currency = SelectField(_("Currency"), [Optional()])
    method = SelectField(_("How it came"), [Optional()])
    review = SelectField(_("Review"), [Optional()])
    month = SelectField(_("Month"), [Optional()])

    def __init__(self, *args: Any, first_month: str, today: date) -> None:
        super().__init__(*args)
        self.state.choices = choices(STATES, _("All states"))
        self.fund.choices = choices(FUNDS, _("All funds"))
        codes = {code: code for code in settings().currencies}
        self.currency.choices = choices(codes, _("All currencies"))
        self.method.choices = choices(METHODS, _("All ways"))
        self.review.choices = choices(REVIEWS, _("All of them"))
        months = {name: month_in_words(name) for name in _months(first_month, today)}
        self.month.choices = choices(months, _("All months"))


class AmountForm(StaffForm):
    """A form with an amount of any size; once it is accepted, `amount_minor` is in minor units."""

    amount_minor = 0

    amount = StringField(_("Amount"), filters=[one_line])

    def take_amount(self, currency: str) -> bool:
        """Read the amount, or say at its field why not."""
        try:
            self.amount_minor = parse_minor(self.amount.data or "", currency, current_language())
        except NoAmount:
            self.refuse_amount(_("Enter the amount."))
        except AmountError as error:
            self.refuse_amount(error.message)
        if self.amount_minor > MOST_MINOR:
            self.refuse_amount(_("This is more than anybody gives. Check the amount."))
        return not self.amount.errors

    def refuse_amount(self, message: Any) -> None:
        """Say at the amount why it is not taken."""
        self.amount.errors = [*self.amount.errors, message]


class RefundForm(AmountForm):
    """How much to give back, and why; `seen` is what was left when the page was drawn."""

    seen = HiddenField(validators=[InputRequired()])
    reason = RadioField(_("Reason"), [InputRequired(_("Choose the reason."))])

    def __init__(self, *args: Any, reasons: Mapping[str, Any], **more: Any) -> None:
        super().__init__(*args, **more)
        self.reason.choices = choices(reasons)

    def is_accepted(self, currency: str) -> bool:
        """Whether everything is in order."""
        is_valid = self.validate()
        return self.take_amount(currency) and is_valid


class _InCurrency(AmountForm):
    """An amount in one of our currencies, for a fund, perhaps of a campaign."""

    currency = ChoiceField(_("Currency"))
    fund = ChoiceField(_("What for"))
    campaign = ChoiceField(_("Campaign"))

    def __init__(self, *args: Any, campaigns: Mapping[str, str], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fund.choices = choices(FUNDS)
        self.campaign.choices = choices(campaigns, self.any_campaign)
        language = current_language()
        self.currency.choices = choices(
            {
                code: f"{code} – {get_currency_name(code, locale=language)}"
                for code in settings().currencies
            }
        )

    any_campaign: Any = _("Whatever the campaign")

    def is_accepted(self) -> bool:
        """Whether everything is in order."""
        is_valid = self.validate()
        if self.currency.errors:
            return False
        return self.take_amount(self.currency.data) and is_valid


class GoalForm(_InCurrency):
    """What staff hope to raise."""


class OfflineForm(_InCurrency):
    """A gift that came by transfer or in cash. `gift` is its id to be: two clicks enter one."""

    any_campaign = _("No campaign")

    gift = HiddenField()
    method = RadioField(
        _("How it came"),
        [InputRequired(_("Choose how the gift came."))],
        choices=choices({name: METHODS[name] for name in (Method.TRANSFER, Method.CASH)}),
        default=Method.TRANSFER,
    )
    day = DayField(_("Day on which it came"), [InputRequired(_("Enter the day."))])
    reference = StringField(_("Reference"), [Optional(), Text(40)], [one_line])
    name = StringField(_("Name"), [Optional(), Text()], [one_line])
    email = StringField(_("E-mail"), [Optional(), EmailAddress()], [one_line])
    language = ChoiceField(_("Language of the thank-you"))

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.language.choices = choices({code: endonym(code) for code in supported_languages()})

    @property
    def gift_id(self) -> uuid.UUID:
        """The id of the gift to be; a new one where the form came without."""
        try:
            return uuid.UUID(self.gift.data)
        except (TypeError, ValueError, AttributeError):
            return uuid.uuid4()

    def validate_day(self, field: Field) -> None:
        """Raise ValidationError for a day that has not come, or is long past."""
        today = datetime.now(UTC).date()
        if field.data is None:
            return
        if field.data > today + timedelta(days=1):  # it is tomorrow already in the east
            raise ValidationError(_("This day has not come yet."))
        if field.data < today - OLDEST:
            raise ValidationError(_("This day is more than three years ago. Check the year."))


def _months(first: str, today: date) -> list[str]:
    """The months from the first to this one, the newest first, as 2026-03."""
    months, this = [], today.isoformat()[:7]
    while first and this >= first:
        months.append(this)
        year, n = int(this[:4]), int(this[5:])
        this = f"{year - (n == 1):04}-{(n - 2) % 12 + 1:02}"
    return months or [this]
