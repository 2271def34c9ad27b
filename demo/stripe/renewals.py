"""What happens at the end of a period: the next invoice, the attempt to collect it, the retries.

Stripe leaves a renewal's invoice in draft for about an hour before it tries the card; here both
happen at once. The retries are those of a custom schedule: three, five and seven days apart.
"""

from demo.stripe import invoices, objects, subscription_states
from demo.stripe.account import Account
from demo.stripe.afterwards import settle
from demo.stripe.attempts import debit_account, decline_card, fail_debit, succeed, take_card
from demo.stripe.cards import AUTHENTICATION_REQUIRED, GENERIC, Renewal
from demo.stripe.customers import bank_of, method_for, renewal_of
from demo.stripe.ledger import Json
from demo.stripe.periods import next_period

RETRY_AFTER_DAYS = (3, 5, 7)
AFTER_RETRIES = ("cancel", "unpaid", "past_due")  # what the dashboard lets one choose


def renew_when_due(account: Account, subscription_id: str) -> None:
    """At the end of a period, unless it was moved on before."""
    subscription = account.ledger.get("subscription", subscription_id)
    end = subscription["items"]["data"][0]["current_period_end"]
    if subscription["status"] not in subscription_states.OVER and end <= account.now():
        renew(account, subscription)


def renew(account: Account, subscription: Json, outcome: Renewal | None = None) -> Json | None:
    """Begin the next period and try to collect for it; returns its invoice. One that was to be
    cancelled ends instead.
    """
    if subscription["cancel_at_period_end"]:
        subscription_states.end(account, subscription, "cancellation_requested")
        return None
    start, end = _move_on(account, subscription)
    span = {"period_start": start, "period_end": end}
    invoice = invoices.draft(account, subscription, "subscription_cycle", **span)
    if subscription["status"] == "unpaid":
        account.ledger.save(invoice | {"auto_advance": False})
        return invoice
    if subscription["pause_collection"]:
        _set_aside(account, invoice, subscription["pause_collection"]["behavior"])
        return invoice
    invoices.finalize(account, invoice, _new_intent(account, invoice))
    collect(account, invoice, outcome)
    return invoice


def _move_on(account: Account, subscription: Json) -> tuple[int, int]:
    """The next period for every item; returns the one that ended."""
    items = subscription["items"]["data"]
    ended = items[0]["current_period_start"], items[0]["current_period_end"]
    rhythm = items[0]["price"]["recurring"]
    anchor = subscription["billing_cycle_anchor"]
    start, end = next_period(anchor, rhythm["interval"], rhythm["interval_count"], ended[1])
    for item in items:
        item |= {"current_period_start": start, "current_period_end": end}
    subscription_states.change(account, subscription)
    account.ledger.schedule("renew", subscription["id"], end)
    return ended


def _set_aside(account: Account, invoice: Json, behavior: str) -> None:
    """Collection is paused."""
    if behavior == "void":
        invoices.void(account, invoice)
    elif behavior == "mark_uncollectible":
        invoices.write_off(account, invoice)
    else:
        account.ledger.save(invoice | {"auto_advance": False})


def _new_intent(account: Account, invoice: Json) -> Json:
    intent = objects.payment_intent(
        invoice["amount_due"],
        invoice["currency"],
        account.now(),
        customer=invoice["customer"],
        description="Subscription update",
        payment_method_types=["card", "sepa_debit"] if invoice["currency"] == "eur" else ["card"],
        setup_future_usage="off_session",
    )
    account.ledger.add(intent)
    account.emit("payment_intent.created", intent)
    return intent


def collect(account: Account, invoice: Json, outcome: Renewal | None = None) -> None:
    """Charge an open invoice while the payer is away."""
    subscription = account.ledger.get("subscription", invoices.subscription_id_of(invoice))
    method = method_for(account, subscription)
    if method is None:
        _put_off(account, invoice)
        return
    intent = invoices.intent_of(account, invoice) | {"payment_method": method["id"]}
    bank = bank_of(method)
    outcome = outcome or renewal_of(account, method)
    if bank:
        debit_account(account, intent, method)
        fails = outcome == "declined" or bank.outcome == "fails"
        kind = f"renewal debit {'fails' if fails else 'pays'}"
        account.ledger.schedule(kind, invoice["id"], account.ledger.now() + bank.after)
    elif outcome == "pays":
        take_card(account, intent, method)
        invoices.pay(account, invoice)
    elif outcome == "declined":
        decline_card(account, intent, method, GENERIC)
        _put_off(account, invoice)
    else:
        _ask_payer(account, invoice, intent, method)


def finish_debit(account: Account, invoice_id: str, *, pays: bool) -> None:
    """The bank's answer to a renewal's debit."""
    invoice = account.ledger.get("invoice", invoice_id)
    intent = invoices.intent_of(account, invoice)
    if not pays:
        fail_debit(account, intent)
        _put_off(account, invoice)
        return
    succeed(account, intent, account.ledger.get("charge", intent["latest_charge"]))
    invoices.pay(account, invoice)
    settle(account, intent["latest_charge"])


def _ask_payer(account: Account, invoice: Json, intent: Json, method: Json) -> None:
    """3-D Secure at a renewal: only the payer can go on, at the invoice's page."""
    page = invoice["hosted_invoice_url"]
    intent |= {
        "status": "requires_action",
        "next_action": objects.authentication(f"{page}/authenticate", page),
        "last_payment_error": objects.payment_error(AUTHENTICATION_REQUIRED, method, None),
    }
    account.ledger.save(intent)
    account.emit("payment_intent.requires_action", intent)
    account.emit("invoice.payment_action_required", invoice)
    _put_off(account, invoice)


def _put_off(account: Account, invoice: Json) -> None:
    tried = invoice["attempt_count"]
    days = RETRY_AFTER_DAYS[tried] if tried < len(RETRY_AFTER_DAYS) else None
    invoices.fail(account, invoice, days)
    if days is None:
        _give_up(account, invoices.subscription_id_of(invoice))
    else:
        account.ledger.schedule("retry", invoice["id"], invoice["next_payment_attempt"])


def retry_when_due(account: Account, invoice_id: str) -> None:
    """The next attempt, unless the invoice was paid or given up meanwhile."""
    invoice = account.ledger.get("invoice", invoice_id)
    due = invoice["next_payment_attempt"]
    if invoice["status"] == "open" and due is not None and due <= account.now():
        collect(account, invoice)


def _give_up(account: Account, subscription_id: str) -> None:
    """No retry is left: what the account has chosen for that."""
    subscription = account.ledger.get("subscription", subscription_id)
    chosen = account.ledger.recall("after_retries", AFTER_RETRIES[0])
    if subscription["status"] in subscription_states.OVER or chosen == "past_due":
        return
    if chosen == "unpaid":
        subscription_states.change(account, subscription, status="unpaid")
    else:
        subscription_states.end(account, subscription, "payment_failed")


def resume_when_due(account: Account, subscription_id: str) -> None:
    """A pause with an end is over, unless that end was moved."""
    subscription = account.ledger.get("subscription", subscription_id)
    paused = subscription["pause_collection"]
    if paused and paused["resumes_at"] and paused["resumes_at"] <= account.now():
        subscription_states.change(account, subscription, pause_collection=None)
