"""From any object of Stripe's up to the whole gift that it belongs to.

Stripe's client comes in as an argument: only the gateway knows the SDK.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from donate.at_stripe import charges as attempts
from donate.at_stripe import readings
from donate.at_stripe.orders import DONATION, RECURRING
from donate.at_stripe.plain import Json, id_of, mark, moment
from donate.facts import (
    ChargeFacts,
    DeclineFacts,
    Facts,
    PaymentFacts,
    RecurringFacts,
    Trouble,
)
from donate.models import RecurringState, State

# What Stripe is asked to show whole (docs.stripe.com/expand: at most four levels).
IN_SESSION = ["payment_intent", "subscription.latest_invoice", "invoice.payments"]
IN_SUBSCRIPTION = ["customer", "latest_invoice.payments"]
_PARENT = "parent.subscription_details.subscription"
IN_INVOICE = ["payments", f"{_PARENT}.customer", f"{_PARENT}.latest_invoice"]
IN_REFUND = ["balance_transaction", "failure_balance_transaction"]
IN_CHARGE = ["balance_transaction", "failure_balance_transaction", "refunds"]
OPEN = (State.OPEN, RecurringState.OPEN)
MOST = 100  # on one page of a list


class Look:
    """One look: each fact in it is as fresh as its beginning, or fresher."""

    def __init__(self, v1: Any) -> None:
        self._v1 = v1
        self._asked_at = datetime.now(UTC)
        self._disputed: set[str] = set()  # charges that we know to be

    # By what we are told of

    def at_session(self, session_id: str) -> tuple[Facts, ...]:
        """A Checkout Session: its gift, or recurring donation and first gift."""
        found = self._v1.checkout.sessions.retrieve(session_id, {"expand": IN_SESSION})
        return self._of_session(_one(found))

    def at_invoice(self, invoice_id: str) -> tuple[Facts, ...]:
        """An invoice: the recurring donation that it belongs to, and its gift."""
        found = self._v1.invoices.retrieve(invoice_id, {"expand": IN_INVOICE})
        return self._of_invoice(_one(found))

    def at_subscription(self, subscription_id: str) -> tuple[Facts, ...]:
        """A subscription: the recurring donation, and its latest gift."""
        found = self._v1.subscriptions.retrieve(subscription_id, {"expand": IN_SUBSCRIPTION})
        subscription = _one(found)
        return self._with_gift(subscription.get("latest_invoice"), self._recurring(subscription))

    def at_charge(self, charge_id: str) -> tuple[Facts, ...]:
        """A charge: the gift that it paid, or tried to pay."""
        found = self._v1.charges.retrieve(charge_id, {"expand": ["payment_intent"]})
        return self._of_part(_one(found))

    def at_refund(self, refund_id: str) -> tuple[Facts, ...]:
        """A refund: the gift that was given back."""
        found = self._v1.refunds.retrieve(refund_id, {"expand": ["payment_intent"]})
        return self._of_part(_one(found))

    def at_dispute(self, dispute_id: str) -> tuple[Facts, ...]:
        """A dispute: the gift that is disputed."""
        found = _one(self._v1.disputes.retrieve(dispute_id, {"expand": ["payment_intent"]}))
        self._disputed.add(id_of(found["charge"]) or "")
        return self._of_part(found)

    def at_warning(self, warning_id: str) -> tuple[Facts, ...]:
        """An early fraud warning: the gift that it warns of."""
        asks = {"expand": ["payment_intent"]}
        found = self._v1.radar.early_fraud_warnings.retrieve(warning_id, asks)
        return self._of_part(_one(found))

    def at_intent(self, intent_id: str) -> tuple[Facts, ...]:
        """A payment intent: the cards that were refused on Stripe's page, and the gift.

        Of a refused renewal there is the gift alone: nobody tried a card.
        """
        intent = _one(self._v1.payment_intents.retrieve(intent_id))
        if mark(intent, DONATION):
            gift = self._of_sessions(intent_id)
            return (*self._declines(intent, gift), *gift)
        invoice = self._invoice_of(intent_id)
        if invoice is None and not attempts.begins(intent):
            return ()
        if invoice is None:
            gift = self._of_beginner(intent)
            return (*self._declines(intent, gift), *gift)
        gift = self._of_invoice(invoice)
        is_first = invoice.get("billing_reason") == "subscription_create"
        return (*self._declines(intent, gift), *gift) if gift and is_first else gift

    # Up to the gift

    def _of_part(self, part: Json) -> tuple[Facts, ...]:
        intent = part.get("payment_intent")
        if intent is None:
            is_charge = part["object"] == "charge"
            charge_id = None if is_charge else id_of(part.get("charge"))
            return self.at_charge(charge_id) if charge_id else ()
        if mark(intent, DONATION):
            return self._of_sessions(intent["id"])
        invoice = self._invoice_of(intent["id"])
        return self._of_invoice(invoice) if invoice else ()

    def _of_sessions(self, intent_id: str) -> tuple[Facts, ...]:
        expand = [f"data.{part}" for part in IN_SESSION]
        found = self._v1.checkout.sessions.list({"payment_intent": intent_id, "expand": expand})
        return tuple(fact for one in _whole(found) for fact in self._of_session(one))

    def _of_beginner(self, intent: Json) -> tuple[Facts, ...]:
        """The open page on which somebody tries to begin a recurring donation.

        Stripe ties it to its payment only once it has begun; until then no more than the e-mail
        address that was typed leads there, and nothing is said where it leads to several.
        """
        email = attempts.refused_email(intent)
        if not email:
            return ()
        asks = {"customer_details": {"email": email}, "status": "open", "limit": MOST}
        found = [
            one
            for one in _whole(self._v1.checkout.sessions.list(asks))
            if one.get("mode") == "subscription"
            and (one.get("amount_total"), one.get("currency"))
            == (intent.get("amount"), intent.get("currency"))
        ]
        return self._of_session(found[0]) if len(found) == 1 else ()

    def _invoice_of(self, intent_id: str) -> Json | None:
        """No intent names its invoice; the invoice payment between them does."""
        asks = {"payment": {"type": "payment_intent", "payment_intent": intent_id}, "limit": 1}
        for tie in self._v1.invoice_payments.list(asks).data:
            invoice_id = id_of(_one(tie)["invoice"])
            return _one(self._v1.invoices.retrieve(invoice_id, {"expand": IN_INVOICE}))
        return None

    # The gift

    def _of_session(self, session: Json) -> tuple[Facts, ...]:
        if session.get("mode") == "subscription" and mark(session, RECURRING):
            return self._of_signup(session)
        if session.get("mode") != "payment" or not mark(session, DONATION):
            return ()
        intent_id = id_of(session.get("payment_intent"))
        is_done = session.get("status") == "complete" and intent_id is not None
        charges = self._charges([intent_id or ""]) if is_done else []
        charge = self._charge(charges)
        return (readings.payment_of_session(session, charges, charge, self._asked_at),)

    def _of_signup(self, session: Json) -> tuple[Facts, ...]:
        subscription, invoice = session.get("subscription"), session.get("invoice")
        if not subscription:
            return (readings.recurring_of_session(session, self._asked_at),)
        return self._with_gift(invoice, self._recurring(subscription, session))

    def _of_invoice(self, invoice: Json) -> tuple[Facts, ...]:
        subscription = readings.subscription_of(invoice)
        recurring = self._recurring(subscription) if isinstance(subscription, dict) else None
        return self._with_gift(invoice, recurring)

    def _with_gift(
        self, invoice: Json | None, recurring: RecurringFacts | None
    ) -> tuple[Facts, ...]:
        """The recurring donation first: its gift hangs on it."""
        if recurring is None:
            return ()
        if invoice is None or not readings.is_payable(invoice):
            return (recurring,)
        charges = self._charges(readings.intents_of(invoice))
        gift = readings.payment_of_invoice(invoice, recurring, charges, self._charge(charges))
        return (recurring, gift)

    def _recurring(self, subscription: Json, session: Json | None = None) -> RecurringFacts | None:
        if not mark(subscription, RECURRING):
            return None
        trouble = self._trouble(subscription) if readings.is_in_trouble(subscription) else None
        return readings.recurring_of_subscription(subscription, trouble, self._asked_at, session)

    def _trouble(self, subscription: Json) -> Trouble | None:
        invoice = subscription["latest_invoice"]
        asks = {"invoice": invoice["id"], "expand": ["data.payment.payment_intent"]}
        ties = _whole(self._v1.invoice_payments.list(asks))
        intents = [(tie.get("payment") or {}).get("payment_intent") for tie in ties]
        return readings.trouble_of(invoice, [one for one in intents if one])

    # The charge

    def _charges(self, intent_ids: list[str]) -> list[Json]:
        """Each attempt to pay, newest first."""
        expand = [f"data.{part}" for part in IN_CHARGE]
        asks = [{"payment_intent": one, "limit": MOST, "expand": expand} for one in intent_ids]
        return [charge for ask in asks for charge in _whole(self._v1.charges.list(ask))]

    def _charge(self, charges: list[Json]) -> ChargeFacts | None:
        paid = attempts.paying(charges)
        if paid is None:
            return None
        refunds = [refund for charge in charges for refund in self._refunds(charge)]
        disputes = [dispute for charge in charges for dispute in self._disputes(charge)]
        asks = {"charge": paid["id"], "limit": 1}
        is_warned = bool(self._v1.radar.early_fraud_warnings.list(asks).data)
        return attempts.charge_of(charges, refunds, disputes, is_warned)

    def _refunds(self, charge: Json) -> Iterable[Json]:
        if not (charge.get("refunds") or {}).get("data"):
            return ()
        expand = [f"data.{part}" for part in IN_REFUND]
        asks = {"charge": charge["id"], "limit": MOST, "expand": expand}
        return _whole(self._v1.refunds.list(asks))

    def _disputes(self, charge: Json) -> Iterable[Json]:
        if not charge.get("disputed") and charge["id"] not in self._disputed:
            return ()
        return _whole(self._v1.disputes.list({"charge": charge["id"], "limit": MOST}))

    def _declines(self, intent: Json, gift: tuple[Facts, ...]) -> tuple[DeclineFacts, ...]:
        """Each card that was refused, however many of their events came."""
        session_id = next(filter(None, map(_open_session, gift)), None)
        gift_id = next(filter(None, map(_id_of_gift, gift)), None)
        refused = {
            one["id"]: moment(one["created"])
            for one in self._charges([intent["id"]])
            if one.get("status") == "failed" and attempts.is_by_card(one)
        }
        if unseen := attempts.refused_without_charge(intent):
            refused[unseen] = self._asked_at
        return tuple(
            DeclineFacts(attempt_id, session_id, gift_id, at) for attempt_id, at in refused.items()
        )


def _open_session(fact: Facts) -> str | None:
    if isinstance(fact, DeclineFacts) or fact.state not in OPEN:
        return None
    return fact.session_id


def _id_of_gift(fact: Facts) -> uuid.UUID | None:
    if isinstance(fact, PaymentFacts):
        return fact.donation_id or fact.recurring_id
    return fact.recurring_id if isinstance(fact, RecurringFacts) else None


def _one(found: Any) -> Json:
    """An object of Stripe's, which has an id whatever else it lacks. Raises KeyError."""
    shown: Json = found.to_dict()
    return shown | {"id": shown["id"]}


