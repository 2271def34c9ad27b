"""The one door to Stripe: small facts go in and out, and errors of our own come back."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import stripe
from flask import Flask, current_app

from config.settings import Settings
from config.stripe_pages import is_stripe_page
from donate.at_stripe import listed, orders
from donate.at_stripe.connection import open_session
from donate.at_stripe.listed import BalanceLine, Event, MarkedSession
from donate.at_stripe.looks import LOOKS, MOST, Look
from donate.at_stripe.orders import CheckoutOrder, stripe_locale
from donate.at_stripe.plain import mark
from donate.facts import Facts

__all__ = [
    "LOOKS",
    "NOT_THERE",
    "BalanceLine",
    "CheckoutOrder",
    "CheckoutSession",
    "Event",
    "ForgedEvent",
    "Gateway",
    "GatewayOff",
    "GatewayRefused",
    "GatewayUnavailable",
    "MarkedSession",
    "gateway",
    "init_gateway",
    "stripe_locale",
]

log = logging.getLogger("vigil.donate")

TIMEOUT = 10.0  # seconds for one attempt; the SDK's own default is 80
RETRIES = 2
TOLERANCE = 300  # seconds a signature stays good (docs.stripe.com/webhooks)
NOT_THERE = "resource_missing"  # Stripe's code (docs.stripe.com/error-codes)
TYPES_AT_ONCE = 20  # so many may be named in one request (docs.stripe.com/api/events/list)

T = TypeVar("T")


class GatewayOff(Exception):
    """There is no key: this installation takes no donations."""


class GatewayUnavailable(Exception):
    """Stripe could not be reached, was slow, broken or busy, or does not know our key."""


class GatewayRefused(Exception):
    """Stripe understood and said no; `code` is Stripe's error code, such as amount_too_small."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ForgedEvent(Exception):
    """Not signed with one of our secrets, signed too long ago, or of the other mode."""


@dataclass(frozen=True)
class CheckoutSession:
    """A page of Stripe's on which one donation can be paid."""

    id: str
    url: str


