"""Paying by bank debit: the session is complete at once, the money comes later or not at all."""

from demo.stripe import objects
from demo.stripe.account import Account
from demo.stripe.afterwards import settle
from demo.stripe.attempts import (
    Payer,
    complete,
    create_customer,
    fail_intent,
    intent_of,
    remember_payer,
    succeed,
)
from demo.stripe.cards import GENERIC, BankAccount
from demo.stripe.ledger import Json


def pay_by_debit(account: Account, session: Json, payer: Payer, bank: BankAccount) -> None:
    """Accept a bank debit: the session is complete, the money is not there yet."""
    method = objects.bank_method(bank, payer.billing(), account.now())
    account.ledger.add(method)
    intent = intent_of(account, session, method)
    remember_payer(account, session, payer)
    create_customer(account, session, intent)
    charge = objects.charge(intent, method, objects.bank_details(method), account.now())
    account.ledger.add(charge)
    intent |= {"status": "processing", "latest_charge": charge["id"]}
    account.ledger.save(intent)
    account.emit("payment_intent.processing", intent)
    account.emit("charge.pending", charge)
    complete(account, session, paid=False)
    due_at = account.ledger.now() + bank.after
    account.ledger.schedule(f"debit {bank.outcome}", session["id"], due_at)


def finish_debit(account: Account, session_id: str, *, pays: bool) -> None:
    """The bank's answer, days later in life and seconds later here."""
    session = account.ledger.get("checkout.session", session_id)
    intent = account.ledger.get("payment_intent", session["payment_intent"])
    charge = account.ledger.get("charge", intent["latest_charge"])
    if pays:
        succeed(account, intent, charge)
        session["payment_status"] = "paid"
        account.ledger.save(session)
        account.emit("checkout.session.async_payment_succeeded", session)
        settle(account, charge["id"])
        return
    charge |= {
        "status": "failed",
        "failure_code": GENERIC.code,
        "failure_message": "The customer's bank did not honour this debit.",
        "outcome": objects.outcome(GENERIC),
    }
    account.ledger.save(charge)
    account.emit("charge.failed", charge)
    method = account.ledger.get("payment_method", intent["payment_method"])
    fail_intent(account, intent, method, GENERIC, charge["id"])
    account.emit("checkout.session.async_payment_failed", session)
