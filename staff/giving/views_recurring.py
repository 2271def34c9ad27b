"""Recurring donations: the list, one of them, and its end."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from campaigns.queries import campaign_titles
from config.database import db
from config.languages import current_language
from donate.funds import FUNDS
from staff.access import opener, signed_in, staff
from staff.door.step_up import stepped_up
from staff.giving import recurring
from staff.giving import services as services_giving
from staff.giving.donors import open_dedication, open_donor
from staff.giving.recurring import PAGE, SHOWN, place_of
from staff.log.views_sightings import note_giver_seen
from staff.permissions import needs


@staff.get("/recurring")
@needs("see-donations")
def recurring_donations() -> str:
    """Those in one state, the newest first."""
    state = request.args.get("state", SHOWN[0].value)
    if state not in SHOWN:
        abort(404)
    rows = recurring.page_of_recurring(state, request.args.get("after", ""))
    return render_template(
        "staff/recurring.html",
        state=state,
        counts=recurring.counts_by_state(),
        rows=rows[:PAGE],
        next_place=place_of(rows[PAGE - 1]) if len(rows) > PAGE else None,
        funds=FUNDS,
    )


@staff.get("/recurring/<uuid:recurring_id>")
@needs("see-donations")
def recurring_donation(recurring_id: uuid.UUID) -> str:
    """One with its payments, and who gives it."""
    found = recurring.find_recurring(recurring_id) or abort(404)
    key = opener() if signed_in().may("see-contacts") else None
    donor = open_donor(found.recurring, key) if key else None
    page = render_template(
        "staff/recurring_donation.html",
        page=found,
        recurring=found.recurring,
        donor=donor,
        dedication=open_dedication(found.recurring, key) if key else None,
        campaigns=campaign_titles(current_language()),
        funds=FUNDS,
    )
    if donor and donor.details:
        note_giver_seen("recurring-donation", recurring_id, donor.contact_id)
    return page


@staff.post("/recurring/<uuid:recurring_id>/end")
@needs("manage-donations")
@stepped_up
def end_recurring(recurring_id: uuid.UUID) -> AnyResponse:
    """End it now; the worker tells Stripe, and the donor gets a mail."""
    try:
        services_giving.end_recurring(recurring_id, signed_in().id, datetime.now(UTC))
    except services_giving.NoGift:
        abort(404)
    except services_giving.CannotEnd:
        db.session.rollback()
        flash(_("It has ended already, or is being ended."), "bad")
    else:
        db.session.commit()
        flash(_("It is being ended. No more payments will be taken."), "good")
    return redirect(url_for("staff.recurring_donation", recurring_id=recurring_id), 303)