class Gateway:
    """Stripe as one application uses it; safe among threads.

    Each method that asks Stripe raises GatewayOff, GatewayUnavailable or GatewayRefused.
    """

    def __init__(self, settings: Settings, timeout: float = TIMEOUT) -> None:
        self._settings = settings
        self._secrets = settings.stripe_webhook_secrets
        self._is_livemode = settings.is_livemode
        self._maybe_client = self._refunder = None
        if key := settings.stripe_secret_key:
            self._maybe_client = _make_client(settings, key, timeout)
            refund_key = settings.stripe_refund_key or key
            self._refunder = _make_client(settings, refund_key, timeout)
        self._has_product = False
        self._portal_id = ""

    @property
    def is_on(self) -> bool:
        """Whether donations can be taken at all."""
        return self._maybe_client is not None

    @property
    def _v1(self) -> Any:
        if self._maybe_client is None:
            raise GatewayOff
        return self._maybe_client.v1

    # Giving

    def create_checkout(self, order: CheckoutOrder) -> CheckoutSession:
        """Make the page to pay on; the same one again for the same attempt."""
        with _our_errors(), self._with_product():
            session = self._v1.checkout.sessions.create(
                orders.session_params(order), {"idempotency_key": order.idempotency_key}
            )
            # without an address it is no longer open: there is nowhere to send the donor
            return CheckoutSession(session.id, self._page(session.url or ""))

    def find_page(self, session_id: str) -> str | None:
        """The address of a page to pay on, while it is open."""
        with _our_errors():
            address: str | None = self._v1.checkout.sessions.retrieve(session_id).url
        return self._page(address) if address else None

    def expire_session(self, session_id: str) -> None:
        """Close an open page to pay on, for good; GatewayRefused where it is not open."""
        with _our_errors():
            self._v1.checkout.sessions.expire(session_id)

    # Giving again and again

    def open_portal(self, customer_id: str, return_url: str, language: str) -> str:
        """The address of Stripe's pages for this customer: card, invoices, cancelling.

        For whoever has shown to own the customer's e-mail address, and for nobody else.
        """
        with _our_errors():
            if not self._portal_id:
                self._portal_id = self._find_portal() or self._create_portal()
            asks = {
                "configuration": self._portal_id,
                "customer": customer_id,
                "return_url": return_url,
                "locale": orders.stripe_locale(language),
            }
            try:
                return self._page(self._v1.billing_portal.sessions.create(asks).url)
            except stripe.InvalidRequestError:
                self._portal_id = ""  # somebody may have closed it: the next visit looks again
                raise

    def _page(self, address: str) -> str:
        """The address itself; an answer that leads elsewhere is not Stripe's."""
        if not is_stripe_page(address, self._settings):
            raise GatewayUnavailable
        return address

    def change_amount(
        self, subscription_id: str, amount_minor: int, currency: str, frequency: str
    ) -> None:
        """Another amount from the next payment on; currency and frequency are those it has."""
        price = orders.price_data(amount_minor, currency, frequency)
        with _our_errors(), self._with_product():
            subscriptions = self._v1.subscriptions
            (item,) = subscriptions.retrieve(subscription_id).to_dict()["items"]["data"]
            items = [{"id": item["id"], "price_data": price}]
            subscriptions.update(subscription_id, {"items": items, "proration_behavior": "none"})

    def pause(self, subscription_id: str) -> None:
        """Take no payments until it is resumed; what falls due meanwhile is never asked for."""
        with _our_errors():
            pause = {"behavior": "void"}
            self._v1.subscriptions.update(subscription_id, {"pause_collection": pause})

    def resume(self, subscription_id: str) -> None:
        """Take payments again, from the next one on."""
        with _our_errors():
            self._v1.subscriptions.update(subscription_id, {"pause_collection": ""})

    def cancel(self, subscription_id: str) -> None:
        """End it at once; quiet where it has ended."""
        with _our_errors():
            try:
                self._v1.subscriptions.cancel(subscription_id)
            except stripe.InvalidRequestError as error:
                if error.code != NOT_THERE:
                    raise

    # Giving back

    def create_refund(
        self, refund_id: uuid.UUID, paid_by: str, amount_minor: int, reason: str = ""
    ) -> None:
        """Give back so many minor units of a charge or payment intent, once for each of our rows.

        With a key of its own, where there is one. The idempotency key lasts for a day at Stripe;
        after that our mark tells that the refund was made.
        """
        params = orders.refund_params(refund_id, paid_by, amount_minor, reason)
        if self._refunder is None:
            raise GatewayOff
        refunds: Any = self._refunder.v1.refunds
        with _our_errors():
            of = {name: params[name] for name in ("charge", "payment_intent") if name in params}
            for made in refunds.list(of | {"limit": MOST}).auto_paging_iter():
                if mark(made.to_dict(), orders.REFUND) == refund_id:
                    return
            refunds.create(params, {"idempotency_key": f"refund:{refund_id}"})

    # Looking

    def look(self, event: Event) -> tuple[Facts, ...]:
        """What an event is about, as it all stands now; nothing for types that we do not book."""
        look = LOOKS.get(event.type)
        return self._look(look, event.object_id) if look and event.object_id else ()

    def look_at_session(self, session_id: str) -> tuple[Facts, ...]:
        """A gift, or a recurring donation and its first gift; nothing for what is not ours."""
        return self._look(Look.at_session, session_id)

    def look_at_invoice(self, invoice_id: str) -> tuple[Facts, ...]:
        """A recurring donation, and the gift that this invoice is for."""
        return self._look(Look.at_invoice, invoice_id)

    def look_at_subscription(self, subscription_id: str) -> tuple[Facts, ...]:
        """A recurring donation, and its latest gift."""
        return self._look(Look.at_subscription, subscription_id)

    def look_at_charge(self, charge_id: str) -> tuple[Facts, ...]:
        """The gift that was paid so, and for a recurring one also what it belongs to."""
        return self._look(Look.at_charge, charge_id)

    def look_at_movement(self, line: BalanceLine) -> tuple[Facts, ...]:
        """The gift that a line of the balance belongs to; nothing for another shop's."""
        return self.look_at_charge(line.charge_id) if line.charge_id else ()

    def look_at_intent(self, intent_id: str) -> tuple[Facts, ...]:
        """The cards that were refused, and the gift."""
        return self._look(Look.at_intent, intent_id)

    def _look(
        self, look: Callable[[Look, str], tuple[Facts, ...]], object_id: str
    ) -> tuple[Facts, ...]:
        with _our_errors():
            return look(Look(self._v1), object_id)

    # Lists: read whole before the first is given, for the caller may open a transaction then

    def list_events(self, since: datetime) -> Iterator[Event]:
        """Events of the types that we listen to, oldest first; Stripe keeps them for 30 days."""
        types = list(LOOKS)
        found: list[Event] = []
        for start in range(0, len(types), TYPES_AT_ONCE):
            asks = _since(since) | {"types": types[start : start + TYPES_AT_ONCE]}
            found += reversed(self._list("events", asks, listed.read_event))
        return iter(sorted(found, key=lambda event: event.created_at))

    def list_sessions(self, since: datetime) -> Iterator[MarkedSession]:
        """The sessions of ours that were made since then, newest first."""
        found = self._list("checkout.sessions", _since(since), listed.read_session)
        return (session for session in found if session)

    def list_movements(self, since: datetime) -> Iterator[BalanceLine]:
        """What went through the balance since then, of the kinds that we book, newest first."""
        asks = _since(since) | {"expand": ["data.source"]}
        found = self._list("balance_transactions", asks, listed.read_line)
        return (line for line in found if line)

    def _list(self, name: str, asks: dict[str, Any], read: Callable[[Any], T]) -> list[T]:
        with _our_errors():
            service = self._v1
            for part in name.split("."):
                service = getattr(service, part)
            return [read(one.to_dict()) for one in service.list(asks).auto_paging_iter()]

    # Webhooks

    def read_event(self, raw: bytes, signature: str) -> Event:
        """Verify a webhook's body as it came. Raises GatewayOff, ForgedEvent."""
        if not self.is_on:
            raise GatewayOff
        if not any(_is_signed(raw, signature, secret) for secret in self._secrets):
            raise ForgedEvent
        try:
            event = listed.read_event(json.loads(raw))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ForgedEvent from error
        if event.livemode is not self._is_livemode:
            log.error("Stripe event %s is of the other mode", event.id)
            raise ForgedEvent
        return event

    # What there must be at Stripe

    @contextmanager
    def _with_product(self) -> Iterator[None]:
        """One product for all gifts; made by whoever comes first, also of several processes."""
        if not self._has_product:
            self._ensure_product()
            self._has_product = True
        try:
            yield
        except stripe.InvalidRequestError as error:
            if error.code == NOT_THERE:  # somebody deleted the product: the next gift makes it
                self._has_product = False
            raise

    def _ensure_product(self) -> None:
        try:
            self._v1.products.retrieve(orders.PRODUCT_ID)
        except stripe.InvalidRequestError as error:
            if error.code != NOT_THERE:
                raise
            try:
                self._v1.products.create({"id": orders.PRODUCT_ID, "name": orders.PRODUCT_NAME})
            except stripe.InvalidRequestError as second:
                if second.code != "resource_already_exists":
                    raise

    def _find_portal(self) -> str:
        """Our configuration by our mark, so that not each process makes another."""
        known = self._v1.billing_portal.configurations.list({"limit": MOST}).auto_paging_iter()
        for one in known:
            found = one.to_dict()
            if found["active"] and orders.PORTAL_MARK.items() <= found["metadata"].items():
                return str(found["id"])
        return ""

    def _create_portal(self) -> str:
        made = self._v1.billing_portal.configurations.create(orders.portal_params())
        return str(made.id)


