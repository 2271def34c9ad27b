"""A webhook endpoint to post to, and the short ways the tests here go through the stand-in."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import requests
import stripe
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from demo.stripe import RunningStandIn

KEY = "sk_test_onlyForTheseTests0001"
SECRET = "whsec_onlyForTheseTests"
PRODUCT = "prod_donation"
PAYS, DECLINED = "4242424242424242", "4000000000000002"
ASKS_3DS = "4000002760003184"
DEBIT_PAYS, DEBIT_FAILS = "DE89370400440532013000", "DE62370400440532013001"


@dataclass
class Post:
    body: bytes
    signature: str

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass
class Endpoint:
    """Takes webhooks; `answers` are the statuses to give first, then always 200."""

    posts: list[Post] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    on_post: Callable[[Post], None] = lambda _post: None

    def __enter__(self) -> Self:
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}/webhook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def types(self) -> list[str]:
        return [post.event["type"] for post in self.posts]

    def _answer(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        post = Post(request.get_data(), request.headers.get("Stripe-Signature", ""))
        self.posts.append(post)
        self.on_post(post)
        status = self.answers.pop(0) if self.answers else 200
        headers = {"Location": self.url + "/elsewhere"} if 300 <= status < 400 else {}
        return Response("", status, headers)(environ, start_response)


@dataclass
class Desk:
    """Everything a test does with one stand-in."""

    stand_in: RunningStandIn

    def __post_init__(self) -> None:
        self.url = self.stand_in.url
        self.client = self.client_with(KEY)

    def client_with(self, key: str, timeout: float = 10) -> stripe.StripeClient:
        return stripe.StripeClient(
            key,
            base_addresses={"api": self.url},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=timeout),
        )

    def create_product(self) -> stripe.Product:
        return self.client.v1.products.create({"id": PRODUCT, "name": "Support for families"})

    def create_session(self, key: str | None = None, **changes: Any) -> stripe.checkout.Session:
        options: Any = {"idempotency_key": key} if key else {}
        return self.client.v1.checkout.sessions.create(session_params(**changes), options)

    def create_monthly(self, key: str | None = None, **changes: Any) -> stripe.checkout.Session:
        options: Any = {"idempotency_key": key} if key else {}
        return self.client.v1.checkout.sessions.create(monthly_params(**changes), options)

    def begin_monthly(self, card: str = PAYS, **changes: Any) -> stripe.Subscription:
        """A monthly gift whose first payment went through."""
        made = self.create_monthly(**changes)
        self.pay(made, card)
        if card.startswith("40000025") or card == ASKS_3DS:
            self.post_form(f"{made.url}/authenticate", answer="complete")
        found = self.client.v1.checkout.sessions.retrieve(made.id)
        return self.client.v1.subscriptions.retrieve(str(found.subscription))

    def pay(self, session: stripe.checkout.Session, card: str = PAYS, **typed: str) -> Any:
        form = {
            "email": "olena@example.org",
            "name": "Olena",
            "method": "card",
            "card": card,
            "expiry": "12 / 34",
            "cvc": "123",
            "country": "UA",
        }
        return self.post_form(str(session.url), **(form | typed))

    def pay_by_debit(self, session: stripe.checkout.Session, iban: str) -> Any:
        return self.post_form(
            str(session.url), email="o@example.org", name="Olena", method="sepa_debit", iban=iban
        )

    def post_form(self, url: str, **typed: str) -> requests.Response:
        return requests.post(url, data=typed, allow_redirects=False, timeout=10)

    def order(self, control: str, **sent: Any) -> Any:
        """Use a control, which must accept it."""
        answer = requests.post(f"{self.url}/_test/{control}", json=sent, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, control: str) -> Any:
        return requests.get(f"{self.url}/_test/{control}", timeout=10).json()

    def events(self) -> list[Any]:
        found: list[Any] = self.ask("events")["events"]
        return found

    def types(self) -> list[str]:
        return [event["type"] for event in self.events()]

    def fetch(self, path: str, version: str = "2026-10-28.endive") -> Any:
        """The API's own JSON."""
        answer = requests.get(
            self.url + path, auth=(KEY, ""), headers={"Stripe-Version": version}, timeout=10
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


def session_params(**changes: Any) -> Any:
    """What a donation asks of Stripe; `amount` and `currency` set the price."""
    price = {
        "currency": changes.pop("currency", "eur"),
        "unit_amount": changes.pop("amount", 2500),
        "product": PRODUCT,
    }
    asked = {
        "mode": "payment",
        "submit_type": "donate",
        "line_items": [{"price_data": price, "quantity": 1}],
        "client_reference_id": "7",
        "metadata": {"donation": "7"},
        "payment_intent_data": {"metadata": {"donation": "7"}},
        "customer_creation": "if_required",
        "locale": "auto",
        "adaptive_pricing": {"enabled": False},
        "success_url": "http://127.0.0.1:9/thanks?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:9/cancelled",
    }
    return {name: value for name, value in (asked | changes).items() if value is not None}


def monthly_params(**changes: Any) -> Any:
    """The same as a monthly gift; `interval` may be another."""
    interval = changes.pop("interval", "month")
    asked = session_params(
        **{
            "mode": "subscription",
            "subscription_data": {"metadata": {"recurring": "3"}},
            "customer_creation": None,
            "payment_intent_data": None,
        }
        | changes
    )
    if interval:
        asked["line_items"][0]["price_data"]["recurring"] = {"interval": interval}
    return asked
