"""The forms of staff. Their token is checked for all posts at once, in `views_door`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length, Optional

from staff.words import KINDS, NEWSLETTER, STATES
from volunteers.services import REVIEW_STATES
from web.forms import EmailAddress, Text, WordsOnly, one_line

LONGEST_NOTE = 4000  # characters
_SHORT = Length(max=200)


def choices(words: Mapping[str, Any], everything: Any = None) -> list[SelectChoice]:
    """The choices of a list; `everything` is what the empty one is called."""
    first = [] if everything is None else [SelectChoice("", everything)]
    return first + [SelectChoice(value, label) for value, label in words.items()]


class StaffForm(FlaskForm):  # type: ignore[misc]
    """A form behind the sign-in."""

    Meta = WordsOnly


class ProofForm(StaffForm):
    """Passphrase and code; pasting is welcome."""

    passphrase = PasswordField(
        _("Passphrase"), [InputRequired(_("Enter your passphrase.")), _SHORT]
    )
    code = StringField(_("Code from your app"), [Optional(), _SHORT])


class SignInForm(ProofForm):
    """Whose passphrase and code they are, besides."""

    name = StringField(_("Name"), [Text(required=_("Enter your name."))], [one_line])


class CodeForm(StaffForm):
    """The first code, which shows that the app has the secret."""

    code = StringField(
        _("The code that the app shows now"), [InputRequired(_("Enter the code.")), _SHORT]
    )


class SearchForm(StaffForm):
    """One address, to find one person."""

    email = StringField(_("E-mail"), [EmailAddress()], [one_line])


class FilterForm(StaffForm):
    """Which deeds to show, or to export."""

    kind = SelectField(_("Kind"), [Optional()])
    campaign = SelectField(_("Petition or fund"), [Optional()])
    state = SelectField(_("State"), [Optional()])
    newsletter = SelectField(_("Newsletter"), [Optional()])

    def __init__(self, *args: Any, petitions: dict[str, str], funds: dict[str, str]) -> None:
        super().__init__(*args)
        self.kind.choices = choices(KINDS, _("All kinds"))
        self.campaign.choices = choices({**petitions, **funds}, _("All petitions and funds"))
        self.state.choices = choices(STATES, _("All states"))
        self.newsletter.choices = choices(NEWSLETTER, _("With and without newsletter"))


class ReviewForm(StaffForm):
    """A step with a volunteer: from the state that was seen to another."""

    seen = HiddenField(validators=[InputRequired()])
    state = RadioField(
        _("New state"),
        [InputRequired(_("Choose the new state."))],
        choices=choices({state: STATES[state] for state in REVIEW_STATES}),
    )
    note = TextAreaField(_("Note"), [Optional(), Text(LONGEST_NOTE)])


class NoteForm(StaffForm):
    """A note alone."""

    note = TextAreaField(_("Note"), [Text(LONGEST_NOTE, required=_("Write the note."))])
