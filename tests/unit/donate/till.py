"""A gateway on a stand-in for Stripe, and what donors, banks and Stripe's dashboard do there."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug.test import TestResponse

from config.settings import load_settings
from demo.stripe import RunningStandIn
from demo.stripe.ledger import Json
from donate.at_stripe.plain import moment
from donate.books.models import Kind
from donate.facts import ChargeFacts, DeclineFacts, Facts, PaymentFacts, RecurringFacts
from donate.gateway import CheckoutOrder, Event, Gateway

KEY = "sk_test_made_up"
PAYS, DECLINED, ASKS = "4242424242424242", "4000000000000002", "4000002760003184"
FROM_BELARUS, RENEWALS_FAIL = "4000001120000005", "4000000000000341"
WARNED, REFUND_FAILS, REFUND_WAITS = "4000000000005423", "4000000000005126", "4000000000007726"
DEBIT_PAYS, DEBIT_FAILS = "DE89370400440532013000", "DE62370400440532013001"
DONOR = {"email": "canary-donor@example.org", "name": "Canary Donor", "country": "PL"}
DAY = 86_400
MONTH = 31 * DAY
ALWAYS = datetime.fromtimestamp(0, UTC)


def create_gateway(stand_in: RunningStandIn, timeout: float = 10, **given: Any) -> Gateway:
    settings = {
        "stripe_secret_key": KEY,
        "stripe_webhook_secrets": ("whsec_made_up",),
        "stripe_api_base": stand_in.url,
        **given,
    }
    return Gateway(load_settings(_env_file=None, **settings), timeout)


@dataclass
class Till:
    stand_in: RunningStandIn
    gateway: Gateway = field(init=False)

    def __post_init__(self) -> None:
        self.gateway = create_gateway(self.stand_in)

    # Donors

    def order(self, frequency: str = "once", **given: Any) -> CheckoutOrder:
        wish: dict[str, Any] = {
            "gift_id": uuid.uuid4(),
            "amount_minor": 2_500,
            "currency": "EUR",
            "language": "en",
            "expires_at": self.now() + timedelta(hours=1),
            "success_url": "http://127.0.0.1:8000/thanks?session_id={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:8000/cancelled",
            "frequency": frequency,
        }
        return CheckoutOrder(**wish | given)

    def start(self, frequency: str = "once", **given: Any) -> str:
        return self.gateway.create_checkout(self.order(frequency, **given)).id

    def pay(self, session_id: str, card: str = PAYS, **typed: str) -> TestResponse:
        form = {"method": "card", "card": card, "expiry": "12 / 40", "cvc": "123"}
        return self.post(f"/c/pay/{session_id}", DONOR | form | typed)

    def debit(self, session_id: str, iban: str = DEBIT_PAYS) -> TestResponse:
        return self.pay(session_id, method="sepa_debit", iban=iban)

    def give(self, card: str = PAYS, frequency: str = "once", **given: Any) -> str:
        """A gift that is paid and in Stripe's books; its session."""
        session_id = self.start(frequency, **given)
        self.pay(session_id, card)
        self.wait(3)
        return session_id

    def give_monthly(self, card: str = PAYS, **given: Any) -> Json:
        """Its subscription."""
        session = self.found("checkout.session", self.give(card, "month", **given))
        return self.found("subscription", session["subscription"])

    def post(self, path: str, typed: dict[str, str]) -> TestResponse:
        return self.stand_in.app.test_client().post(path, data=typed)

    # Banks, time, and Stripe's dashboard

    def control(self, path: str, **order: Any) -> Any:
        answer = self.stand_in.app.test_client().post(f"/_test/{path}", json=order)
        assert answer.status_code == 200, answer.text
        return answer.json

    def wait(self, seconds: float) -> None:
        self.control("clock", advance=seconds)

    def now(self) -> datetime:
        return moment(self.stand_in.account.now())

    # What there is at Stripe

    def found(self, kind: str, object_id: str) -> Json:
        return self.stand_in.account.ledger.get(kind, object_id)

    def newest(self, kind: str) -> Json:
        return self.stand_in.account.ledger.all(kind)[0]

    def all(self, kind: str) -> list[Json]:
        return self.stand_in.account.ledger.all(kind)

    def add(self, made: Json) -> Json:
        """Something that another shop in the same account has."""
        with self.stand_in.account.ledger.transaction():
            self.stand_in.account.ledger.add(made)
        return made

    def change(self, kind: str, object_id: str, **new: Any) -> None:
        self.save(self.found(kind, object_id) | new)

    def save(self, changed: Json) -> None:
        with self.stand_in.account.ledger.transaction():
            self.stand_in.account.ledger.save(changed)

    def events(self, *kinds: str) -> list[Event]:
        """Oldest first; of all types that we listen to, or of those that begin so."""
        found = self.gateway.list_events(ALWAYS)
        return [one for one in found if not kinds or one.type.startswith(kinds)]

    def asked(self) -> list[str]:
        """What we asked Stripe for, as method and path, oldest first."""
        log = self.stand_in.app.extensions["request_log"]
        return [f"{one['method']} {one['path'].removeprefix('/v1/')}" for one in log]

    def requests(self, path: str) -> list[Json]:
        log = self.stand_in.app.extensions["request_log"]
        return [one for one in log if one["path"].startswith(f"/v1/{path}")]


def payment(facts: tuple[Facts, ...]) -> PaymentFacts:
    (found,) = [one for one in facts if isinstance(one, PaymentFacts)]
    return found


def recurring(facts: tuple[Facts, ...]) -> RecurringFacts:
    (found,) = [one for one in facts if isinstance(one, RecurringFacts)]
    return found


def charge_in(facts: tuple[Facts, ...]) -> ChargeFacts:
    charge = payment(facts).charge
    assert charge is not None
    return charge


def charge_of(till: Till, session_id: str) -> str:
    return charge_in(till.gateway.look_at_session(session_id)).id


def lines_in(facts: tuple[Facts, ...]) -> list[tuple[Kind, int, int]]:
    return [(one.kind, one.gross_minor, one.fee_minor) for one in charge_in(facts).movements]


def timeless(fact: Facts) -> Facts:
    """Without what differs from look to look."""
    if isinstance(fact, DeclineFacts):
        return fact
    return replace(fact, asked_at=ALWAYS)


def assert_each_event_tells_all(till: Till, expected: tuple[Facts, ...], *kinds: str) -> set[str]:
    """Whatever event comes, in whatever order: the same facts. Returns the types seen."""
    events = till.events(*kinds)
    for event in events:
        facts = [timeless(fact) for fact in till.gateway.look(event)]
        assert payment(tuple(facts)) == timeless(payment(expected)), event.type
    return {event.type for event in events}
