"""The buttons on the stand-in's first page: what time, a bank or the dashboard would bring."""

from __future__ import annotations

import re

import pytest
import requests

from tests.unit.demo.support import DEBIT_PAYS, PAYS, Desk


def first_page(desk: Desk) -> str:
    page = requests.get(f"{desk.url}/", timeout=5)
    assert page.status_code == 200
    return page.text


def buttons(desk: Desk) -> dict[str, str]:
    """Each button's words, with the address that its form goes to."""
    found = {}
    for action, form in re.findall(
        r'<form [^>]*action="(/next/[^"]+)"(.*?)</form>', first_page(desk), re.S
    ):
        for words in re.findall(r"<button[^>]*>(.*?)</button>", form, re.S):
            found[" ".join(words.split())] = action
    return found


def press(desk: Desk, action: str, site: str = "same-origin", **form: str) -> requests.Response:
    return requests.post(
        f"{desk.url}{action}",
        data=form,
        headers={"Sec-Fetch-Site": site} if site else {},
        allow_redirects=False,
        timeout=5,
    )


def test_there_is_nothing_to_press_before_anything_happened(desk: Desk) -> None:
    assert buttons(desk) == {}


@pytest.mark.parametrize(
    ("outcome", "status", "told"),
    [
        ("pays", "active", "invoice.paid"),
        ("declined", "past_due", "invoice.payment_failed"),
        ("authenticate", "past_due", "invoice.payment_action_required"),
    ],
)
def test_the_next_payment_is_made_now(desk: Desk, outcome: str, status: str, told: str) -> None:
    gift = desk.begin_monthly()
    before = len([kind for kind in desk.types() if kind == told])
    answer = press(desk, buttons(desk)["next payment"], outcome=outcome)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/#next")
    assert desk.client.v1.subscriptions.retrieve(gift.id).status == status
    assert len([kind for kind in desk.types() if kind == told]) == before + 1


def test_a_payment_that_failed_is_tried_again(desk: Desk) -> None:
    gift = desk.begin_monthly()
    press(desk, buttons(desk)["next payment"], outcome="declined")
    assert "next payment" not in buttons(desk)
    press(desk, buttons(desk)["try again: paid"], outcome="pays")
    assert desk.client.v1.subscriptions.retrieve(gift.id).status == "active"
    assert "next payment" in buttons(desk)


def test_a_gift_that_ended_has_no_buttons(desk: Desk) -> None:
    gift = desk.begin_monthly()
    action = buttons(desk)["next payment"]
    desk.client.v1.subscriptions.cancel(gift.id)
    assert "next payment" not in buttons(desk)
    seen = desk.types()
    assert press(desk, action, outcome="pays").status_code == 303
    assert desk.types() == seen


def test_a_payment_is_refunded_once(desk: Desk) -> None:
    desk.pay(desk.create_session(), PAYS)
    action = buttons(desk)["refund in the dashboard"]
    press(desk, action)
    (charge,) = desk.client.v1.charges.list().data
    assert charge.refunded
    assert buttons(desk) == {}
    assert press(desk, action).status_code == 303
    assert len(desk.client.v1.refunds.list().data) == 1


@pytest.mark.parametrize(("outcome", "status"), [("won", "won"), ("lost", "lost")])
def test_a_dispute_is_opened_and_decided(desk: Desk, outcome: str, status: str) -> None:
    desk.pay(desk.create_session(), PAYS)
    press(desk, buttons(desk)["the bank disputes it"])
    assert set(buttons(desk)) == {"we win", "we lose"}
    press(desk, buttons(desk)["we win"], outcome=outcome)
    (dispute,) = desk.client.v1.disputes.list().data
    assert dispute.status == status
    assert "the bank disputes it" not in buttons(desk)


def test_a_failed_or_waiting_payment_has_no_buttons(desk: Desk) -> None:
    session = desk.create_session()
    desk.post_form(
        str(session.url),
        method="sepa_debit",
        iban=DEBIT_PAYS,
        name="X",
        email="x@example.org",
        country="DE",
    )
    assert buttons(desk) == {}


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_a_page_elsewhere_cannot_press_them(desk: Desk, site: str) -> None:
    desk.pay(desk.create_session(), PAYS)
    action = buttons(desk)["refund in the dashboard"]
    assert press(desk, action, site=site).status_code == 403
    assert desk.client.v1.refunds.list().data == []


@pytest.mark.parametrize(
    "action", ["renew/sub_x", "retry/in_x", "refund/ch_x", "dispute/ch_x", "close/dp_x"]
)
def test_what_is_not_there_is_no_fault(desk: Desk, action: str) -> None:
    assert press(desk, f"/next/{action}", outcome="pays").status_code == 303


def test_the_clock_is_explained(desk: Desk) -> None:
    assert f"{desk.url}/_test/clock" in first_page(desk)