def init_gateway(app: Flask, settings: Settings, timeout: float = TIMEOUT) -> None:
    """Give the application its gateway; `timeout` in seconds for each attempt."""
    app.extensions["gateway"] = Gateway(settings, timeout)


def gateway() -> Gateway:
    """The gateway of the application in hand."""
    current: Gateway = current_app.extensions["gateway"]
    return current


def _make_client(settings: Settings, key: str, timeout: float) -> stripe.StripeClient:
    elsewhere: Any = {}
    if settings.stripe_api_base:
        elsewhere = {"base_addresses": {"api": settings.stripe_api_base}}
    return stripe.StripeClient(
        key,
        max_network_retries=RETRIES,  # a StripeClient makes none by itself
        http_client=stripe.RequestsClient(timeout, open_session()),
        **elsewhere,
    )


def _since(since: datetime) -> dict[str, Any]:
    return {"created": {"gte": int(since.timestamp())}, "limit": MOST}


def _is_signed(raw: bytes, signature: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(raw, signature, secret, TOLERANCE))
    except (stripe.SignatureVerificationError, TypeError, ValueError):
        return False  # TypeError, ValueError: a header or a body of odd characters


@contextmanager
def _our_errors() -> Iterator[None]:
    """By class and code, never by Stripe's words, which change."""
    try:
        yield
    except (stripe.InvalidRequestError, stripe.CardError) as error:
        raise GatewayRefused(error.code or "") from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        log.error("Stripe refuses our key: %s", type(error).__name__)
        raise GatewayUnavailable from error
    except stripe.StripeError as error:
        log.warning("Stripe unavailable: %s", type(error).__name__)
        raise GatewayUnavailable from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # JSON, but not Stripe's
        log.error("something else answers in Stripe's place: %s", type(error).__name__)
        raise GatewayUnavailable from error
