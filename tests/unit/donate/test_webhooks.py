"""Stripe's webhooks: forged, old, repeated, at once, in any order, while Stripe is down."""

from __future__ import annotations

import json
import time

import pytest

from config.database import db
from demo.stripe.account import encode
from demo.stripe.deliverer import sign
from demo.stripe.faults import Kind
from demo.stripe.ledger import Json
from donate.gateway import CheckoutSession, GatewayRefused
from donate.models import Donation, State
from donate.services import mark_open
from tests.unit.donate.desk import (
    DEBIT_PAYS,
    DONOR,
    SECRETS,
    Desk,
    changed,
    in_parallel,
    served,
)


@pytest.fixture
def paid(desk: Desk) -> Json:
    """The event of a gift that was just paid; nobody has told us."""
    desk.pay(desk.start())
    (event,) = desk.events()
    return event


def test_event_is_recorded_once(desk: Desk, paid: Json) -> None:
    assert [desk.tell(paid).status_code for _ in range(3)] == [200, 200, 200]
    assert desk.event_ids() == {paid["id"]}
    assert len(desk.requests("GET")) == 1
    desk.assert_books(1, 2_500)


def test_ten_copies_at_once_make_one_thank_you(desk: Desk, paid: Json) -> None:
    answers = in_parallel(*[lambda: desk.tell(paid)] * 10)
    assert {answer.status_code for answer in answers} == {200}
    desk.assert_books(1, 2_500)


def test_two_events_for_one_fact_make_one_thank_you(desk: Desk, paid: Json) -> None:
    twin = paid | {"id": "evt_another"}
    assert [desk.tell(event).status_code for event in (paid, twin)] == [200, 200]
    assert desk.event_ids() == {paid["id"], "evt_another"}
    desk.assert_books(1, 2_500)


def test_either_secret_is_good(desk: Desk, paid: Json) -> None:
    assert desk.tell(paid, SECRETS[1]).status_code == 200
    desk.assert_books(1, 2_500)


def test_while_a_secret_is_rolled_one_of_the_signatures_is_enough(desk: Desk, paid: Json) -> None:
    body = encode(paid)
    header = sign(body, ["whsec_of_tomorrow", SECRETS[0]], int(time.time()))
    assert desk.post_raw(body, header).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        "t=1,v1=0",
        "t={now},v1=" + "0" * 64,
        "t={now},v1=ключ",
        "v1",
        "t=inf,v1=x",
        "x" * 5_000,
    ],
)
def test_forged_signature_is_refused(desk: Desk, paid: Json, header: str) -> None:
    sent = header.format(now=int(time.time())).encode().decode("latin-1")
    assert desk.post_raw(encode(paid), sent).status_code == 400
    assert desk.event_ids() == set()
    desk.assert_books(0, 0)


def test_wrong_secret_and_old_signature_are_refused(desk: Desk, paid: Json) -> None:
    assert desk.tell(paid, "whsec_of_somebody").status_code == 400
    assert desk.tell(paid, "").status_code == 400
    assert desk.tell(paid, skew=-400).status_code == 400
    desk.assert_books(0, 0)


def test_changed_body_is_refused(desk: Desk, paid: Json) -> None:
    body = encode(paid)
    header = sign(body, [SECRETS[0]], int(time.time()))
    assert desk.post_raw(body.replace(b"2500", b"9900"), header).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"object": "event"}',
        b'{"id": "e", "type": "t", "data": {"object": 1}}',
    ],
)
def test_signed_nonsense_is_refused(desk: Desk, body: bytes) -> None:
    if body == b"\xff\xfe":
        assert desk.post_raw(body, "t=1,v1=0").status_code == 400
        return
    assert desk.tell(body).status_code == 400


def test_event_of_the_other_mode_is_refused(desk: Desk, paid: Json) -> None:
    assert desk.tell(paid | {"livemode": True}).status_code == 400
    assert desk.event_ids() == set()


def test_payload_is_not_believed(desk: Desk) -> None:
    session_id = desk.start()
    desk.control("expire", session=session_id)
    (event,) = desk.events()
    lie = changed(event, payment_status="paid", status="complete", amount_total=999_999)
    lie["type"] = "checkout.session.completed"
    assert desk.tell(lie).status_code == 200
    assert desk.donation().state == State.EXPIRED
    desk.assert_books(0, 0)


