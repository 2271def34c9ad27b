"""The portal's pages: gifts, card, invoices. Whoever has the address may, for an hour."""

from dataclasses import dataclass

from flask import Blueprint, current_app, redirect, render_template, request, url_for

from demo.stripe import portal_deeds
from demo.stripe.account import Account
from demo.stripe.customers import method_for
from demo.stripe.hosted import Page, helpers, keep_to_itself
from demo.stripe.ledger import Json
from demo.stripe.payer_form import PayerForm, blank_form, read_form, today_utc
from demo.stripe.timetable import run_due

portal_pages = Blueprint("portal_pages", __name__, url_prefix="/p/session/<secret>")
portal_pages.after_request(keep_to_itself)
portal_pages.context_processor(helpers)
LASTS = 3600  # seconds
BY_CARD: Json = {"payment_method_types": ["card"]}


@dataclass
class Visit:
    """One open portal session, and what it may do."""

    account: Account
    session: Json
    features: Json

    @property
    def customer(self) -> Json:
        return self.account.ledger.get("customer", self.session["customer"])

    def may(self, feature: str) -> bool:
        return bool(self.features[feature]["enabled"])

    def subscription(self, subscription_id: str) -> Json | None:
        mine = portal_deeds.subscriptions_of(self.account, self.session["customer"])
        return next((one for one in mine if one["id"] == subscription_id), None)


def _visit(secret: str) -> Visit | None:
    account: Account = current_app.extensions["account"]
    run_due(account)
    for session in account.ledger.all("billing_portal.session"):
        if session["url"].endswith(f"/{secret}"):
            if session["created"] + LASTS < account.now():
                return None
            kind = "billing_portal.configuration"
            configuration = account.ledger.get(kind, session["configuration"])
            return Visit(account, session, configuration["features"])
    return None


def _gone() -> Page:
    return render_template("stripe/portal_closed.html"), 410


def _home(secret: str) -> Page:
    return redirect(url_for(".show", secret=secret), 303)


@portal_pages.get("")
def show(secret: str) -> Page:
    visit = _visit(secret)
    if visit is None:
        return _gone()
    ledger, customer = visit.account.ledger, visit.session["customer"]
    gifts = portal_deeds.subscriptions_of(visit.account, customer)
    return render_template(
        "stripe/portal.html",
        visit=visit,
        secret=secret,
        gifts=[(gift, method_for(visit.account, gift)) for gift in gifts],
        invoices=[
            one
            for one in ledger.all("invoice")
            if one["customer"] == customer and one["hosted_invoice_url"]
        ],
    )


@portal_pages.get("/card")
def card(secret: str) -> Page:
    visit = _visit(secret)
    if visit is None or not visit.may("payment_method_update"):
        return _gone()
    return _show_card(visit, secret, blank_form(BY_CARD, visit.customer["email"] or ""))


@portal_pages.post("/card")
def change_card(secret: str) -> Page:
    visit = _visit(secret)
    if visit is None or not visit.may("payment_method_update"):
        return _gone()
    typed = {**request.form, "email": visit.customer["email"] or "payer@example.org"}
    form = read_form(BY_CARD, typed, today_utc())
    if form.errors or form.card is None:
        return _show_card(visit, secret, form), 422
    with visit.account.ledger.transaction():
        declined = portal_deeds.change_card(
            visit.account, visit.session["customer"], form.payer, form.card, form.expiry
        )
    if declined:
        return _show_card(visit, secret, form, declined.message), 402
    return _home(secret)


@portal_pages.get("/cancel/<subscription_id>")
def cancel(secret: str, subscription_id: str) -> Page:
    """Says what will happen before it does."""
    visit = _visit(secret)
    if visit is None or not visit.may("subscription_cancel"):
        return _gone()
    gift = visit.subscription(subscription_id)
    if gift is None:
        return _home(secret)
    mode = visit.features["subscription_cancel"]["mode"]
    return render_template("stripe/portal_cancel.html", secret=secret, gift=gift, mode=mode)


@portal_pages.post("/cancel/<subscription_id>")
def confirm_cancel(secret: str, subscription_id: str) -> Page:
    visit = _visit(secret)
    if visit is None or not visit.may("subscription_cancel"):
        return _gone()
    with visit.account.ledger.transaction():
        gift = visit.subscription(subscription_id)
        if gift:
            mode = visit.features["subscription_cancel"]["mode"]
            portal_deeds.leave(visit.account, gift, mode)
    return _home(secret)


@portal_pages.post("/keep/<subscription_id>")
def keep(secret: str, subscription_id: str) -> Page:
    visit = _visit(secret)
    if visit is None or not visit.may("subscription_cancel"):
        return _gone()
    with visit.account.ledger.transaction():
        gift = visit.subscription(subscription_id)
        if gift:
            portal_deeds.stay(visit.account, gift)
    return _home(secret)


def _show_card(visit: Visit, secret: str, form: PayerForm, declined: str = "") -> str:
    return render_template(
        "stripe/portal_card.html", secret=secret, form=form, declined=declined, visit=visit
    )
