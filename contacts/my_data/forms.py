"""The forms of "my data": for corrected details, for another address, and its buttons.

A button is a form, too: it carries the timed token, and the origin check holds for it.
"""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import StringField, TextAreaField
from wtforms.validators import Optional

from web.forms import CountryField, EmailAddress, PublicForm, Text, one_line, several_lines
from web.phone import PhoneNumber

LONGEST_NOTE = 1_000  # characters


class AddressForm(PublicForm):
    """The present and the new address; mails go there, so it has the quota of links."""

    quota_purpose = "link"

    present = StringField(_("Present e-mail address"), [EmailAddress()], [one_line])
    email = StringField(_("New e-mail address"), [EmailAddress()], [one_line])

    def cannot_check(self) -> None:
        """Say that the present address cannot be checked now; what was typed stays in the form."""
        self.status = 503
        self.form_errors.append(
            _(
                "At the moment we cannot check your present address, so that nothing was changed "
                "and nothing sent. Please try again later, or write to us."
            )
        )


class AnyCountryField(CountryField):
    """A country, or none."""

    def pre_validate(self, form: Any) -> None:
        """Raise ValidationError for what is not on the list."""
        if self.data:
            super().pre_validate(form)


class DetailsForm(PublicForm):
    """What was wrong or has changed; what is left empty stays as it was."""

    quota_purpose = "correct"

    name = StringField(_("Your name"), [Optional(), Text()], [one_line])
    phone = StringField(_("Phone"), [Optional(), PhoneNumber()], [one_line])
    country = AnyCountryField(_("Country"))
    note = TextAreaField(
        _("Anything else that is wrong"), [Optional(), Text(LONGEST_NOTE)], [several_lines]
    )

    @property
    def details(self) -> dict[str, str]:
        """What was filled in, by field."""
        names = ("name", "phone", "country", "note")
        return {name: self[name].data for name in names if self[name].data}

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether it is filled in rightly, and at all."""
        if not super().validate(extra_validators):
            return False
        if not self.details:
            self.form_errors.append(_("Fill in what is to be corrected."))
        return bool(self.details)


class ButtonForm(PublicForm):
    """A button of the private page: the link was its proof, so no quota is spent."""
