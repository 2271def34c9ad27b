"""The form that announces a transfer: how much, what for, and perhaps whom to thank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, HiddenField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs of 3.2
from wtforms.validators import Optional

from config.languages import current_language
from donate.funds import DEFAULT_FUND, FUNDS, find_cause
from donate.money import AmountError, AmountTooLarge, NoAmount, parse_minor
from donate.offline.account import Account
from donate.offline.qr import LARGEST_MINOR
from web.forms import DISCREET, ChoiceField, EmailAddress, PublicForm, one_line


class TransferForm(PublicForm):
    """Once it is accepted, `amount_minor` is what is to come, in `currency`'s minor units.

    No smallest gift: a transfer costs neither side a fee by the piece.
    """

    quota_purpose = "transfer"
    amount_minor = 0

    amount = StringField(filters=[one_line])
    fund = ChoiceField(
        _("What for"),
        choices=[SelectChoice(*fund) for fund in FUNDS.items()],
        default=DEFAULT_FUND,
    )
    campaign = HiddenField(default="")
    email = StringField(_("E-mail"), filters=[one_line], validators=[Optional(), EmailAddress()])
    discreet = BooleanField(DISCREET)

    def __init__(self, account: Account, **options: Any) -> None:
        super().__init__(**options)
        self.currency = account.currency
        self.amount.label.text = gettext("Amount in %(currency)s", currency=account.currency)

    def validate(self, extra_validators: Mapping[str, Any] | None = None) -> bool:
        """Check each field, then what the amount is."""
        is_valid = super().validate(extra_validators)
        if find_cause(self.campaign.data or "", current_language()) is None:
            self.campaign.data = ""
        return self._take_amount() and is_valid

    def _take_amount(self) -> bool:
        try:
            if not self.amount.data:
                raise NoAmount(_("Enter the amount."))
            minor = parse_minor(self.amount.data, self.currency, current_language())
            if minor > LARGEST_MINOR:
                raise AmountTooLarge(_("Enter a smaller amount."))
        except AmountError as error:
            self.amount.errors = [*self.amount.errors, error.message]
            return False
        self.amount_minor = minor
        return True
