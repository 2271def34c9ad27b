"""Several keys of one account, and what each of them may do."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

from demo.stripe import RunningStandIn, create_stand_in
from demo.stripe.keys import LiveKeyRefused, UnknownPermission
from tests.unit.demo.support import KEY, PRODUCT, Desk, session_params

WEB, REFUNDS = "rk_test_webProcess0001", "rk_test_refundsOnly0002"
WEB_MAY = ["rak_checkout_session_write", "rak_customer_portal_write", "rak_charge_read"]


@pytest.fixture
def keyed(desk: Desk) -> Desk:
    desk.order("key", key=WEB, permissions=WEB_MAY)
    desk.order("key", key=REFUNDS, permissions=["rak_charge_write"])
    return desk


def test_key_that_may_not_refund_is_refused(keyed: Desk) -> None:
    keyed.pay(keyed.create_session())
    charge = keyed.client.v1.charges.list().data[0]
    with pytest.raises(stripe.PermissionError) as refused:
        keyed.client_with(WEB).v1.refunds.create(
            {"charge": charge.id}, {"idempotency_key": "refund:1"}
        )
    assert refused.value.http_status == 403
    assert "rak_charge_write" in str(refused.value)
    assert "webProcess" not in str(refused.value)
    assert keyed.client.v1.refunds.list().data == []
    made = keyed.client_with(REFUNDS).v1.refunds.create(
        {"charge": charge.id}, {"idempotency_key": "refund:1"}
    )
    assert made.status == "succeeded"


def test_each_key_does_what_is_ticked(keyed: Desk) -> None:
    web = keyed.client_with(WEB).v1
    assert web.checkout.sessions.create(session_params()).status == "open"
    assert len(web.checkout.sessions.list().data) == 1  # who may write may read
    assert web.charges.list().data == []
    refused: list[Any] = [
        lambda: web.balance.retrieve(),
        lambda: web.products.retrieve(PRODUCT),
        lambda: keyed.client_with(REFUNDS).v1.checkout.sessions.create(session_params()),
    ]
    for call in refused:
        with pytest.raises(stripe.PermissionError):
            call()


def test_permissions_can_be_changed(keyed: Desk) -> None:
    keyed.order("key", key=WEB, permissions=["rak_balance_read"])
    assert keyed.client_with(WEB).v1.balance.retrieve().object == "balance"
    with pytest.raises(stripe.PermissionError):
        keyed.client_with(WEB).v1.checkout.sessions.list()


@pytest.mark.parametrize(
    "sent",
    [
        {"key": "rk_live_x", "permissions": []},
        {"key": "sk_test_x", "permissions": []},
        {"key": WEB, "permissions": ["rak_everything"]},
    ],
)
def test_order_for_a_wrong_key_is_refused(desk: Desk, sent: Any) -> None:
    assert requests.post(f"{desk.url}/_test/key", json=sent, timeout=10).status_code == 400


def test_keys_may_be_given_at_the_start() -> None:
    given = {WEB: ["rak_product_read"]}
    with RunningStandIn(secret_key=KEY, restricted_keys=given) as running:
        assert Desk(running).client_with(WEB).v1.products.list().data == []
    with pytest.raises(LiveKeyRefused):
        create_stand_in(None, "", [], KEY, "http://127.0.0.1:1", {"rk_live_x": []})
    with pytest.raises(UnknownPermission):
        create_stand_in(None, "", [], KEY, "http://127.0.0.1:1", {WEB: ["rak_nothing"]})
