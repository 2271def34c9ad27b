"""Gifts: the list, one gift with its books, a refund, the release of a held one, the export."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask import (
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from campaigns.queries import campaign_titles
from config.database import begin_read, db
from config.languages import current_language
from donate.books.services import RefundBlocked, RefundTooLarge
from donate.funds import FUNDS
from donate.models import Method, Review
from donate.services import NotHeld
from staff.access import opener, signed_in, staff
from staff.door.step_up import stepped_up
from staff.giving import gifts
from staff.giving import services as services_giving
from staff.giving.donors import open_dedication, open_donor
from staff.giving.forms import GiftFilterForm, RefundForm
from staff.giving.gifts import PAGE, Gift, GiftFilters
from staff.giving.words import reasons_for
from staff.log.views_sightings import note_giver_seen
from staff.people.exports import csv_of_gifts
from staff.people.forms_export import ExportForm
from staff.people.views_exports import download
from staff.permissions import needs
from staff.queries import staff_names
from staff.words import money, typed_amount

_FILTERS = ("state", "fund", "currency", "method", "review", "month")


@staff.get("/donations")
@needs("see-donations")
def donations() -> str:
    """Gifts, the newest first, fifty a page."""
    return _list_page(_filter_form(request.args))


@staff.post("/donations/export")
@needs("see-donations")
@stepped_up
def export_donations() -> AnyResponse:
    """The list without who gave; in the audit log, and others are told, before a row leaves."""
    chosen, form, now = _filter_form(request.form), ExportForm(), datetime.now(UTC)
    if not form.is_accepted():
        return make_response(_list_page(chosen, form), 422)
    filters = _filters(chosen)
    count = gifts.count_gifts(filters)
    services_giving.record_export(signed_in().id, count, filters.chosen(), form.sealed_for(), now)
    db.session.commit()
    lines = csv_of_gifts(gifts.all_gifts(filters))
    return download(lines, f"gifts-{filters.month or now.date().isoformat()}", form.sealed_for())


@staff.get("/donations/<uuid:donation_id>")
@needs("see-donations")
def donation(donation_id: uuid.UUID) -> str:
    """One gift: where its money went, and who gave it."""
    return _gift_page(_find(donation_id))


@staff.post("/donations/<uuid:donation_id>/refund")
@needs("manage-donations")
@stepped_up
def refund_donation(donation_id: uuid.UUID) -> AnyResponse:
    """Ask for a refund; the worker makes it."""
    gift = _find(donation_id)
    form = RefundForm(reasons=reasons_for(gift.donation.method))
    if not form.is_accepted(gift.donation.currency):
        return _again(donation_id, form, 422)
    try:
        services_giving.request_refund(
            donation_id,
            form.amount_minor,
            form.reason.data,
            form.seen.data or "",
            signed_in().id,
            datetime.now(UTC),
        )
    except services_giving.LeftChanged:
        flash(
            _("Something changed since you opened this page. Look again; nothing was sent."), "bad"
        )
        return _again(donation_id, None, 409)
    except RefundBlocked:
        return _again(donation_id, None, 409)
    except RefundTooLarge as error:
        left = money(error.left_minor, gift.donation.currency)
        form.refuse_amount(_("At most %(amount)s can be given back.", amount=left))
        return _again(donation_id, form, 422)
    is_online = gift.donation.method == Method.ONLINE
    db.session.commit()
    flash(
        _("The refund is on its way to Stripe.") if is_online else _("The refund is in the books."),
        "good",
    )
    return redirect(url_for("staff.donation", donation_id=donation_id), 303)


@staff.post("/donations/<uuid:donation_id>/release")
@needs("manage-donations")
def release_donation(donation_id: uuid.UUID) -> AnyResponse:
    """Say that a held gift is a real one: its thank-you goes out."""
    gift = _find(donation_id)
    email = open_donor(gift.donation, opener()).email if gift.left_minor else ""
    try:
        services_giving.release_gift(gift.donation, email, signed_in().id, datetime.now(UTC))
    except NotHeld:
        db.session.rollback()
        flash(_("Somebody else has released this gift meanwhile."), "bad")
    else:
        db.session.commit()
        flash(
            _("The gift is released, and the thank-you waits to be sent.")
            if email
            else _("The gift is released, and nobody is thanked."),
            "good",
        )
    return redirect(url_for("staff.donation", donation_id=donation_id), 303)


def _list_page(form: GiftFilterForm, export: ExportForm | None = None) -> str:
    filters = _filters(form)
    rows = gifts.page_of_gifts(filters, request.args.get("after", ""))
    return render_template(
        "staff/donations.html",
        form=form,
        export_form=export or ExportForm.fresh(),
        filters=filters,
        gifts=rows[:PAGE],
        sums=gifts.sums_of([row.id for row in rows[:PAGE]]),
        next_place=rows[PAGE - 1].place if len(rows) > PAGE else None,
        funds=FUNDS,
    )


def _find(donation_id: uuid.UUID) -> Gift:
    return gifts.find_gift(donation_id) or abort(404)


def _again(donation_id: uuid.UUID, form: RefundForm | None, status: int) -> AnyResponse:
    """The gift's page as it stands now, with what was typed."""
    begin_read()
    return make_response(_gift_page(_find(donation_id), form), status)


def _gift_page(gift: Gift, form: RefundForm | None = None) -> str:
    key = opener() if signed_in().may("see-contacts") else None
    dedicated, donor = gift.recurring or gift.donation, None
    if key:
        donor = open_donor(gift.donation, key)
    page = render_template(
        "staff/donation.html",
        gift=gift,
        donation=gift.donation,
        donor=donor,
        dedication=open_dedication(dedicated, key) if key else None,
        form=form or _refund_form(gift),
        is_held=gift.donation.review == Review.HELD,
        names=staff_names(),
        funds=FUNDS,
        campaigns=campaign_titles(current_language()),
    )
    if donor and donor.details:
        note_giver_seen("donation", gift.donation.id, donor.contact_id)
    return page


def _refund_form(gift: Gift) -> RefundForm:
    given = gift.donation
    left = typed_amount(gift.left_minor, given.currency)
    return RefundForm(None, reasons=reasons_for(given.method), data={"amount": left})


def _filter_form(given: MultiDict[str, str]) -> GiftFilterForm:
    today = datetime.now(UTC).date()
    return GiftFilterForm(given, first_month=gifts.first_month(), today=today)


def _filters(form: GiftFilterForm) -> GiftFilters:
    """The filters that were chosen; what is not on a list filters nothing."""
    form.validate()
    chosen = {name: "" if form[name].errors else form[name].data or "" for name in _FILTERS}
    return GiftFilters(**chosen)
