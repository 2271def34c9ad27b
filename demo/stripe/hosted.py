"""The page where a payer pays, as Stripe hosts it: plain HTML, marked as a test. And a page that
says what this is.
"""

from datetime import UTC, datetime
from urllib.parse import quote

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from demo.stripe import card_payments, debits, prospects
from demo.stripe.account import Account
from demo.stripe.cards import ACCOUNTS, CARDS, grouped
from demo.stripe.currencies import display
from demo.stripe.expand import line_items
from demo.stripe.ledger import Json
from demo.stripe.payer_form import COUNTRIES, PayerForm, blank_form, read_form, today_utc
from demo.stripe.timetable import run_due

hosted = Blueprint("hosted", __name__)
RECENT = 20
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)

Page = str | tuple[str, int] | AnyResponse


@hosted.after_request
def keep_to_itself(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@hosted.context_processor
def helpers() -> dict[str, object]:
    return {"display": display, "grouped": grouped, "countries": COUNTRIES, "day": _day}


def _day(moment: int) -> str:
    """Unix seconds as a date."""
    return f"{datetime.fromtimestamp(moment, UTC):%d %B %Y}".lstrip("0")


def _account() -> Account:
    account: Account = current_app.extensions["account"]
    run_due(account)
    return account


@hosted.get("/")
def index() -> str:
    """What this is, the latest sessions, what may happen next, the test cards."""
    account = _account()
    sessions = account.ledger.all("checkout.session")[:RECENT]
    return render_template(
        "stripe/index.html",
        sessions=sessions,
        gifts=prospects.gifts(account),
        payments=prospects.payments(account),
        cards=CARDS.values(),
        bank_accounts=ACCOUNTS.values(),
        is_held=current_app.extensions["deliverer"].held,
        is_checked=account.gate.is_closed,
    )


@hosted.get("/c/pay/<session_id>")
def pay(session_id: str) -> Page:
    account = _account()
    session = account.ledger.find("checkout.session", session_id)
    if session is None:
        return render_template("stripe/unknown.html"), 404
    if session["status"] != "open":
        return _closed(session)
    if card_payments.is_awaiting_authentication(account, session):
        return redirect(url_for(".authenticate", session_id=session_id), 303)
    return _show(account, session, blank_form(session, _known_email(account, session)))


@hosted.post("/c/pay/<session_id>")
def submit(session_id: str) -> Page:
    account = _account()
    with account.ledger.transaction():
        session = account.ledger.find("checkout.session", session_id)
        if session is None:
            return render_template("stripe/unknown.html"), 404
        if session["status"] != "open":
            return _closed(session)
        form = read_form(session, request.form, today_utc())
        if form.errors:
            return _show(account, session, form), 422
        message = _pay(account, session, form)
    if message:
        return _show(account, session, form, declined=message), 402
    if session["status"] == "open":
        return redirect(url_for(".authenticate", session_id=session_id), 303)
    return redirect(_success_url(session), 303)


@hosted.get("/c/pay/<session_id>/authenticate")
def authenticate(session_id: str) -> Page:
    account = _account()
    session = account.ledger.find("checkout.session", session_id)
    if session is None or not card_payments.is_awaiting_authentication(account, session):
        return redirect(url_for(".pay", session_id=session_id), 303)
    return render_template(
        "stripe/authenticate.html",
        amount=session["amount_total"],
        currency=session["currency"],
        action=url_for(".answer_authentication", session_id=session_id),
    )


@hosted.post("/c/pay/<session_id>/authenticate")
def answer_authentication(session_id: str) -> Page:
    account = _account()
    with account.ledger.transaction():
        session = account.ledger.find("checkout.session", session_id)
        if session is None or not card_payments.is_awaiting_authentication(account, session):
            return redirect(url_for(".pay", session_id=session_id), 303)
        succeeds = request.form.get("answer") == "complete"
        decline = card_payments.authenticate(account, session, succeeds=succeeds)
    if decline:
        form = blank_form(session, session["customer_details"]["email"])
        form.kept["name"] = session["customer_details"]["name"]
        return _show(account, session, form, declined=decline.message), 402
    return redirect(_success_url(session), 303)


def _pay(account: Account, session: Json, form: PayerForm) -> str | None:
    """Why it did not go through, or None."""
    if form.card:
        decline = card_payments.pay_by_card(account, session, form.payer, form.card, form.expiry)
        return decline.message if decline else None
    if form.bank:
        debits.pay_by_debit(account, session, form.payer, form.bank)
    return None


def _show(account: Account, session: Json, form: PayerForm, declined: str = "") -> str:
    return render_template(
        "stripe/pay.html",
        session=session,
        items=line_items(account, session["id"])["data"],
        form=form,
        declined=declined,
    )


def _closed(session: Json) -> tuple[str, int]:
    return render_template("stripe/closed.html", session=session), 410


def _known_email(account: Account, session: Json) -> str:
    if session["customer"]:
        return account.ledger.get("customer", session["customer"])["email"] or ""
    return session["customer_email"] or ""


def _success_url(session: Json) -> str:
    filled: str = session["success_url"].replace("{CHECKOUT_SESSION_ID}", quote(session["id"]))
    return filled
