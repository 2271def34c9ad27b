"""The form for volunteers."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs of 3.2
from wtforms.validators import DataRequired, Optional

from web.forms import (
    DISCREET,
    ChoiceField,
    CountryField,
    EmailAddress,
    PublicForm,
    Text,
    TicksField,
    one_line,
    several_lines,
)
from web.phone import PhoneNumber

CONSENT = _(
    "I agree that what I wrote here is kept sealed and read by the staff who look for volunteers. "
    "I can withdraw this consent at any time."
)
NEWSLETTER = _("Write to me about the work. I can leave at any time.")

SKILLS = [
    ("translation", _("Translation")),
    ("legal", _("Legal help")),
    ("psychology", _("Psychological support")),
    ("care", _("Care for children and families")),
    ("research", _("Research and documentation")),
    ("media", _("Writing, photo, video")),
    ("design", _("Design")),
    ("it", _("IT and digital security")),
    ("events", _("Events and public actions")),
    ("fundraising", _("Fundraising")),
    ("transport", _("Driving and delivery")),
    ("other", _("Something else")),
]
AVAILABILITY = [
    ("hours", _("A few hours a month")),
    ("weekly", _("A few hours a week")),
    ("days", _("One or more days a week")),
    ("once", _("For a single task or event")),
]


class VolunteerForm(PublicForm):
    """Who somebody is, what they can do, and when."""

    quota_purpose = "volunteer"

    name = StringField(_("Your name"), [Text(required=_("Enter your name."))], [one_line])
    email = StringField(_("E-mail"), [EmailAddress()], [one_line])
    phone = StringField(_("Phone"), [Optional(), PhoneNumber()], [one_line])
    country = CountryField(_("Country"))
    languages = StringField(
        _("Languages you speak"), [Text(required=_("Enter at least one language."))], [one_line]
    )
    skills = TicksField(_("What you can do"), choices=[SelectChoice(*skill) for skill in SKILLS])
    availability = ChoiceField(
        _("How much time you have"), choices=[SelectChoice(*often) for often in AVAILABILITY]
    )
    message = TextAreaField(_("Anything we should know"), [Optional(), Text(2000)], [several_lines])
    consent = BooleanField(
        CONSENT, [DataRequired(_("Tick the box if you agree; without it we may not keep this."))]
    )
    newsletter = BooleanField(NEWSLETTER)
    discreet = BooleanField(DISCREET)
