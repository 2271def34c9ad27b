"""Reads gifts and recurring donations out of what Stripe shows.

An unknown word of Stripe's is data, never an error.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from donate.at_stripe.charges import is_by_card, paid_at
from donate.at_stripe.orders import DONATION, RECURRING
from donate.at_stripe.plain import Json, day_of, first, id_of, mark, moment, payer
from donate.facts import ChargeFacts, Payer, PaymentFacts, RecurringFacts, Trouble
from donate.models import RecurringState, State

# Where a payment intent stands when a bank debit came to nothing.
CAME_TO_NOTHING = {"requires_payment_method", "canceled"}
OVER = {"canceled", "incomplete_expired"}
TIME_TO_MEND = timedelta(days=14)
# Of a subscription; any other word means that it goes on.
RECURRING_STATES = {
    "incomplete": RecurringState.OPEN,
    "incomplete_expired": RecurringState.EXPIRED,
    "past_due": RecurringState.AT_RISK,
    "unpaid": RecurringState.AT_RISK,
    "paused": RecurringState.PAUSED,
    "canceled": RecurringState.ENDED,
}
INVOICE_STATES = {
    "paid": State.PAID,
    "uncollectible": State.FAILED,
    "void": State.EXPIRED,
}


# A single gift


def payment_of_session(
    session: Json, charges: list[Json], charge: ChargeFacts | None, asked_at: datetime
) -> PaymentFacts:
    """A session in mode `payment`, with its payment intent in it."""
    return PaymentFacts(
        asked_at=asked_at,
        state=_session_state(session),
        amount_minor=session.get("amount_total") or 0,
        currency=(session.get("currency") or "").upper(),
        donation_id=mark(session, DONATION),
        session_id=session["id"],
        payment_intent_id=id_of(session.get("payment_intent")),
        payer=payer(session.get("customer_details"), *_billed(charges)),
        charge=charge,
        paid_at=paid_at(charges) if session.get("payment_status") == "paid" else None,
    )


def _session_state(session: Json) -> State:
    """An unknown word of Stripe's means: wait."""
    if session.get("status") == "open":
        return State.OPEN
    if session.get("status") == "expired":
        return State.EXPIRED
    if session.get("payment_status") == "paid":
        return State.PAID
    intent = session.get("payment_intent") or {}
    return State.FAILED if intent.get("status") in CAME_TO_NOTHING else State.PENDING


def _billed(charges: list[Json]) -> list[Json | None]:
    return [charge.get("billing_details") for charge in charges]


# A payment of a recurring donation


def is_payable(invoice: Json) -> bool:
    """Whether there is or was something to pay; a draft may still change."""
    return invoice.get("status") != "draft" and bool(_asked_for(invoice))


def _asked_for(invoice: Json) -> int:
    return invoice.get("amount_paid") or invoice.get("amount_due") or 0


def subscription_of(invoice: Json) -> Json | str | None:
    """The subscription that an invoice belongs to, or its id."""
    parent = invoice.get("parent") or {}
    found: Json | str | None = (parent.get("subscription_details") or {}).get("subscription")
    return found


def intents_of(invoice: Json) -> list[str]:
    """The payment intents that were to pay an invoice whose payments are shown."""
    payments = (invoice.get("payments") or {}).get("data") or []
    found = [id_of((one.get("payment") or {}).get("payment_intent")) for one in payments]
    return [intent_id for intent_id in found if intent_id]


def payment_of_invoice(
    invoice: Json,
    recurring: RecurringFacts,
    charges: list[Json],
    charge: ChargeFacts | None,
) -> PaymentFacts:
    """One payment of a recurring donation."""
    intents = [id_of(one.get("payment_intent")) for one in charges] + intents_of(invoice)
    return PaymentFacts(
        asked_at=recurring.asked_at,
        state=_invoice_state(invoice, charges),
        amount_minor=_asked_for(invoice),
        currency=(invoice.get("currency") or "").upper(),
        invoice_id=invoice["id"],
        recurring_id=recurring.recurring_id,
        subscription_id=recurring.subscription_id,
        payment_intent_id=first(intents),
        payer=_with_country(recurring.payer, charges),
        charge=charge,
        paid_at=_invoice_paid_at(invoice, charges),
    )


def _with_country(known: Payer, charges: list[Json]) -> Payer:
    return payer(
        {"name": known.name, "email": known.email, "address": {"country": known.country}},
        *_billed(charges),
    )


def _invoice_paid_at(invoice: Json, charges: list[Json]) -> datetime | None:
    if invoice.get("status") != "paid":
        return None
    seconds = (invoice.get("status_transitions") or {}).get("paid_at")
    return moment(seconds) if seconds else paid_at(charges)


