"""The page for volunteers."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, g, redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from config.settings import settings
from volunteers import services
from volunteers.forms import VolunteerForm
from web.errors import UNAVAILABLE, note_unavailable
from web.public import drawn_page, public_blueprint, public_page

volunteers = public_blueprint("volunteers", __name__)


@volunteers.get("/volunteer")
def volunteer() -> Response:
    """What volunteers do, with the form."""
    return public_page("volunteers/volunteer.html", form=VolunteerForm(formdata=None))


@volunteers.post("/volunteer")
def sign_up() -> AnyResponse:
    """Take a sign-up; the same answer whatever we know of the address."""
    form = VolunteerForm()
    if not form.is_accepted(settings().form_limit):
        return drawn_page("volunteers/volunteer.html", form.status, form=form)
    try:
        services.sign_up(form, g.language, datetime.now(UTC))
        db.session.commit()
    except UNAVAILABLE as error:
        note_unavailable(error)
        form.put_off()
        return drawn_page("volunteers/volunteer.html", form.status, form=form)
    return redirect(url_for("pages.check_inbox"), 303)


@volunteers.get("/volunteer/thanks")
def thanks() -> Response:
    """After confirming: what happens next."""
    return public_page("volunteers/thanks.html")
