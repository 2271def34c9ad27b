"""A petition: read, sign, thank."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, abort, g, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from config.database import begin_read, db
from config.settings import settings
from petitions import services
from petitions.forms import SignatureForm
from petitions.queries import PetitionPage, petition_page
from web.errors import UNAVAILABLE, note_unavailable
from web.public import drawn_page, public_blueprint, public_page

petitions = public_blueprint("petitions", __name__)


@petitions.get("/petitions/<slug:slug>")
def petition(slug: str) -> Response:
    """The petition with its form."""
    return public_page(
        "petitions/petition.html", petition=_petition(slug), form=SignatureForm(formdata=None)
    )


@petitions.post("/petitions/<slug:slug>")
def sign(slug: str) -> AnyResponse:
    """Take a signature; the same answer whatever we know of the address."""
    form, now = SignatureForm(), datetime.now(UTC)
    try:
        if not form.is_accepted(settings().form_limit):
            return _form_again(slug, form)
        services.sign(slug, form, g.language, now)
        db.session.commit()
    except services.NoSuchPetition:
        abort(404)
    except services.PetitionClosed:
        return _too_late(slug)
    except UNAVAILABLE as error:
        note_unavailable(error)
        form.put_off()
        return _form_again(slug, form)
    return redirect(url_for("pages.check_inbox"), 303)


@petitions.get("/petitions/<slug:slug>/thanks")
def thanks(slug: str) -> Response:
    """After confirming: what the person can do next."""
    return public_page("petitions/thanks.html", petition=_petition(slug))


def _form_again(slug: str, form: SignatureForm) -> Response:
    begin_read()
    petition = _petition(slug)
    if petition.is_closed:
        return _too_late(slug)
    return drawn_page("petitions/petition.html", form.status, form=form, petition=petition)


def _too_late(slug: str) -> Response:
    """Gone (RFC 9110 15.5.11): the page of the closed petition, and nothing was kept."""
    begin_read()
    page = render_template("petitions/petition.html", petition=_petition(slug), is_late=True)
    return make_response(page, 410)


def _petition(slug: str) -> PetitionPage:
    return petition_page(slug, g.language, settings().supported_languages[0]) or abort(404)
