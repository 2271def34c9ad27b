"""The base of the forms that visitors fill in: no cookie, a timed token, a trap, a quota."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask import request
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.form import _Auto
from wtforms import Field, HiddenField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import Choice  # type: ignore[attr-defined] # stubs of 3.2
from wtforms.validators import StopValidation, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from config.languages import current_language
from vault.services import VaultMissing
from web import throttle, tokens
from web.countries import COUNTRY_CODES, countries
from web.errors import note_unavailable

DISCREET = _(
    "Write to me discreetly: a neutral sender, subject and wording that do not show what it is "
    "about."
)
LONGEST_LINE = 200  # characters
LONGEST_EMAIL = 254  # RFC 5321 4.5.3.1.3, less the brackets
LONGEST_TEXT = 4_000  # characters that any field may have
# What a person never types, and what turns text round or hides in it (Unicode TR 36).
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f"
    r"\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_BREAKS = re.compile(r"[\t\n\r\x85\u2028\u2029]+")


class WordsOnly(FlaskForm.Meta):  # type: ignore[misc]
    """How our forms read a post; each has a token of its own kind instead of Flask-WTF's."""

    csrf = False

    def wrap_formdata(self, form: Any, formdata: Any) -> Any:
        """Words only: Flask-WTF would also take files and JSON, whose values are no text."""
        return request.form if formdata is _Auto else formdata


class PublicForm(FlaskForm):  # type: ignore[misc]
    """A form on a public page.

    The page is the same for everyone and sets no cookie, so that Flask-WTF's token, which lives in
    a session, cannot serve here: the origin check and this timed token do.
    """

    class Meta(WordsOnly):
        def get_translations(self, form: Any) -> None:
            """Each message is ours, so that WTForms' own catalogues are never asked."""

    form_token = HiddenField()
    website = StringField(_("Leave this empty"))  # the trap: people do not see it

    quota_purpose = "form"
    quota_cost = 1
    status = 200

    def is_accepted(self, limit: str) -> bool:
        """Whether this is a post that may be acted on; else `status` says what to answer."""
        if not self.is_sound():
            return False
        try:
            has_quota = throttle.spend(limit, self.quota_purpose, self.quota_cost)
        except VaultMissing as error:
            note_unavailable(error)
            self.put_off()
            return False
        if not has_quota:
            self.status = 429
            self.form_errors.append(
                _(
                    "Too many forms came from your network in the last hour. Nothing was sent. "
                    "Wait a little and send it again, or use another connection."
                )
            )
            return False
        return True

    def is_sound(self) -> bool:
        """Whether it is whole, fresh and filled in rightly; no quota is spent."""
        if not self.is_submitted():
            return False
        self.status = 422
        age = self._age()
        if age is None or not self.validate():
            return False
        if self.website.data:
            self.form_errors.append(_("Leave the hidden field empty and send the form again."))
            return False
        self.quota_cost = 3 if age < tokens.TOO_QUICK else 1  # quick posts get the slower quota
        return True

    def put_off(self) -> None:
        """Say that nothing can be taken in now; what was typed stays in the form."""
        self.status = 503
        self.form_errors.append(
            _(
                "We only accept what we can keep safely, and at the moment we cannot. "
                "Nothing was stored. Please try again in a few minutes."
            )
        )

    def _age(self) -> Any:
        try:
            return tokens.age_of(self.form_token.data or "", datetime.now(UTC))
        except tokens.StaleToken:
            self.validate()
            self.form_errors.append(
                _("This page was open for a long time. Check what you wrote and send it again.")
            )
        except tokens.ForgedToken:
            self.status = 400
            self.form_errors.append(
                _("The form did not arrive whole. Check what you wrote and send it again.")
            )
        return None

    def fresh_token(self) -> str:
        """The token to draw into the page: always a new one."""
        return tokens.make_form_token()


def one_line(value: str | None) -> str | None:
    """As `several_lines`, on one line, as a browser would send it."""
    return several_lines(_BREAKS.sub(" ", value)) if value else value


def several_lines(value: str | None) -> str | None:
    """Unicode in its usual form (NFC), spaces at the ends taken off.

    What is too long for any field stays as it is, to be refused: the work that NFC makes of
    accents upon accents grows with the square of their number.
    """
    if not value or len(value) > LONGEST_TEXT:
        return value
    return unicodedata.normalize("NFC", value).strip()


class Text:
    """Text of at most `longest` characters, without control or direction marks."""

    def __init__(self, longest: int = LONGEST_LINE, required: str | None = None) -> None:
        self.longest = longest
        self.required = required
        self.field_flags = {"maxlength": longest} | ({"required": True} if required else {})

    def __call__(self, form: FlaskForm, field: Field) -> None:
        """Raise ValidationError with what to do."""
        value = field.data or ""
        if not value:
            raise StopValidation(self.required or "")
        if len(value) > self.longest:
            raise ValidationError(
                _("This is too long: at most %(count)s characters.", count=self.longest)
            )
        if _HIDDEN.search(value):
            raise ValidationError(_("There are hidden characters in this text. Type it anew."))


class EmailAddress:
    """An address that mail can be sent to, as RFC 5321 and 6531 have it; no look-up is made."""

    field_flags = {"required": True, "maxlength": LONGEST_EMAIL}

    def __call__(self, form: FlaskForm, field: Field) -> None:
        """Put the address in its usual form. Raises ValidationError."""
        value = field.data or ""
        if len(value) > LONGEST_EMAIL or _HIDDEN.search(value):
            raise ValidationError(_("Enter an address like name@example.org."))
        try:
            # The name .test (RFC 6761) is let in: it reaches nobody, and a trial needs addresses.
            checked = validate_email(value, check_deliverability=False, test_environment=True)
        except EmailNotValidError as error:
            raise ValidationError(_("Enter an address like name@example.org.")) from error
        field.data = checked.normalized


class ChoiceField(SelectField):
    """One of a list."""

    def pre_validate(self, form: Any) -> None:
        """Raise ValidationError for what is not on the list, in the visitor's language."""
        if all(self.data != value for value, *_more in self.iter_choices()):
            raise ValidationError(_("Choose from the list."))


class TicksField(SelectMultipleField):
    """Several of a list, as native boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def pre_validate(self, form: Any) -> None:
        """Raise ValidationError for what is not on the list, in the visitor's language."""
        if not {value for value, *_more in self.iter_choices()}.issuperset(self.data or ()):
            raise ValidationError(_("Choose from the list."))


class CountryField(SelectField):
    """A country or territory of ISO 3166, named and sorted in the visitor's language (CLDR)."""

    def __init__(self, label: Any, **options: Any) -> None:
        super().__init__(label, choices=[], validate_choice=False, **options)

    def iter_choices(self) -> Any:
        """The choices, an empty one first."""
        for code, name in [("", "—"), *countries(current_language())]:
            yield Choice(code, name, code == self.data, {})

    def pre_validate(self, form: Any) -> None:
        """Raise ValidationError for what is not on the list."""
        if self.data not in COUNTRY_CODES:
            raise ValidationError(_("Choose a country from the list."))