def _invoice_state(invoice: Json, charges: list[Json]) -> State:
    """Open while the donor or a further attempt may pay it; failed once a bank debit was."""
    if known := INVOICE_STATES.get(invoice.get("status") or ""):
        return known
    newest = charges[0] if charges else None
    if newest is None or is_by_card(newest):
        return State.OPEN
    return State.FAILED if newest.get("status") == "failed" else State.PENDING


# A recurring donation


def recurring_of_session(session: Json, asked_at: datetime) -> RecurringFacts:
    """A session in mode `subscription` that has led to none."""
    expired = session.get("status") == "expired"
    return RecurringFacts(
        asked_at=asked_at,
        state=RecurringState.EXPIRED if expired else RecurringState.OPEN,
        recurring_id=mark(session, RECURRING),
        session_id=session["id"],
        customer_id=id_of(session.get("customer")),
        amount_minor=session.get("amount_total") or 0,
        currency=(session.get("currency") or "").upper(),
        payer=payer(session.get("customer_details")),
    )


def recurring_of_subscription(
    subscription: Json,
    trouble: Trouble | None,
    asked_at: datetime,
    session: Json | None = None,
) -> RecurringFacts:
    """A subscription, shown with its latest invoice, and its customer unless there is a session."""
    state = _recurring_state(subscription)
    is_over = subscription.get("status") in OVER
    customer = subscription.get("customer")
    return RecurringFacts(
        asked_at=asked_at,
        state=state,
        recurring_id=mark(subscription, RECURRING),
        session_id=session["id"] if session else None,
        subscription_id=subscription["id"],
        customer_id=id_of(customer),
        amount_minor=sum(_amount(item) for item in subscription["items"]["data"]),
        currency=(subscription.get("currency") or "").upper(),
        next_on=_next_on(subscription, state),
        ends_on=None if is_over else day_of(subscription.get("cancel_at")),
        ended_unpaid=_is_given_up(subscription, trouble, asked_at),
        trouble=None if is_over else trouble,
        payer=payer(
            session and session.get("customer_details"),
            customer if isinstance(customer, dict) else None,
        ),
        started_at=_started_at(subscription),
        ended_at=_moment_or_none(subscription.get("ended_at")),
    )


def _started_at(subscription: Json) -> datetime | None:
    if subscription.get("status") in {"incomplete", "incomplete_expired"}:
        return None
    return _moment_or_none(subscription.get("start_date"))


def _moment_or_none(seconds: int | None) -> datetime | None:
    return None if seconds is None else moment(seconds)


def _recurring_state(subscription: Json) -> RecurringState:
    state = RECURRING_STATES.get(subscription.get("status") or "", RecurringState.ACTIVE)
    goes_on = state in {RecurringState.ACTIVE, RecurringState.AT_RISK}
    return RecurringState.PAUSED if goes_on and subscription.get("pause_collection") else state


def _amount(item: Json) -> int:
    """Minor units."""
    return int(item["price"].get("unit_amount") or 0) * int(item.get("quantity") or 1)


def _next_on(subscription: Json, state: RecurringState) -> date | None:
    if state not in {RecurringState.ACTIVE, RecurringState.AT_RISK}:
        return None
    if subscription.get("cancel_at"):
        return None
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    return day_of(min(ends)) if ends else None


def _is_given_up(subscription: Json, trouble: Trouble | None, now: datetime) -> bool:
    """Whether Stripe will not try again; what becomes of it then is a setting of the account.

    A donor whom the bank wants to ask is waited for, and one whose card was tried but once has
    some days to mend it.
    """
    status, details = subscription.get("status"), subscription.get("cancellation_details") or {}
    if status != "past_due":
        return status == "unpaid" or (status in OVER and details.get("reason") == "payment_failed")
    if trouble is None or trouble.needs_authentication:
        return False
    invoice = _latest(subscription)
    had_time = trouble.attempts > 1 or now - moment(invoice["created"]) > TIME_TO_MEND
    return had_time and not invoice.get("next_payment_attempt")


def _latest(subscription: Json) -> Json:
    return subscription.get("latest_invoice") or {"status": None}


def is_in_trouble(subscription: Json) -> bool:
    """Whether its latest payment was tried and is still owed."""
    invoice = _latest(subscription)
    has_begun = subscription.get("status") not in OVER | {"incomplete"}
    return has_begun and invoice.get("status") == "open" and bool(invoice.get("attempt_count"))


def trouble_of(invoice: Json, intents: list[Json]) -> Trouble | None:
    """What the donor must mend; nothing while a bank is still at it."""
    states = {intent.get("status") for intent in intents}
    if states & {"processing", "succeeded"}:
        return None
    return Trouble(
        invoice_id=invoice["id"],
        needs_authentication="requires_action" in states,
        attempts=invoice["attempt_count"],
        url=invoice.get("hosted_invoice_url") or "",
        due_on=day_of(invoice["created"]),
    )
