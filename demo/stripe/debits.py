"""Paying by bank debit at checkout: the session is complete at once, the money comes later or not
at all.
"""

from demo.stripe import invoices, objects, signups, subscription_states
from demo.stripe.account import Account
from demo.stripe.afterwards import settle
from demo.stripe.attempts import (
    Payer,
    complete,
    create_customer,
    debit_account,
    fail_debit,
    intent_id_of,
    intent_of,
    remember_payer,
    succeed,
)
from demo.stripe.cards import BankAccount
from demo.stripe.ledger import Json


def pay_by_debit(account: Account, session: Json, payer: Payer, bank: BankAccount) -> None:
    """Accept a bank debit: the session is complete, the money is not there yet. A subscription is
    active meanwhile.
    """
    method = objects.bank_method(bank, payer.billing(), account.now())
    account.ledger.add(method)
    intent = intent_of(account, session, method)
    remember_payer(account, session, payer)
    create_customer(account, session, intent)
    if session["mode"] == "subscription":
        signups.begin(account, session, intent, method)
    debit_account(account, intent, method)
    if session["mode"] == "subscription":
        subscription_states.activate(account, session["subscription"])
    complete(account, session, paid=False)
    due_at = account.ledger.now() + bank.after
    account.ledger.schedule(f"debit {bank.outcome}", session["id"], due_at)


def finish_debit(account: Account, session_id: str, *, pays: bool) -> None:
    """The bank's answer, days later in life and seconds later here."""
    session = account.ledger.get("checkout.session", session_id)
    intent = account.ledger.get("payment_intent", intent_id_of(account, session) or "")
    if not pays:
        fail_debit(account, intent)
        if session["invoice"]:
            invoices.fail(account, account.ledger.get("invoice", session["invoice"]))
        account.emit("checkout.session.async_payment_failed", session)
        return
    charge = account.ledger.get("charge", intent["latest_charge"])
    succeed(account, intent, charge)
    if session["invoice"]:
        signups.confirm(account, session)
    session["payment_status"] = "paid"
    account.ledger.save(session)
    account.emit("checkout.session.async_payment_succeeded", session)
    settle(account, charge["id"])
