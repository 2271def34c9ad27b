"""Signing in and out, the first page, and the charts on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import (
    Response,
    abort,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from config.database import db, forget_deleted_rows
from config.languages import current_language
from config.settings import settings
from donate.funds import FUNDS
from petitions.queries import petition_titles
from staff import (
    audit,
    charts,
    queries,
    sessions,
    totals,
    views_audit,
    views_contacts,
    views_donations,
    views_door,
    views_giving,
    views_mail,
    views_offline,
    views_recurring,
    views_volunteers,
)
from staff import sign_in as signing
from staff.access import signed_in, staff
from staff.forms import SignInForm
from staff.permissions import SIGNED_IN, needs, open_to_everybody
from web import throttle

__all__ = [
    "staff",
    "views_audit",
    "views_contacts",
    "views_donations",
    "views_door",
    "views_giving",
    "views_mail",
    "views_offline",
    "views_recurring",
    "views_volunteers",
]

WORKER_IS_LATE = timedelta(minutes=5)
CHART_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@staff.get("/sign-in")
@open_to_everybody
def sign_in() -> AnyResponse:
    """Ask for name and passphrase."""
    return _sign_in_page(SignInForm(formdata=None), 200)


@staff.post("/sign-in")
@open_to_everybody
def signed_in_now() -> AnyResponse:
    """Open a session; wrong name and wrong passphrase get the same answer after the same time."""
    form, now = SignInForm(), datetime.now(UTC)
    if not form.validate():
        return _sign_in_page(form, 422)
    try:
        account, key = _try(form.name.data or "", form.passphrase.data or "", now)
    except signing.Refused as refusal:
        form.form_errors.append(str(refusal))
        return _sign_in_page(form, refusal.status)
    sessions.end_session(sessions.token_in_request())
    token = signing.sign_in(account, form.name.data or "", key, now)
    db.session.commit()
    session.clear()
    response = redirect(_next_page(), 303)
    sessions.set_cookie(response, token)
    return response


@staff.post("/sign-out")
@needs(SIGNED_IN)
def sign_out() -> AnyResponse:
    """End the session: its row, what the log of the database keeps of it, and the cookie."""
    sessions.end_session(sessions.token_in_request())
    me, now = signed_in(), datetime.now(UTC)
    audit.record("staff.signed-out", now, actor=me.id, subject=("staff", me.id))
    db.session.commit()
    forget_deleted_rows()
    session.clear()
    response = redirect(url_for("staff.sign_in"), 303)
    sessions.forget_cookie(response)
    return response


@staff.get("/")
@needs("see-totals")
def today() -> str:
    """What came in, and what waits."""
    now = datetime.now(UTC)
    figures = queries.read_figures(now.date())
    shown = [("signatures", ""), ("volunteers", "")]
    shown += [("donations", currency) for currency in totals.currencies(figures)]
    kinds = [kind for name, currency in shown for kind in charts.kinds_of(name, currency)]
    counts = queries.counts_by_day(kinds, now.date() - charts.SPAN)
    return render_template(
        "staff/today.html",
        figures=figures,
        totals=totals,
        waiting=queries.read_waiting((now - WORKER_IS_LATE).timestamp()),
        charts=[charts.make_chart(name, counts, now.date(), cur) for name, cur in shown],
        countries=queries.countries(),
        titles=petition_titles(current_language()),
        funds=FUNDS,
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


def _try(name: str, passphrase: str, now: datetime) -> tuple[signing.Account, bytes]:
    """Try a passphrase. The try is committed before: it counts, and no lock is held meanwhile."""
    if not throttle.spend(settings().sign_in_limit, "sign-in"):
        raise signing.Refused(_("Too many attempts from your network. Wait an hour."), 429)
    wait = signing.take_turn(name, now)
    account = signing.find_account(name)
    db.session.commit()
    if wait:
        words = ngettext(
            "Wait %(num)s second, then try again.", "Wait %(num)s seconds, then try again.", wait
        )
        raise signing.Refused(words, 429)
    key = signing.open_account(account, passphrase)
    if account is None or key is None:
        raise signing.Refused(_("This name and passphrase do not belong together."), 422)
    return account, key


def _currencies() -> set[str]:
    today = datetime.now(UTC).date()
    return {*settings().currencies, *totals.currencies(queries.read_figures(today))}


def _sign_in_page(form: SignInForm, status: int) -> AnyResponse:
    g.staff = None
    return make_response(render_template("staff/sign_in.html", form=form), status)


def _next_page() -> str:
    """Where somebody wanted to go; only ever a page of staff."""
    wanted = request.args.get("next", "")
    home = url_for("staff.today")
    return wanted if wanted.startswith(home) and wanted.isprintable() else home
