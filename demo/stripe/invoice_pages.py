"""The page of an invoice, where it can be seen, paid and mended; whoever has its address may."""

import hmac

from flask import Blueprint, current_app, redirect, render_template, request, url_for

from demo.stripe import invoice_payments
from demo.stripe.account import Account
from demo.stripe.hosted import Page, helpers, keep_to_itself
from demo.stripe.ledger import Json
from demo.stripe.payer_form import PayerForm, blank_form, read_form, today_utc
from demo.stripe.timetable import run_due

invoice_pages = Blueprint("invoice_pages", __name__, url_prefix="/i/<invoice_id>/<secret>")
invoice_pages.after_request(keep_to_itself)
invoice_pages.context_processor(helpers)
BY_CARD: Json = {"payment_method_types": ["card"]}


def _account() -> Account:
    account: Account = current_app.extensions["account"]
    run_due(account)
    return account


def _find(account: Account, invoice_id: str, secret: str) -> Json | None:
    known = account.ledger.private(invoice_id).get("secret", "")
    if not known or not hmac.compare_digest(known.encode(), secret.encode()):
        return None
    return account.ledger.find("invoice", invoice_id)


@invoice_pages.get("")
def show(invoice_id: str, secret: str) -> Page:
    account = _account()
    invoice = _find(account, invoice_id, secret)
    if invoice is None:
        return render_template("stripe/unknown.html"), 404
    return _show(account, invoice, blank_form(BY_CARD, invoice["customer_email"] or ""))


@invoice_pages.post("")
def pay(invoice_id: str, secret: str) -> Page:
    account = _account()
    with account.ledger.transaction():
        invoice = _find(account, invoice_id, secret)
        if invoice is None:
            return render_template("stripe/unknown.html"), 404
        if not invoice_payments.can_be_paid(account, invoice):
            return _back(invoice_id, secret)
        typed = {**request.form, "email": invoice["customer_email"] or "payer@example.org"}
        form = read_form(BY_CARD, typed, today_utc())
        if form.errors or form.card is None:
            return _show(account, invoice, form), 422
        declined = invoice_payments.pay_invoice(
            account, invoice, form.payer, form.card, form.expiry
        )
        waits = invoice_payments.is_awaiting_authentication(account, invoice)
    if declined:
        return _show(account, invoice, form, declined.message), 402
    if waits:
        return redirect(url_for(".authenticate", invoice_id=invoice_id, secret=secret), 303)
    return _back(invoice_id, secret)


@invoice_pages.get("/authenticate")
def authenticate(invoice_id: str, secret: str) -> Page:
    account = _account()
    invoice = _find(account, invoice_id, secret)
    if invoice is None or not invoice_payments.is_awaiting_authentication(account, invoice):
        return _back(invoice_id, secret)
    return render_template(
        "stripe/authenticate.html",
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        action=url_for(".answer_authentication", invoice_id=invoice_id, secret=secret),
    )


@invoice_pages.post("/authenticate")
def answer_authentication(invoice_id: str, secret: str) -> Page:
    account = _account()
    with account.ledger.transaction():
        invoice = _find(account, invoice_id, secret)
        if invoice is None or not invoice_payments.is_awaiting_authentication(account, invoice):
            return _back(invoice_id, secret)
        succeeds = request.form.get("answer") == "complete"
        declined = invoice_payments.authenticate(account, invoice, succeeds=succeeds)
    if declined:
        form = blank_form(BY_CARD, invoice["customer_email"] or "")
        return _show(account, invoice, form, declined.message), 402
    return _back(invoice_id, secret)


def _back(invoice_id: str, secret: str) -> Page:
    return redirect(url_for(".show", invoice_id=invoice_id, secret=secret), 303)


def _show(account: Account, invoice: Json, form: PayerForm, declined: str = "") -> str:
    return render_template(
        "stripe/invoice.html",
        invoice=invoice,
        form=form,
        declined=declined,
        can_be_paid=invoice_payments.can_be_paid(account, invoice),
        waits=invoice_payments.is_awaiting_authentication(account, invoice),
        here=url_for(".show", invoice_id=invoice["id"], secret=_secret(account, invoice)),
    )


def _secret(account: Account, invoice: Json) -> str:
    found: str = account.ledger.private(invoice["id"])["secret"]
    return found
