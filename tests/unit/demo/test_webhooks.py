"""Webhooks: signed, repeated until taken, and held, shuffled or dropped when a test wants it."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
import stripe

from demo.stripe import RunningStandIn
from demo.stripe.deliverer import RETRY_AFTER
from tests.support.waiting import wait_until
from tests.unit.demo.support import KEY, SECRET, Desk, Endpoint, Post, session_params


def verified(post: Post, secret: str = SECRET) -> stripe.Event:
    event: stripe.Event = stripe.Webhook.construct_event(post.body, post.signature, secret)
    return event


def paid_and_held(desk: Desk) -> list[str]:
    """The events of one card payment, waiting; returns their types in order."""
    wait_until(lambda: desk.ask("deliveries")["deliveries"][0]["state"] == "delivered")
    desk.order("hold", on=True)
    desk.pay(desk.create_session())
    return desk.types()[1:]


def test_webhook_is_signed_as_stripe_signs(desk: Desk, endpoint: Endpoint) -> None:
    desk.pay(desk.create_session())
    wait_until(lambda: "checkout.session.completed" in endpoint.types)
    for post in endpoint.posts:
        assert verified(post).id.startswith("evt_")
        with pytest.raises(stripe.SignatureVerificationError):
            verified(post, "whsec_another")
        with pytest.raises(stripe.SignatureVerificationError):
            verified(Post(post.body + b" ", post.signature))


def test_every_secret_signs_while_one_is_rolled(descriptions: Any, endpoint: Endpoint) -> None:
    running = RunningStandIn(
        webhook_url=endpoint.url, webhook_secrets=["whsec_old", "whsec_new"], secret_key=KEY
    )
    with running:
        Desk(running).create_product()
        wait_until(lambda: len(endpoint.posts) == 1)
    assert endpoint.posts[0].signature.count("v1=") == 2
    for secret in ("whsec_old", "whsec_new"):
        verified(endpoint.posts[0], secret)


@pytest.mark.parametrize("status", [500, 302, 404])
def test_anything_but_success_is_repeated(desk: Desk, endpoint: Endpoint, status: int) -> None:
    wait_until(lambda: len(endpoint.posts) == 1)
    endpoint.answers = [status]
    desk.client.v1.customers.create({"email": "a@example.org"})
    wait_until(lambda: len(endpoint.posts) == 2)
    event = endpoint.posts[1].event["id"]
    wait_until(lambda: len(desk.ask("deliveries")["deliveries"][1]["attempts"]) == 1)
    assert desk.client.v1.events.retrieve(event).pending_webhooks == 1
    desk.order("clock", advance=RETRY_AFTER[0])
    wait_until(lambda: len(endpoint.posts) == 3)
    assert endpoint.posts[2].event["id"] == event
    wait_until(lambda: desk.client.v1.events.retrieve(event).pending_webhooks == 0)
    attempts = desk.ask("deliveries")["deliveries"][1]["attempts"]
    assert [attempt["status"] for attempt in attempts] == [status, 200]


def test_each_attempt_is_signed_at_its_own_time(desk: Desk, endpoint: Endpoint) -> None:
    wait_until(lambda: len(endpoint.posts) == 1)
    endpoint.answers = [500]
    desk.client.v1.customers.create({"email": "a@example.org"})
    wait_until(lambda: len(endpoint.posts) == 2)
    time.sleep(1.1)
    desk.order("clock", advance=60)
    wait_until(lambda: len(endpoint.posts) == 3)
    first, second = endpoint.posts[1:]
    assert first.signature.split(",")[0] != second.signature.split(",")[0]
    verified(second)


def test_delivery_is_given_up_at_last(desk: Desk, endpoint: Endpoint) -> None:
    wait_until(lambda: desk.ask("deliveries")["deliveries"][0]["state"] == "delivered")
    endpoint.answers = [500] * 50
    desk.client.v1.customers.create({"email": "a@example.org"})
    for _ in range(len(RETRY_AFTER) + 3):
        desk.order("clock", advance=RETRY_AFTER[-1])
        desk.stand_in.deliverer.tick()
    found = desk.ask("deliveries")["deliveries"][1]
    assert (found["state"], len(found["attempts"])) == ("failed", len(RETRY_AFTER) + 1)


def test_endpoint_may_ask_the_api_while_it_is_called(desk: Desk, endpoint: Endpoint) -> None:
    seen: list[str] = []

    def fetch(post: Post) -> None:
        if post.event["type"] == "checkout.session.completed":
            session = post.event["data"]["object"]["id"]
            seen.append(str(desk.client.v1.checkout.sessions.retrieve(session).payment_status))

    endpoint.on_post = fetch
    desk.pay(desk.create_session())
    wait_until(lambda: seen == ["paid"])


def test_held_events_wait_and_then_flow(desk: Desk, endpoint: Endpoint) -> None:
    kinds = paid_and_held(desk)
    time.sleep(0.4)
    assert endpoint.types == ["product.created"]
    desk.order("hold", on=False)
    wait_until(lambda: endpoint.types[1:] == kinds)


@pytest.mark.parametrize("copies", [1, 3])
def test_released_in_order(desk: Desk, endpoint: Endpoint, copies: int) -> None:
    kinds = paid_and_held(desk)
    told = desk.order("release", copies=copies)["delivered"]
    wanted = [kind for kind in kinds for _ in range(copies)]
    assert [one["type"] for one in told] == endpoint.types[1:] == wanted
    assert {one["status"] for one in told} == {200}


def test_released_in_reverse(desk: Desk, endpoint: Endpoint) -> None:
    kinds = paid_and_held(desk)
    desk.order("release", order="reverse")
    assert endpoint.types[1:] == kinds[::-1]


def test_released_shuffled(desk: Desk, endpoint: Endpoint) -> None:
    kinds = paid_and_held(desk)
    desk.order("release", order="shuffle", copies=2, seed=1)
    assert endpoint.types[1:] != [kind for kind in kinds for _ in range(2)]
    assert sorted(endpoint.types[1:]) == sorted(kinds * 2)


def test_dropped_by_type_or_place(desk: Desk, endpoint: Endpoint) -> None:
    kinds = paid_and_held(desk)
    desk.order("release", drop=["checkout.session.completed", 0])
    assert endpoint.types[1:] == [
        kind for kind in kinds[1:] if kind != "checkout.session.completed"
    ]
    missed = desk.client.v1.events.list({"delivery_success": False}).data
    assert {event.type for event in missed} == {kinds[0], "checkout.session.completed"}
    desk.order("hold", on=False)
    desk.stand_in.deliverer.tick()
    assert "checkout.session.completed" not in endpoint.types


def test_released_with_another_secret(desk: Desk, endpoint: Endpoint) -> None:
    paid_and_held(desk)
    desk.order("release", secret="whsec_forged")
    with pytest.raises(stripe.SignatureVerificationError):
        verified(endpoint.posts[-1])
    verified(endpoint.posts[-1], "whsec_forged")


def test_released_with_an_old_signature(desk: Desk, endpoint: Endpoint) -> None:
    paid_and_held(desk)
    desk.order("release", skew=-400)
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        verified(endpoint.posts[-1])


def test_released_after_a_delay(desk: Desk, endpoint: Endpoint) -> None:
    paid_and_held(desk)
    start = time.monotonic()
    desk.order("release", delay=0.3)
    assert time.monotonic() - start >= 0.3


def test_endpoint_made_by_the_api_gets_its_own(desk: Desk) -> None:
    with Endpoint() as another:
        made = desk.client.v1.webhook_endpoints.create(
            {"url": another.url, "enabled_events": ["charge.succeeded"]}
        )
        desk.pay(desk.create_session())
        wait_until(lambda: another.types == ["charge.succeeded"])
        verified(another.posts[0], str(made.secret))
        assert "secret" not in desk.fetch(f"/v1/webhook_endpoints/{made.id}")
        wait_until(lambda: not desk.client.v1.events.list({"delivery_success": False}).data)


def test_endpoint_elsewhere_is_refused(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="this computer"):
        desk.client.v1.webhook_endpoints.create(
            {"url": "https://example.org/hook", "enabled_events": ["*"]}
        )


# Faults


def test_too_many_requests(desk: Desk) -> None:
    desk.order("fault", kind="429", count=2)
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            desk.create_session(key="k")
    assert desk.create_session(key="k").status == "open"


def test_answer_too_late_after_the_commit(desk: Desk) -> None:
    desk.order("fault", kind="timeout_after_commit", seconds=1.5, path="/v1/checkout/sessions")
    hasty = desk.client_with(KEY, timeout=0.5)
    params: Any = {"idempotency_key": "k"}

    with pytest.raises(stripe.APIConnectionError):
        hasty.v1.checkout.sessions.create(session_params(), params)
    made = desk.create_session(key="k")
    assert [one.id for one in desk.client.v1.checkout.sessions.list().data] == [made.id]


def test_answer_lost_after_the_commit(desk: Desk) -> None:
    desk.order("fault", kind="dropped_after_commit", path="/v1/checkout/sessions", method="POST")
    with pytest.raises(stripe.APIConnectionError):
        desk.create_session(key="k")
    made = desk.create_session(key="k")
    assert [one.id for one in desk.client.v1.checkout.sessions.list().data] == [made.id]


def test_slow_answer(desk: Desk) -> None:
    desk.order("fault", kind="slow", seconds=0.3)
    start = time.monotonic()
    desk.create_session()
    assert time.monotonic() - start >= 0.3


def test_fault_meets_its_own_calls_only(desk: Desk) -> None:
    desk.order("fault", kind="500", path="/v1/refunds", method="POST")
    assert desk.client.v1.refunds.list().data == []
    assert desk.create_session().status == "open"
    with pytest.raises(stripe.APIError):
        desk.client.v1.refunds.create({"charge": "ch_none"})


def test_faults_can_be_cancelled(desk: Desk) -> None:
    desk.order("fault", kind="500", count=99)
    assert desk.order("fault", kind="none") == {"waiting": 0}
    assert desk.create_session().status == "open"


@pytest.mark.parametrize(
    ("control", "sent"),
    [
        ("fault", {"kind": "earthquake"}),
        ("clock", {"advance": -1}),
        ("clock", {"advance": "far"}),
        ("release", {"order": "sideways"}),
        ("release", {"colour": "red"}),
        ("expire", {"session": "cs_none"}),
    ],
)
def test_impossible_orders_are_refused(desk: Desk, control: str, sent: Any) -> None:
    answer = requests.post(f"{desk.url}/_test/{control}", json=sent, timeout=10)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)


def test_orders_must_be_json(desk: Desk) -> None:
    """A page elsewhere can post a form here, but not JSON."""
    answer = requests.post(f"{desk.url}/_test/hold", data='{"on": true}', timeout=10)
    assert answer.status_code == 415
    assert desk.ask("deliveries")["held"] is False
