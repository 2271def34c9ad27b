"""The form that asks how a table leaves: bare, or sealed for one key."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import RadioField, StringField
from wtforms.validators import InputRequired, Optional, ValidationError

from staff.forms import StaffForm, choices
from staff.people.export_age import NoRecipient, SecretKeyShown, parse_recipient
from web.forms import one_line

AGE, CSV = "age", "csv"


class ExportForm(StaffForm):
    """How the table leaves. What was typed once is not kept here: nobody can put another key there.

    Once it is accepted, `recipient` holds the key as age writes it.
    """

    file = RadioField(
        _("The file"),
        [InputRequired(_("Choose from the list."))],  # nothing leaves in clear unasked
        choices=choices(
            {
                AGE: _("Sealed for one key (.csv.age)"),
                CSV: _("Open to whoever finds it (.csv)"),
            }
        ),
    )
    recipient = StringField(_("Public key of age"), [Optional()], [one_line])

    @classmethod
    def fresh(cls) -> ExportForm:
        """The form before anything was chosen; it leads to the sealed file."""
        return cls(None, data={"file": AGE})

    def is_accepted(self) -> bool:
        """Whether it is known for whom the file is."""
        if not self.validate():
            return False
        if self.file.data == AGE and not self.recipient.data:
            self.recipient.errors = [_("Enter the public key for which the file is sealed.")]
            return False
        return True

    def sealed_for(self) -> str | None:
        """The key for which the file is sealed; None for an open one."""
        return self.recipient.data or None if self.file.data == AGE else None

    def validate_recipient(self, field: Any) -> None:
        """Take a public key only."""
        if self.file.data != AGE:
            return
        try:
            field.data = parse_recipient(field.data)
        except SecretKeyShown:
            field.data = field.raw_data = None
            raise ValidationError(
                _("This is a secret key, and others may have seen it now. Make a new pair, and "
                  "enter its public half, which begins with age1.")
            ) from None  # fmt: skip
        except NoRecipient:
            raise ValidationError(
                _("This is no public key of age. It begins with age1 and has 62 characters.")
            ) from None
