"""Forms about the staff themselves: inviting, changing a role, setting a passphrase."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import HiddenField, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Length, ValidationError

from staff.forms import StaffForm, choices
from staff.team.invitations import LONGEST_NAME
from staff.team.words import ROLES
from web.forms import Text, one_line

_SHORT = Length(max=200)


class RoleForm(StaffForm):
    """Which role somebody has."""

    role = SelectField(_("Role"), [InputRequired(_("Choose a role."))], choices=choices(ROLES))


class InviteForm(RoleForm):
    """Whom to invite, by the name that they will sign in with."""

    name = StringField(
        _("Name to sign in with"), [Text(LONGEST_NAME, required=_("Enter a name."))], [one_line]
    )


class TypedBackForm(StaffForm):
    """The words that the page shows, typed by whoever wrote them down."""

    offer = HiddenField(validators=[InputRequired()])
    passphrase = PasswordField(
        _("Your passphrase, typed from paper"),
        [InputRequired(_("Type the six words from your paper.")), _SHORT],
    )


class ChosenForm(StaffForm):
    """A passphrase of one's own, twice."""

    passphrase = PasswordField(
        _("Your passphrase"), [InputRequired(_("Enter a passphrase.")), _SHORT]
    )
    again = PasswordField(
        _("The same once more"), [InputRequired(_("Enter it once more.")), _SHORT]
    )

    def validate_again(self, field: Any) -> None:
        """Both must be alike, letter by letter."""
        if field.data != self.passphrase.data:
            raise ValidationError(str(_("The two are not alike. Enter both once more.")))


class _Current(StaffForm):
    """The passphrase that one has, before there is another."""

    current = PasswordField(
        _("Your present passphrase"), [InputRequired(_("Enter your passphrase.")), _SHORT]
    )


class ChangeOfferedForm(_Current, TypedBackForm):
    """The present passphrase, and the words of the next one."""


class ChangeChosenForm(_Current, ChosenForm):
    """The present passphrase, and another one of one's own."""
