"""The one door to Stripe: small facts go in and out, and errors of our own come back."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import stripe
from flask import Flask, current_app

from config.settings import Settings
from donate.models import State

log = logging.getLogger("vigil.donate")

TIMEOUT = 10.0  # seconds for one attempt; the SDK's own default is 80
RETRIES = 2
TOLERANCE = 300  # seconds a signature stays good (docs.stripe.com/webhooks)
PRODUCT_ID = "vigil_donation"
# Neutral on purpose: it stands in the donor's and the bank's records.
PRODUCT_NAME = DESCRIPTION = "Donation"
# The languages of Stripe's page, as both descriptions have them (checkout session, `locale`).
LOCALES = frozenset(
    """auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb
    nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW""".split()  # noqa: SIM905
)
NOT_THERE = "resource_missing"  # Stripe's code (docs.stripe.com/error-codes)
# Where a payment intent stands when a bank debit came to nothing.
CAME_TO_NOTHING = {"requires_payment_method", "canceled"}


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
class CheckoutOrder:
    """What Stripe is asked for. Nothing in it may change between attempts under one key."""

    donation_id: uuid.UUID
    amount_minor: int
    currency: str
    language: str
    expires_at: datetime  # 30 minutes to 24 hours ahead
    success_url: str
    cancel_url: str
    attempt: int = 1

    @property
    def idempotency_key(self) -> str:
        """The same for every copy of one attempt, across restarts."""
        return f"donation:{self.donation_id}:attempt:{self.attempt}"


@dataclass(frozen=True)
class CheckoutSession:
    """A page of Stripe's on which one donation can be paid."""

    id: str
    url: str


@dataclass(frozen=True)
class PaymentFacts:
    """What Stripe says of one session at this moment."""

    session_id: str
    donation_id: uuid.UUID | None  # None: a session that is not ours
    state: State
    amount_minor: int
    currency: str
    payment_intent_id: str | None = None
    name: str | None = None
    email: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class Event:
    """A verified event: a hint to look, never a source of facts."""

    id: str
    type: str
    object_id: str  # empty where the object has none, as that of balance.available
    livemode: bool


