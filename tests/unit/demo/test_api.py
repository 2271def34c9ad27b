"""The API's front door: keys, versions, idempotency, lists, expansion, unknown addresses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
import stripe

from tests.unit.demo.support import KEY, PRODUCT, Desk, session_params


def test_wrong_key_is_refused(desk: Desk) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        desk.client_with("sk_test_somebodyElsesKey01").v1.balance.retrieve()
    assert refused.value.http_status == 401
    assert "somebodyElses" not in str(refused.value)


def test_missing_key_is_refused(desk: Desk) -> None:
    answer = requests.get(f"{desk.url}/v1/balance", timeout=10)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")


def test_key_may_come_as_basic_authentication(desk: Desk) -> None:
    assert requests.get(f"{desk.url}/v1/balance", auth=(KEY, ""), timeout=10).status_code == 200


def test_foreign_host_name_is_refused(desk: Desk) -> None:
    answer = requests.get(desk.url, headers={"Host": "rebound.example"}, timeout=10)
    assert answer.status_code == 403


def test_version_is_echoed_and_renders_events(desk: Desk) -> None:
    version = "2026-08-26.dahlia"
    answer = requests.post(
        f"{desk.url}/v1/customers", auth=(KEY, ""), headers={"Stripe-Version": version}, timeout=10
    )
    assert answer.headers["Stripe-Version"] == version
    assert answer.headers["Request-Id"].startswith("req_")
    assert desk.events()[-1]["api_version"] == version


def test_nonsense_version_is_refused(desk: Desk) -> None:
    answer = requests.get(
        f"{desk.url}/v1/balance", auth=(KEY, ""), headers={"Stripe-Version": "new"}, timeout=10
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/nonsense"),
        ("POST", "/v1/charges"),
        ("DELETE", "/v1/products/x"),
        ("GET", "/v1/"),
    ],
)
def test_unknown_address_is_a_404(desk: Desk, method: str, path: str) -> None:
    answer = requests.request(method, desk.url + path, auth=(KEY, ""), timeout=10)
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_unknown_id_is_a_404(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.client.v1.payment_intents.retrieve("pi_none")
    error = refused.value
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "intent")


# Idempotency


def test_same_key_gives_the_same_session(desk: Desk) -> None:
    first = desk.create_session(key="donation:7:attempt:1")
    second = desk.create_session(key="donation:7:attempt:1")
    assert first.id == second.id
    headers = second.last_response.headers  # type: ignore[union-attr]
    assert headers["Idempotent-Replayed"] == "true"
    assert headers["Original-Request"] == first.last_response.request_id  # type: ignore[union-attr]
    assert len(desk.client.v1.checkout.sessions.list().data) == 1


def test_same_key_at_once_makes_one_session(desk: Desk) -> None:
    with ThreadPoolExecutor(4) as hands:
        made = set(hands.map(lambda _: desk.create_session(key="k").id, range(4)))
    assert len(made) == len(desk.client.v1.checkout.sessions.list().data) == 1


def test_replay_shows_the_first_answer_not_the_present(desk: Desk) -> None:
    first = desk.create_session(key="k")
    desk.pay(first)
    assert desk.create_session(key="k").status == "open"


def test_same_key_with_other_parameters_is_an_error(desk: Desk) -> None:
    desk.create_session(key="k")
    with pytest.raises(stripe.IdempotencyError) as refused:
        desk.create_session(key="k", amount=2600)
    assert refused.value.http_status == 400


def test_other_keys_make_other_sessions(desk: Desk) -> None:
    assert desk.create_session(key="a").id != desk.create_session(key="b").id


def test_refused_parameters_may_be_mended_under_the_same_key(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        desk.create_session(key="k", amount=1)
    assert desk.create_session(key="k").status == "open"


def test_failure_of_stripes_own_is_replayed(desk: Desk) -> None:
    desk.order("fault", kind="500")
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            desk.create_session(key="k")
        assert failed.value.http_status == 500
    assert desk.create_session(key="k2").status == "open"


def test_keys_are_forgotten_after_a_day(desk: Desk) -> None:
    first = desk.create_session(key="k")
    desk.order("clock", advance=24 * 3600 + 60)
    assert desk.create_session(key="k").id != first.id


# Lists


def test_lists_are_paged_newest_first(desk: Desk) -> None:
    made = [desk.create_session().id for _ in range(5)][::-1]
    sessions = desk.client.v1.checkout.sessions
    page = sessions.list({"limit": 2})
    assert ([one.id for one in page.data], page.has_more) == (made[:2], True)
    page = sessions.list({"limit": 3, "starting_after": made[1]})
    assert ([one.id for one in page.data], page.has_more) == (made[2:], False)
    page = sessions.list({"limit": 2, "ending_before": made[3]})
    assert ([one.id for one in page.data], page.has_more) == (made[1:3], True)
    assert [one.id for one in sessions.list({"limit": 2}).auto_paging_iter()] == made


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 101}, {"starting_after": "cs_none"}])
def test_page_out_of_bounds_is_refused(desk: Desk, params: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        desk.client.v1.checkout.sessions.list(params)


def test_lists_filter_by_creation(desk: Desk) -> None:
    old = desk.create_session()
    desk.order("clock", advance=600)
    new = desk.create_session()
    sessions = desk.client.v1.checkout.sessions
    late = sessions.list({"created": {"gt": old.created}}).data
    early = sessions.list({"created": {"lte": old.created}}).data
    assert ([one.id for one in late], [one.id for one in early]) == ([new.id], [old.id])


def test_lists_filter_by_field(desk: Desk) -> None:
    paid, _other = desk.create_session(), desk.create_session()
    desk.pay(paid)
    found = desk.client.v1.checkout.sessions.list({"status": "complete"}).data
    assert [one.id for one in found] == [paid.id]
    intent = str(found[0].payment_intent)
    found = desk.client.v1.checkout.sessions.list({"payment_intent": intent}).data
    assert [one.id for one in found] == [paid.id]


def test_books_filter_by_source_and_type(desk: Desk) -> None:
    for _ in range(2):
        desk.pay(desk.create_session())
    desk.order("clock", advance=5)
    charge = desk.client.v1.charges.list().data[0]
    desk.client.v1.refunds.create({"charge": charge.id})
    lines = desk.client.v1.balance_transactions
    assert [line.net for line in lines.list({"source": charge.id}).data] == [2500 - 62]
    assert [line.amount for line in lines.list({"type": "refund"}).data] == [-2500]


def test_events_filter_by_type_and_delivery(desk: Desk) -> None:
    desk.order("hold", on=True)
    desk.pay(desk.create_session())
    events = desk.client.v1.events
    kinds: Any = ["charge.succeeded", "checkout.session.completed"]
    assert [one.type for one in events.list({"types": kinds}).data] == kinds[::-1]
    assert len(events.list({"type": "payment_intent.*"}).data) == 2
    undelivered = {one.type for one in events.list({"delivery_success": False}).data}
    assert set(kinds) < undelivered
    desk.order("release")
    assert events.list({"delivery_success": False}).data == []


def test_events_are_shown_for_thirty_days(desk: Desk) -> None:
    assert len(desk.client.v1.events.list().data) == 1
    desk.order("clock", advance=31 * 86_400)
    assert desk.client.v1.events.list().data == []


def test_expansion_reaches_through_lists(desk: Desk) -> None:
    desk.pay(desk.create_session())
    found = desk.fetch("/v1/checkout/sessions?expand[]=data.payment_intent.latest_charge")
    assert found["data"][0]["payment_intent"]["latest_charge"]["object"] == "charge"


@pytest.mark.parametrize("path", ["currency", "nonsense", "a.b.c.d.e"])
def test_expansion_of_what_cannot_be_is_refused(desk: Desk, path: str) -> None:
    made = desk.create_session()
    with pytest.raises(stripe.InvalidRequestError, match="expand"):
        desk.client.v1.checkout.sessions.retrieve(made.id, {"expand": [path]})


def test_request_log_shows_what_was_asked(desk: Desk) -> None:
    desk.create_session(key="k")
    seen = desk.ask("requests")["requests"][-1]
    assert (seen["method"], seen["path"], seen["status"]) == ("POST", "/v1/checkout/sessions", 200)
    assert seen["idempotency_key"] == "k"
    assert seen["params"]["line_items"]["0"]["price_data"]["product"] == PRODUCT
    assert seen["params"]["mode"] == session_params()["mode"]
    assert KEY not in str(seen)


def test_customer_is_changed_and_unset(desk: Desk) -> None:
    made = desk.client.v1.customers.create(
        {"email": "a@example.org", "name": "A", "metadata": {"one": "1", "two": "2"}}
    )
    changed = desk.client.v1.customers.update(
        made.id, {"name": "B", "email": "", "metadata": {"one": "", "three": "3"}}
    )
    assert (changed.name, changed.email) == ("B", None)
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"two": "2", "three": "3"}
