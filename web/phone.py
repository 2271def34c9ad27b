"""Telephone numbers as people type them."""

from __future__ import annotations

from typing import Any

import phonenumbers
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import Field
from wtforms.validators import ValidationError


class PhoneNumber:
    """A number with its country code, in the international form (ITU-T E.164)."""

    field_flags = {"maxlength": 40}

    def __call__(self, form: FlaskForm, field: Field) -> None:
        """Put the number in its usual form. Raises ValidationError."""
        country = getattr(form, "country", None)
        try:
            number = phonenumbers.parse(field.data, country.data if country else None)
        except phonenumbers.NumberParseException as error:
            raise ValidationError(self._message()) from error
        if not phonenumbers.is_possible_number(number):
            raise ValidationError(self._message())
        field.data = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def _message(self) -> Any:
        return _("Enter a phone number with its country code, like +370 612 34567.")
