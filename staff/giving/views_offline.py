"""Gifts that came by transfer or in cash, entered by hand."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime

from flask import flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from campaigns.queries import campaign_titles
from config.database import begin_read, db
from config.languages import current_language
from config.settings import settings
from donate.funds import DEFAULT_FUND
from donate.models import Donation, Method, State
from donate.offline.references import NoReference, parse_reference, print_reference
from donate.services import AlreadyRecorded, OfflineGift
from staff.access import opener, signed_in, staff
from staff.door.step_up import stepped_up
from staff.giving import services as services_giving
from staff.giving.donors import open_donor
from staff.giving.forms import OfflineForm
from staff.log.views_sightings import note_giver_seen
from staff.permissions import needs
from staff.words import typed_amount


@staff.get("/donations/new")
@needs("manage-donations")
def new_donation() -> str:
    """An empty form, or one for the announced transfer of a reference."""
    typed = request.args.get("reference", "")
    announced = _announced(typed)
    if typed and announced is None:
        flash(_("No transfer that is still to come has this reference."), "bad")
    return _form_page(_form(announced, typed), announced)


@staff.post("/donations/new")
@needs("manage-donations")
@stepped_up
def enter_donation() -> AnyResponse:
    """Write the gift down; a second click of the same form changes nothing."""
    form = OfflineForm(campaigns=campaign_titles(current_language()))
    if not form.is_accepted() or not _takes_reference(form):
        return _again(form, 422)
    now = datetime.now(UTC)
    gift = _gift(form, _announced(form.reference.data or ""), now)
    try:
        donation = services_giving.enter_gift(gift, signed_in().id, now)
    except AlreadyRecorded as error:
        db.session.rollback()
        flash(_("This gift had been entered before. It was not entered again."), "bad")
        return redirect(url_for("staff.donation", donation_id=error.donation_id), 303)
    donation_id = donation.id
    db.session.commit()
    flash(_("The gift is entered."), "good")
    return redirect(url_for("staff.donation", donation_id=donation_id), 303)


def _gift(form: OfflineForm, announced: Donation | None, now: datetime) -> OfflineGift:
    email = form.email.data or ""
    if announced is not None and not email:
        email = open_donor(announced, opener()).email
    return OfflineGift(
        method=Method(form.method.data),
        amount_minor=form.amount_minor,
        currency=form.currency.data,
        fund=form.fund.data,
        campaign=form.campaign.data,
        day=form.day.data or now.date(),
        reference=form.reference.data or "",
        name=form.name.data or "",
        email=email,
        language=form.language.data,
        gift_id=form.gift_id,
    )


def _announced(typed: str) -> Donation | None:
    """The transfer of a reference that has not arrived yet."""
    try:
        reference = parse_reference(typed)
    except NoReference:
        return None
    return db.session.scalar(
        select(Donation).where(
            Donation.reference == reference,
            Donation.method == Method.TRANSFER,
            Donation.state == State.CREATED,
        )
    )


def _takes_reference(form: OfflineForm) -> bool:
    """Put the reference in the form that is kept, or say that it is none."""
    if form.reference.data:
        try:
            form.reference.data = parse_reference(form.reference.data)
        except NoReference:
            form.reference.errors = [
                _("This is none of our references, or a sign of it is wrong. It begins with RF.")
            ]
            return False
    return True


def _form(announced: Donation | None, typed: str) -> OfflineForm:
    today = datetime.now(UTC).date()
    chosen = _chosen(announced, today) if announced else _usual(today)
    data = {"reference": typed, **chosen, "gift": str(uuid.uuid4())}
    return OfflineForm(None, campaigns=campaign_titles(current_language()), data=data)


def _usual(today: date) -> dict[str, object]:
    return {
        "currency": settings().default_currency,
        "fund": DEFAULT_FUND,
        "language": current_language(),
        "day": today,
    }


def _chosen(announced: Donation, today: date) -> dict[str, object]:
    """What the donor has chosen on our page."""
    return {
        "amount": typed_amount(announced.amount_minor, announced.currency),
        "currency": announced.currency,
        "fund": announced.fund,
        "campaign": announced.campaign,
        "language": announced.language,
        "reference": print_reference(announced.reference or ""),
        "email": open_donor(announced, opener()).email,
        "day": today,
    }


def _again(form: OfflineForm, status: int) -> AnyResponse:
    begin_read()
    return make_response(_form_page(form, _announced(form.reference.data or "")), status)


def _form_page(form: OfflineForm, announced: Donation | None) -> str:
    page = render_template("staff/donation_new.html", form=form, announced=announced)
    if announced is not None and form.email.data:
        note_giver_seen("donation", announced.id, announced.contact_id)
    return page
