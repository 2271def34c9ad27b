"""From the form to Stripe's page: what is written down, what Stripe is asked, what may go wrong."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask, Response

from config.database import db
from demo.stripe import currencies as stripe_currencies
from demo.stripe.faults import Kind
from donate.gateway import CheckoutOrder, GatewayUnavailable, gateway, stripe_locale
from donate.models import State
from donate.services import order_checkout
from tests.unit.donate.conftest import DeskOpener
from tests.unit.donate.desk import KEY, Desk, errors_on, in_parallel, served


def test_donor_is_sent_to_stripe_with_everything_written_down(desk: Desk) -> None:
    response = desk.give(amount="12.50", fund="publicity")
    donation = desk.donation()
    assert response.status_code == 303
    assert response.headers["Location"] == (
        f"{desk.stand_in.url}/c/pay/{donation.stripe_session_id}"
    )
    assert donation.state == State.OPEN
    assert (donation.amount_minor, donation.currency) == (1_250, "EUR")
    assert (donation.fund, donation.frequency, donation.language) == ("publicity", "once", "en")
    assert (donation.contact_id, donation.sealed, donation.paid_at) == (None, None, None)
    desk.assert_books(0, 0)


def test_stripe_is_asked_for_no_more_than_it_must_know(desk: Desk) -> None:
    desk.start("be", amount="12.50")
    donation_id = str(desk.donation().id)
    (asked,) = desk.requests("POST")
    assert asked["idempotency_key"] == f"donation:{donation_id}:attempt:1"
    params = asked["params"]
    expires_at = int(params.pop("expires_at"))
    assert datetime.fromtimestamp(expires_at, UTC) - datetime.now(UTC) > timedelta(minutes=31)
    assert params == {
        "mode": "payment",
        "submit_type": "donate",
        "line_items": {
            "0": {
                "price_data": {
                    "currency": "eur",
                    "unit_amount": "1250",
                    "product": "vigil_donation",
                },
                "quantity": "1",
            }
        },
        "client_reference_id": donation_id,
        "metadata": {"donation": donation_id},
        "payment_intent_data": {
            "metadata": {"donation": donation_id},
            "description": "Donation",
        },
        "customer_creation": "if_required",
        "adaptive_pricing": {"enabled": "false"},
        "locale": "auto",
        "success_url": "http://127.0.0.1:8000/be/donate/thanks?session_id={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:8000/be/donate/cancelled",
    }


def test_product_is_made_once(desk: Desk) -> None:
    desk.start()
    desk.start()
    assert len(desk.requests("POST", "/v1/products")) == 1
    assert len(desk.requests("GET", "/v1/products")) == 1


def test_product_made_by_another_process_meanwhile_is_used(desk: Desk) -> None:
    in_parallel(*[desk.start] * 4)
    assert len(desk.donations()) == 4
    assert {donation.state for donation in desk.donations()} == {State.OPEN}


def test_product_that_was_deleted_is_made_again(desk: Desk) -> None:
    desk.start()
    desk.stand_in.account.ledger.execute("delete from objects where kind = 'product'")
    response = desk.give()
    assert response.status_code == 503
    assert "Nothing was charged" in errors_on(response)["form"]
    assert desk.give().status_code == 303


def test_attempt_whose_page_is_closed_already_sends_the_donor_nowhere(desk: Desk) -> None:
    desk.start()
    donation, ledger = desk.donation(), desk.stand_in.account.ledger
    session = ledger.get("checkout.session", donation.stripe_session_id or "")
    ledger.execute("update idempotency set body = ?", json.dumps(session | {"url": None}))
    with desk.app.test_request_context():
        order = order_checkout(donation)
        with pytest.raises(GatewayUnavailable):
            gateway().create_checkout(order)


def test_same_attempt_asked_twice_is_one_session(desk: Desk) -> None:
    order = CheckoutOrder(
        gift_id=uuid.uuid4(),
        amount_minor=1_000,
        currency="EUR",
        language="en",
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        success_url="http://127.0.0.1:8000/en/donate/thanks?session_id={CHECKOUT_SESSION_ID}",
        cancel_url="http://127.0.0.1:8000/en/donate/cancelled",
    )
    with desk.app.app_context():
        assert gateway().create_checkout(order) == gateway().create_checkout(order)


def test_double_submit_is_one_gift_with_one_page(desk: Desk) -> None:
    form = desk.filled()
    send = lambda: desk.visitor("the same").post("/en/donate", data=form)  # noqa: E731
    pages = {answer.headers["Location"] for answer in in_parallel(send, send)}
    (page,) = pages
    desk.pay(page.rsplit("/", 1)[1])
    desk.tell_all()
    desk.assert_books(1, 2_500)


def test_two_gifts_begun_of_which_one_is_paid(desk: Desk) -> None:
    first, second = desk.start(), desk.start()
    desk.pay(second)
    desk.control("expire", session=first)
    desk.tell_all()
    assert sorted(donation.state for donation in desk.donations()) == [State.EXPIRED, State.PAID]
    desk.assert_books(1, 2_500)


@pytest.mark.parametrize("kind", ["500", "429", "slow", "timeout_after_commit"])
def test_trouble_at_stripe_ends_on_the_form_with_nothing_charged(desk: Desk, kind: Kind) -> None:
    with desk.trouble(kind):
        response = desk.give(amount="33.30", fund="families")
    assert response.status_code == 503
    assert "Nothing was charged" in errors_on(response)["form"]
    assert 'value="33.30"' in response.text
    assert '<option value="families" selected>' in response.text
    assert response.headers["Retry-After"]
    assert desk.donation().state == State.CREATED
    desk.assert_books(0, 0)


@pytest.mark.parametrize("kind", ["slow", "timeout_after_commit", "dropped_after_commit"])
def test_passing_trouble_is_overcome_with_one_session(desk: Desk, kind: Kind) -> None:
    with desk.trouble(kind, count=1):
        assert desk.give().status_code == 303
    assert len(desk.stand_in.account.ledger.all("checkout.session")) == 1


def test_donor_may_try_again_after_trouble(desk: Desk) -> None:
    with desk.trouble("429"):
        assert desk.give().status_code == 503
    session_id = desk.start()
    desk.pay(session_id)
    desk.come_back(session_id)
    desk.assert_books(1, 2_500)


def test_stripe_down(open_desk: DeskOpener) -> None:
    desk = open_desk(stripe_api_base="http://127.0.0.1:1")
    response = desk.give()
    assert response.status_code == 503
    assert "Nothing was charged" in errors_on(response)["form"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "{}"),
        (200, "[]"),
        (200, "null"),
        (200, "<html>"),
        (204, ""),
        (302, ""),
        (400, '{"error": "no"}'),
        (404, "<html>"),
    ],
)
def test_something_else_in_stripes_place_is_no_answer(
    open_desk: DeskOpener, status: int, body: str
) -> None:
    """A proxy on the way, or a portal that wants somebody to sign in."""
    other = Flask("other")
    other.register_error_handler(404, lambda _: Response(body, status, mimetype="application/json"))
    with served(other) as address:
        desk = open_desk(stripe_api_base=address)
        response = desk.give()
        with desk.app.app_context(), pytest.raises(GatewayUnavailable):
            gateway().look_at_session("cs_test_1")
    assert response.status_code == 503
    assert "Nothing was charged" in errors_on(response)["form"]


def test_amount_that_stripe_refuses_is_said_at_the_amount(
    open_desk: DeskOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 10 IDR are above our minimum for a currency that we know nothing of, and below Stripe's.
    monkeypatch.setitem(stripe_currencies.MINIMUM, "idr", 1_000_000)
    desk = open_desk(currencies=("EUR", "IDR"))
    response = desk.give(amount="10", currency="IDR")
    assert response.status_code == 422
    assert "Nothing was charged" in errors_on(response)["amount"]
    assert desk.donation().state == State.FAILED


def test_wrong_key_is_our_fault_not_the_donors(open_desk: DeskOpener) -> None:
    desk = open_desk(stripe_secret_key=KEY + "_other")
    response = desk.give()
    assert response.status_code == 503
    assert "Nothing was charged" in errors_on(response)["form"]


def test_without_a_key_the_page_says_so_and_takes_nothing(open_desk: DeskOpener) -> None:
    off = {"stripe_secret_key": "", "stripe_webhook_secrets": (), "stripe_api_base": ""}
    desk = open_desk(**off)
    page = desk.visitor().get("/en/donate")
    assert page.status_code == 200
    assert "closed" in page.text
    assert desk.give().status_code == 503
    assert desk.donations() == []
    assert desk.tell(b"{}").status_code == 503


def test_without_the_vault_nothing_is_begun(desk: Desk, tmp_path: Path) -> None:
    for file in (tmp_path / "keys").iterdir():
        file.unlink()
    desk.app.extensions["vault"]._checked = (0.0, "forget what was checked")
    assert desk.give().status_code == 503
    assert desk.donations() == []
    assert desk.requests("POST") == []


def test_limit_on_checkouts_asks_for_a_proof_and_writes_nothing(open_desk: DeskOpener) -> None:
    desk = open_desk(checkout_limit="6 per hour")  # who sends within 3 s spends three
    assert [desk.give().status_code for _ in range(3)] == [303, 303, 429]
    assert len(desk.donations()) == 2


def test_no_transaction_is_open_while_stripe_is_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    made = desk.app.extensions["gateway"]
    for name in ("create_checkout", "look", "look_at_session"):
        real = getattr(made, name)

        def watched(given: object, real: object = real) -> object:
            seen.append(db.session().in_transaction())
            return real(given)  # type: ignore[operator]

        monkeypatch.setattr(made, name, watched)
    session_id = desk.start()
    desk.pay(session_id)
    desk.come_back(session_id)
    for event in desk.events():
        desk.tell(event)
    assert set(seen) == {False}
    assert len(seen) >= 3


@pytest.mark.parametrize(
    ("language", "locale"),
    [
        ("en", "en"),
        ("uk", "auto"),
        ("be", "auto"),
        ("pt_BR", "pt-BR"),
        ("de_AT", "de"),
        ("no", "nb"),
    ],
)
def test_stripes_page_speaks_the_donors_language_where_it_can(language: str, locale: str) -> None:
    assert stripe_locale(language) == locale
