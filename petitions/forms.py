"""The form under a petition."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, StringField
from wtforms.validators import DataRequired

from web.forms import DISCREET, CountryField, EmailAddress, PublicForm, Text, one_line

CONSENT = _(
    "I agree that my signature, which may show a political opinion, is kept sealed and counted "
    "for this petition. I can withdraw this consent at any time."
)
NEWSLETTER = _("Write to me about what comes of it. I can leave at any time.")


class SignatureForm(PublicForm):
    """Name, address and country; an explicit consent; news only for those who ask."""

    quota_purpose = "sign"

    name = StringField(_("Your name"), [Text(required=_("Enter your name."))], [one_line])
    email = StringField(_("E-mail"), [EmailAddress()], [one_line])
    country = CountryField(_("Country"))
    consent = BooleanField(
        CONSENT, [DataRequired(_("Tick the box if you agree; without it we may not keep this."))]
    )
    newsletter = BooleanField(NEWSLETTER)
    discreet = BooleanField(DISCREET)
