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
from staff import recurring, services_giving
from staff.access import opener, signed_in, staff
from staff.donors import open_dedication, open_donor
from staff.permissions import needs
from staff.recurring import PAGE, SHOWN, place_of


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
    return render_template(
        "staff/recurring_donation.html",
        page=found,
        recurring=found.recurring,
        donor=open_donor(found.recurring, key) if key else None,
        dedication=open_dedication(found.recurring, key) if key else None,
        campaigns=campaign_titles(current_language()),
        funds=FUNDS,
    )


@staff.post("/recurring/<uuid:recurring_id>/end")
@needs("manage-donations")
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
