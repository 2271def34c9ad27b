"""The form of "my giving" for a statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import Field, StringField, TextAreaField
from wtforms.validators import ValidationError

from donate.giving.paper import drawable
from web.forms import ChoiceField, PublicForm, Text, one_line, several_lines

LONGEST_NAME = 120  # characters
LONGEST_ADDRESS = 300
MOST_LINES = 5


class Printable:
    """Only letters that the fonts of the statement have."""

    def __call__(self, form: FlaskForm, field: Field) -> None:
        """Raise ValidationError with the first that they have not."""
        for letter in field.data or "":
            if not letter.isspace() and ord(letter) not in drawable():
                raise ValidationError(
                    _(
                        "“%(letter)s” cannot be printed. Write with Latin, Cyrillic, Greek, Hebrew "
                        "or Arabic letters.",
                        letter=letter,
                    )
                )


class StatementForm(PublicForm):
    """For which year, and what is to stand on it; nothing of it is kept."""

    quota_purpose = "statement"

    year = ChoiceField(_("Year"), choices=[])
    name = StringField(
        _("Name on the statement"),
        [
            Text(LONGEST_NAME, required=_("Enter the name that is to stand on the statement.")),
            Printable(),
        ],
        [one_line],
    )
    address = TextAreaField(
        _("Address on the statement"), [Text(LONGEST_ADDRESS), Printable()], [several_lines]
    )

    def __init__(self, years: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.year.choices = [(str(year), str(year)) for year in years]

    @property
    def address_lines(self) -> list[str]:
        """The address, without empty lines."""
        lines = (line.strip() for line in (self.address.data or "").splitlines())
        return [line for line in lines if line]

    def validate_address(self, field: Field) -> None:
        """Raise ValidationError for more lines than the paper has room for."""
        if len(self.address_lines) > MOST_LINES:
            raise ValidationError(_("At most %(count)s lines, please.", count=MOST_LINES))
