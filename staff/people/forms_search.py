"""The form of the free-text search."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import HiddenField, SelectField, StringField
from wtforms.validators import Optional

from staff.forms import StaffForm, choices
from staff.words import KINDS
from web.forms import Text, one_line


class FindForm(StaffForm):
    """Words, where to look, and where to go on from."""

    words = StringField(_("Words"), [Text(required=_("Enter a word to look for."))], [one_line])
    campaign = SelectField(_("Petition or fund"), [Optional()])
    after = HiddenField()
    searched = HiddenField()

    def __init__(self, *args: Any, titles: dict[str, str], **more: Any) -> None:
        super().__init__(*args, **more)
        places = {**titles, "volunteer": KINDS["volunteer"]}
        self.campaign.choices = choices(places, _("Everywhere"))

    @property
    def searched_before(self) -> int:
        """How many entries the pages before this one looked through."""
        text = self.searched.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
