"""The link of an invitation: a passphrase to write down, or one to choose where there is no key."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import flash, g, make_response, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from config.database import begin_read, db
from config.settings import settings
from staff.access import staff
from staff.permissions import open_to_everybody
from staff.team import invitations, offers
from staff.team.forms import ChosenForm, TypedBackForm
from staff.team.invitations import Found
from staff.team.offers import Offer
from staff.team.words import what_is_wrong
from vault.services import CannotOpen, Enrolled, VaultChanged, make_holder, vault


@staff.get("/invitation/<token>")
@open_to_everybody
def invitation(token: str) -> AnyResponse:
    """Who is invited, and the passphrase to write down, or the form to choose one."""
    found = invitations.find(token, datetime.now(UTC))
    if found is None:
        return _spent()
    if found.has_key:
        return _page(found, TypedBackForm(formdata=None), offers.make_offer(found.purpose))
    return _page(found, ChosenForm(formdata=None))


@staff.post("/invitation/<token>")
@open_to_everybody
def invitation_accepted(token: str) -> AnyResponse:
    """Set the passphrase; the link is spent then."""
    begin_read()  # the slow part comes before anything is written
    now = datetime.now(UTC)
    found = invitations.find(token, now)
    if found is None:
        return _spent()
    made = _holder_by_offer(found, now) if found.has_key else _holder_by_choice(found, now)
    if not isinstance(made, Enrolled):
        return made
    db.session.rollback()
    try:
        invitations.accept(found, made, now)
    except invitations.InvitationSpent:
        db.session.rollback()
        return _spent()
    except VaultChanged:  # a colleague was removed in this second; the link has the new key too
        db.session.rollback()
        return redirect(url_for("staff.invitation", token=token), 303)
    db.session.commit()
    flash(_("Your passphrase is set. Sign in with it as “%(name)s”.", name=found.name), "good")
    return redirect(url_for("staff.sign_in"), 303)


def _holder_by_offer(found: Found, now: datetime) -> Enrolled | AnyResponse:
    form = TypedBackForm()
    offer = offers.read_offer(form.offer.data or "", found.purpose)
    if offer is None:  # from an older page, or made up: draw another one
        return _page(found, TypedBackForm(formdata=None), offers.make_offer(found.purpose))
    if not form.validate() or not offers.was_typed_back(offer, form.passphrase):
        return _page(found, form, offer)
    try:
        opener = vault().open_with(found.token)
    except CannotOpen:
        return _spent()
    db.session.rollback()
    return make_holder("staff", now, offer.words, opener=opener)


def _holder_by_choice(found: Found, now: datetime) -> Enrolled | AnyResponse:
    form = ChosenForm()
    if not form.validate():
        return _page(found, form)
    passphrase = form.passphrase.data or ""
    if fault := what_is_wrong(passphrase, [found.name, settings().organisation]):
        form.passphrase.errors = [fault]
        return _page(found, form)
    db.session.rollback()
    return make_holder("staff", now, passphrase, opener=None, is_chosen=True)


def _page(
    found: Found, form: TypedBackForm | ChosenForm, offer: Offer | None = None
) -> AnyResponse:
    g.staff = None
    page = render_template("staff/invitation.html", found=found, form=form, offer=offer)
    return make_response(page, 422 if form.errors else 200)


def _spent() -> AnyResponse:
    g.staff = None
    return make_response(render_template("staff/invitation_spent.html"), 410)