def _whole(listed: Any) -> list[Json]:
    """All that a list has, over all its pages."""
    return [_one(one) for one in listed.auto_paging_iter()]


# The events that we listen to, and where each makes us look.
LOOKS: dict[str, Callable[[Look, str], tuple[Facts, ...]]] = {
    "checkout.session.completed": Look.at_session,
    "checkout.session.async_payment_succeeded": Look.at_session,
    "checkout.session.async_payment_failed": Look.at_session,
    "checkout.session.expired": Look.at_session,
    "invoice.paid": Look.at_invoice,
    "invoice.payment_failed": Look.at_invoice,
    "invoice.payment_action_required": Look.at_invoice,
    "invoice.voided": Look.at_invoice,
    "invoice.marked_uncollectible": Look.at_invoice,
    "customer.subscription.updated": Look.at_subscription,
    "customer.subscription.deleted": Look.at_subscription,
    # a charge enters the books a moment after it has paid
    "charge.updated": Look.at_charge,
    "charge.refunded": Look.at_charge,
    "refund.created": Look.at_refund,
    "refund.updated": Look.at_refund,
    "refund.failed": Look.at_refund,
    "charge.dispute.created": Look.at_dispute,
    "charge.dispute.updated": Look.at_dispute,
    "charge.dispute.closed": Look.at_dispute,
    "charge.dispute.funds_withdrawn": Look.at_dispute,
    "charge.dispute.funds_reinstated": Look.at_dispute,
    "radar.early_fraud_warning.created": Look.at_warning,
    "payment_intent.payment_failed": Look.at_intent,
}
