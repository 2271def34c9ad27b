"""How giving stands: the guard, gifts to look at, what reconciling found, goals."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask import flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from campaigns.queries import campaign_titles
from config.database import begin_read, db
from config.languages import current_language
from config.settings import settings
from donate.books.goals import all_goals
from donate.books.models import Reconciliation
from donate.funds import FUNDS
from donate.guard.queries import state_now
from staff.access import signed_in, staff
from staff.giving import gifts
from staff.giving import services as services_giving
from staff.giving.forms import GoalForm
from staff.permissions import needs
from staff.words import typed_amount


@staff.get("/giving")
@needs("see-totals")
def giving() -> str:
    """The state of giving; who may not see single gifts sees the guard and the goals."""
    chosen = next((goal for key, goal in all_goals() if str(key) == request.args.get("goal")), None)
    data: dict[str, object] = {"currency": settings().default_currency}
    if chosen:
        data = {name: getattr(chosen, name) for name in ("campaign", "fund", "currency")}
        data["amount"] = typed_amount(chosen.goal_minor, chosen.currency)
    return _page(GoalForm(None, campaigns=_campaigns(), data=data))


@staff.post("/giving/lift")
@needs("lift-guard")
def lift_guard() -> AnyResponse:
    """Say that it is no attack: nobody is asked for a proof for a while."""
    services_giving.lift_guard(signed_in().id, datetime.now(UTC))
    db.session.commit()
    flash(_("The guard is lifted. It comes back by itself."), "good")
    return redirect(url_for("staff.giving"), 303)


@staff.post("/giving/restore")
@needs("lift-guard")
def restore_guard() -> AnyResponse:
    """Take that back."""
    services_giving.restore_guard(signed_in().id, datetime.now(UTC))
    db.session.commit()
    flash(_("The guard is on again."), "good")
    return redirect(url_for("staff.giving"), 303)


@staff.post("/giving/goals")
@needs("set-goals")
def set_goal() -> AnyResponse:
    """Set a goal, or change the one that there is for the campaign and fund."""
    form = GoalForm(campaigns=_campaigns())
    if not form.is_accepted():
        begin_read()
        return make_response(_page(form), 422)
    services_giving.set_goal(
        form.campaign.data,
        form.fund.data,
        form.amount_minor,
        form.currency.data,
        signed_in().id,
        datetime.now(UTC),
    )
    db.session.commit()
    flash(_("The goal is set."), "good")
    return redirect(url_for("staff.giving", _anchor="goals"), 303)


@staff.post("/giving/goals/<uuid:goal_id>/remove")
@needs("set-goals")
def remove_goal(goal_id: uuid.UUID) -> AnyResponse:
    """Take a goal away; the page shows no bar any more."""
    services_giving.remove_goal(goal_id, signed_in().id, datetime.now(UTC))
    db.session.commit()
    flash(_("The goal is removed."), "good")
    return redirect(url_for("staff.giving", _anchor="goals"), 303)


def _page(form: GoalForm) -> str:
    sees_gifts = signed_in().may("see-donations")
    return render_template(
        "staff/giving.html",
        guard=state_now(datetime.now(UTC)),
        held=gifts.held_gifts() if sees_gifts else [],
        disputed=gifts.disputed_gifts() if sees_gifts else [],
        runs=_runs() if sees_gifts else [],
        goals=all_goals(),
        form=form,
        funds=FUNDS,
        campaigns=_campaigns(),
    )


def _runs() -> list[Reconciliation]:
    """The comparisons with Stripe, what differs first."""
    rows = db.session.scalars(select(Reconciliation).order_by(Reconciliation.name))
    return sorted(rows, key=lambda run: not run.differences)


def _campaigns() -> dict[str, str]:
    return campaign_titles(current_language())