def test_unknown_type_is_noted_and_left_alone(desk: Desk, paid: Json) -> None:
    strange = paid | {"id": "evt_strange", "type": "capybara.hired"}
    assert [desk.tell(strange).status_code for _ in range(2)] == [200, 200]
    assert desk.event_ids() == {"evt_strange"}
    assert desk.requests("GET") == []
    assert desk.donation().state == State.OPEN


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("balance.available", {"object": "balance", "available": []}),
        ("invoice.upcoming", {"object": "invoice", "id": None}),
    ],
)
def test_event_about_something_without_an_id_is_noted(
    desk: Desk, paid: Json, kind: str, subject: Json
) -> None:
    """Stripe switches an endpoint off that refuses for days."""
    event = paid | {"id": "evt_no_id", "type": kind, "data": {"object": subject}}
    assert desk.tell(event).status_code == 200
    assert desk.event_ids() == {"evt_no_id"}


def test_question_that_stripe_refuses_is_asked_again(
    desk: Desk, paid: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> object:
        raise GatewayRefused("parameter_unknown")

    with monkeypatch.context() as patch:
        patch.setattr(desk.app.extensions["gateway"], "look", refuse)
        assert desk.tell(paid).status_code == 503
    assert desk.event_ids() == set()
    assert desk.tell(paid).status_code == 200
    desk.assert_books(1, 2_500)


def test_event_about_nothing_that_stripe_knows(desk: Desk, paid: Json) -> None:
    assert desk.tell(changed(paid, id="cs_test_gone")).status_code == 200
    assert desk.donation().state == State.OPEN


def test_session_of_another_shop_in_the_same_account(desk: Desk, paid: Json) -> None:
    with desk.app.app_context():
        db.session.execute(db.delete(Donation))
        db.session.commit()
    assert desk.tell(paid).status_code == 200
    desk.assert_books(0, 0)


def test_webhook_that_comes_before_we_noted_the_session(desk: Desk, paid: Json) -> None:
    with desk.app.app_context():
        db.session.execute(db.update(Donation).values(stripe_session_id=None, state="created"))
        db.session.commit()
    assert desk.tell(paid).status_code == 200
    donation = desk.donation()
    assert donation.state == State.PAID
    assert donation.stripe_session_id == paid["data"]["object"]["id"]
    with desk.app.app_context():
        mark_open(donation.id, CheckoutSession(donation.stripe_session_id, "https://late.example"))
        db.session.commit()
    assert desk.donation().state == State.PAID
    desk.assert_books(1, 2_500)


@pytest.mark.parametrize("trouble", ["500", "429", "slow"])
def test_trouble_at_stripe_leaves_no_trace_and_asks_for_the_event_again(
    desk: Desk, paid: Json, trouble: Kind
) -> None:
    with desk.trouble(trouble):
        assert desk.tell(paid).status_code == 503
    assert desk.event_ids() == set()
    assert desk.tell(paid).status_code == 200
    desk.assert_books(1, 2_500)


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 1, 0, 0, 1)])
def test_events_of_a_bank_debit_in_any_order(desk: Desk, order: tuple[int, ...]) -> None:
    desk.debit(desk.start(), DEBIT_PAYS)
    desk.control("clock", advance=60)
    events = desk.events()
    assert [event["type"].rsplit(".", 1)[1] for event in events] == [
        "completed",
        "async_payment_succeeded",
    ]
    for place in order:
        assert desk.tell(events[place]).status_code == 200
    assert desk.donation().state == State.PAID
    desk.assert_books(1, 2_500)


def test_body_over_the_limit_is_refused(desk: Desk) -> None:
    assert desk.tell(b" " * (256 * 1024 + 1)).status_code == 413


def test_body_above_the_limit_of_forms_is_taken(desk: Desk, paid: Json) -> None:
    large = json.dumps(paid | {"padding": "x" * 100_000}).encode()
    assert desk.tell(large).status_code == 200
    desk.assert_books(1, 2_500)


def test_get_is_no_webhook(desk: Desk) -> None:
    assert desk.app.test_client().get("/stripe/webhook").status_code == 405


def test_nothing_personal_is_logged(
    desk: Desk, paid: Json, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    desk.tell(paid)
    assert DONOR not in caplog.text
    assert "Canary" not in caplog.text


def test_stripe_delivers_over_http_and_repeats_until_taken(desk: Desk) -> None:
    """The whole way with nothing replaced: two servers, signatures, copies in reverse order."""
    with served(desk.app) as address:
        desk.stand_in.account.configure_endpoint(f"{address}/stripe/webhook", SECRETS)
        desk.control("hold", on=True)
        session_id = desk.start()
        desk.pay(session_id)
        refused = desk.control("release", secret="whsec_wrong")["delivered"]
        assert {sent["status"] for sent in refused} == {400}
        taken = desk.control("release", copies=2, order="reverse")["delivered"]
        assert {sent["status"] for sent in taken} == {200}
        desk.assert_books(1, 2_500)
        assert "state=paid" in desk.come_back(session_id).text
