"""The first page, and the charts on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Response, abort, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from config.languages import current_language
from config.settings import settings
from donate.funds import FUNDS
from petitions.queries import petition_titles
from staff import charts, queries, totals, views_mail
from staff.access import signed_in, staff
from staff.door import views_door, views_second_factor, views_sessions, views_sign_in, views_step_up
from staff.giving import views as views_giving
from staff.giving import views_donations, views_offline, views_recurring
from staff.log import alerts, views_audit
from staff.people import views_contacts, views_copies, views_search, views_volunteers
from staff.permissions import needs
from staff.team import views as views_team
from staff.team import views_invitation, views_passphrase
from staff.work import views_work

__all__ = [
    "staff",
    "views_audit",
    "views_contacts",
    "views_copies",
    "views_donations",
    "views_door",
    "views_giving",
    "views_invitation",
    "views_mail",
    "views_offline",
    "views_passphrase",
    "views_recurring",
    "views_search",
    "views_second_factor",
    "views_sessions",
    "views_sign_in",
    "views_step_up",
    "views_team",
    "views_volunteers",
    "views_work",
]

WORKER_IS_LATE = timedelta(minutes=5)
CHART_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@staff.get("/")
@needs("see-totals")
def today() -> str:
    """What came in, and what waits."""
    now, me = datetime.now(UTC), signed_in()
    figures = queries.read_figures(now.date())
    shown = [("signatures", ""), ("volunteers", "")]
    shown += [("donations", currency) for currency in totals.currencies(figures)]
    kinds = [kind for name, currency in shown for kind in charts.kinds_of(name, currency)]
    counts = queries.counts_by_day(kinds, now.date() - charts.SPAN)
    return render_template(
        "staff/today.html",
        figures=figures,
        totals=totals,
        waiting=queries.read_waiting((now - WORKER_IS_LATE).timestamp(), now),
        charts=[charts.make_chart(name, counts, now.date(), cur) for name, cur in shown],
        countries=queries.countries(),
        titles=petition_titles(current_language()),
        funds=FUNDS,
        unseen_exports=alerts.unseen_exports(me.id) if me.may("see-audit") else [],
    )


@staff.get("/charts/<any(donations, signatures, volunteers):name>.svg")
@needs("see-totals")
def chart(name: str) -> AnyResponse:
    """One chart as an image."""
    currency = request.args.get("currency", "") if name == "donations" else ""
    if name == "donations" and currency not in _currencies():
        abort(404)
    now = datetime.now(UTC).date()
    counts = queries.counts_by_day(charts.kinds_of(name, currency), now - charts.SPAN)
    is_small = request.args.get("size") == "small"
    picture = charts.draw(charts.make_chart(name, counts, now, currency), is_small=is_small)
    response = Response(picture, mimetype="image/svg+xml")
    response.headers["Content-Security-Policy"] = CHART_POLICY
    return response


def _currencies() -> set[str]:
    today = datetime.now(UTC).date()
    return {*settings().currencies, *totals.currencies(queries.read_figures(today))}