class Gateway:
    """Stripe as one application uses it; safe among threads."""

    def __init__(self, settings: Settings, timeout: float = TIMEOUT) -> None:
        self._secrets = settings.stripe_webhook_secrets
        self._is_livemode = settings.is_livemode
        self._maybe_client = _make_client(settings, timeout) if settings.stripe_secret_key else None
        self._has_product = False

    @property
    def is_on(self) -> bool:
        """Whether donations can be taken at all."""
        return self._maybe_client is not None

    @property
    def _client(self) -> stripe.StripeClient:
        if self._maybe_client is None:
            raise GatewayOff
        return self._maybe_client

    def create_checkout(self, order: CheckoutOrder) -> CheckoutSession:
        """Make the page to pay on; the same one again for the same attempt.

        Raises GatewayOff, GatewayUnavailable, GatewayRefused.
        """
        try:
            with _our_errors():
                self._ensure_product()
                session = self._client.v1.checkout.sessions.create(
                    cast(Any, _session_params(order)), {"idempotency_key": order.idempotency_key}
                )
                made = CheckoutSession(session.id, session.url or "")
        except GatewayRefused as refusal:
            if refusal.code == NOT_THERE:  # somebody deleted the product: the next gift makes it
                self._has_product = False
            raise
        if not made.url:  # no longer open: there is nowhere to send the donor
            raise GatewayUnavailable
        return made

    def get_session(self, session_id: str) -> PaymentFacts:
        """Ask for a session as it stands now.

        Raises GatewayOff, GatewayUnavailable, GatewayRefused.
        """
        with _our_errors():
            session = self._client.v1.checkout.sessions.retrieve(
                session_id, {"expand": ["payment_intent"]}
            )
            return _facts(session.to_dict())

    def read_event(self, raw: bytes, signature: str) -> Event:
        """Verify a webhook's body as it came. Raises GatewayOff, ForgedEvent."""
        if not self.is_on:
            raise GatewayOff
        if not any(_is_signed(raw, signature, secret) for secret in self._secrets):
            raise ForgedEvent
        try:
            told = json.loads(raw)
            object_id = told["data"]["object"].get("id") or ""
            event = Event(told["id"], told["type"], object_id, told["livemode"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ForgedEvent from error
        if event.livemode is not self._is_livemode:
            log.error("Stripe event %s is of the other mode", event.id)
            raise ForgedEvent
        return event

    def _ensure_product(self) -> None:
        """One product for all gifts; made by whoever comes first, also of several processes."""
        if self._has_product:
            return
        products = self._client.v1.products
        try:
            products.retrieve(PRODUCT_ID)
        except stripe.InvalidRequestError as error:
            if error.code != NOT_THERE:
                raise
            try:
                products.create({"id": PRODUCT_ID, "name": PRODUCT_NAME})
            except stripe.InvalidRequestError as second:
                if second.code != "resource_already_exists":
                    raise
        self._has_product = True


def init_gateway(app: Flask, settings: Settings, timeout: float = TIMEOUT) -> None:
    """Give the application its gateway; `timeout` in seconds for each attempt."""
    app.extensions["gateway"] = Gateway(settings, timeout)


def gateway() -> Gateway:
    """The gateway of the application in hand."""
    current: Gateway = current_app.extensions["gateway"]
    return current


def stripe_locale(language: str) -> str:
    """The language of Stripe's page; `auto`, the browser's own, where Stripe has not ours."""
    full = language.replace("_", "-")
    base = {"no": "nb", "nn": "nb"}.get(full.partition("-")[0], full.partition("-")[0])
    return next((known for known in (full, base) if known in LOCALES), "auto")


def _make_client(settings: Settings, timeout: float) -> stripe.StripeClient:
    elsewhere: Any = {}
    if settings.stripe_api_base:
        elsewhere = {"base_addresses": {"api": settings.stripe_api_base}}
    return stripe.StripeClient(
        settings.stripe_secret_key,
        max_network_retries=RETRIES,  # a StripeClient makes none by itself
        http_client=stripe.RequestsClient(timeout=timeout),
        **elsewhere,
    )


def _session_params(order: CheckoutOrder) -> dict[str, Any]:
    """Only what is valid in both API descriptions. No statement descriptor: the account's own
    shows, for a suffix would follow its prefix and make another name than we announce.
    """
    mark = {"donation": str(order.donation_id)}
    return {
        "mode": "payment",
        "submit_type": "donate",
        "line_items": [
            {
                "price_data": {
                    "currency": order.currency.lower(),
                    "unit_amount": order.amount_minor,
                    "product": PRODUCT_ID,
                },
                "quantity": 1,
            }
        ],
        "client_reference_id": str(order.donation_id),
        "metadata": mark,
        # charges, refunds and disputes never show the session's own
        "payment_intent_data": {"metadata": mark, "description": DESCRIPTION},
        "customer_creation": "if_required",
        "adaptive_pricing": {"enabled": False},  # the donor has chosen the currency
        "locale": stripe_locale(order.language),
        "expires_at": int(order.expires_at.timestamp()),
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
    }


def _is_signed(raw: bytes, signature: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(raw, signature, secret, TOLERANCE))
    except (stripe.SignatureVerificationError, TypeError, ValueError):
        return False  # TypeError, ValueError: a header or a body of odd characters


def _facts(session: dict[str, Any]) -> PaymentFacts:
    details = session.get("customer_details") or {}
    return PaymentFacts(
        session_id=session["id"],
        donation_id=_our_id(session),
        state=_state(session),
        amount_minor=session.get("amount_total") or 0,
        currency=(session.get("currency") or "").upper(),
        payment_intent_id=(session.get("payment_intent") or {}).get("id"),
        name=details.get("name"),
        email=details.get("email"),
        country=(details.get("address") or {}).get("country"),
    )


def _our_id(session: dict[str, Any]) -> uuid.UUID | None:
    """Our mark; another shop in the same account puts something else there, or nothing."""
    mark = (session.get("metadata") or {}).get("donation")
    try:
        return uuid.UUID(mark) if mark else None
    except ValueError:
        return None


def _state(session: dict[str, Any]) -> State:
    """Where a donation stands by its session; an unknown word of Stripe's means: wait."""
    if session["status"] == "open":
        return State.OPEN
    if session["status"] == "expired":
        return State.EXPIRED
    if session["payment_status"] == "paid":
        return State.PAID
    intent = session.get("payment_intent") or {}
    return State.FAILED if intent.get("status") in CAME_TO_NOTHING else State.PENDING


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
    except (AttributeError, KeyError, TypeError) as error:  # JSON, but not Stripe's
        log.error("something else answers in Stripe's place: %s", type(error).__name__)
        raise GatewayUnavailable from error
