"""The pages behind private links: the form that asks for one, and whose page a link opens.

The token in the address is the secret: no cache, no index, no other site sees the address.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from flask import Response, abort, g, redirect, url_for
from flask_babel import lazy_gettext as _
from werkzeug.wrappers import Response as AnyResponse
from wtforms import StringField

from config.database import db
from config.settings import settings
from contacts import links
from web.errors import UNAVAILABLE, note_unavailable
from web.forms import EmailAddress, PublicForm, one_line
from web.public import drawn_page, public_page


class AskForm(PublicForm):
    """Where to send the private link."""

    quota_purpose = "link"

    email = StringField(_("E-mail"), [EmailAddress()], [one_line])


@dataclass(frozen=True)
class PrivatePages:
    """What the pages of one purpose share; the blueprint has the views `ask` and `sent`."""

    purpose: str  # of the links
    blueprint: str  # its templates lie in a folder of the same name
    section: str = ""  # of the masthead

    def ask(self) -> Response:
        """The form for a private link."""
        return public_page(f"{self.blueprint}/ask.html", form=AskForm(formdata=None))

    def send(self) -> AnyResponse:
        """Take the wish for a link; the same answer and the same work for every address."""
        form = AskForm()
        if form.is_accepted(settings().form_limit) and self._is_noted(form):
            return redirect(url_for(f"{self.blueprint}.sent"), 303)
        return drawn_page(f"{self.blueprint}/ask.html", form.status, form=form)

    def sent(self) -> Response:
        """After asking: the same page for everybody."""
        template = f"{self.blueprint}/sent.html"
        return public_page(template, minutes=links.MINUTES, again=self._again())

    def owner(self, token: str) -> uuid.UUID:
        """Whose link it is; ends the request with a calm page for one that works no longer."""
        contact_id = links.find_contact(self.purpose, token, datetime.now(UTC))
        return contact_id if contact_id is not None else self.refuse()

    def refuse(self) -> NoReturn:
        """End the request: the link works no longer, or never did."""
        page = {"again": self._again(), "section": self.section}
        abort(drawn_page("private/old_link.html", 410, **page))

    def _again(self) -> str:
        return url_for(f"{self.blueprint}.ask")

    def _is_noted(self, form: AskForm) -> bool:
        try:
            links.ask(self.purpose, form.email.data or "", g.language, datetime.now(UTC))
            db.session.commit()
        except UNAVAILABLE as error:
            note_unavailable(error)
            form.put_off()
            return False
        return True
