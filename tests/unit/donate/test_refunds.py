"""The worker's refunds: made once by our row's id, whatever dies or breaks on the way."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from config.database import db
from demo.stripe.faults import Kind
from donate.books import refunds
from donate.books.models import Refund, RefundState
from donate.books.refunds import send_refunds
from donate.books.services import request_refund
from donate.models import Donation
from tests.unit.donate.conftest import DeskOpener
from tests.unit.donate.desk import PAYS, REFUND_WAITS, Desk, in_parallel

STAFF = uuid.uuid4()
LATER = timedelta(minutes=5)


def ask(desk: Desk, amount: int = 1_000) -> uuid.UUID:
    with desk.app.app_context():
        donation = db.session.scalars(db.select(Donation)).one()
        asked = request_refund(donation, amount, "donor-asked", STAFF, datetime.now(UTC)).id
        db.session.commit()
        return asked


def send(desk: Desk, after: timedelta = timedelta()) -> None:
    with desk.app.app_context():
        send_refunds(datetime.now(UTC) + after)


def made(desk: Desk) -> list[int]:
    """The refunds that there are at Stripe."""
    return [one["amount"] for one in desk.stand_in.account.ledger.all("refund")]


def states(desk: Desk) -> list[str]:
    return [one.state for one in desk.refunds()]


def test_refund_is_made_recorded_and_told(desk: Desk) -> None:
    desk.paid(language="uk")
    refund_id = ask(desk)
    send(desk)
    (row,) = desk.refunds()
    assert (row.id, row.state, row.requested_by) == (refund_id, RefundState.SUCCEEDED, STAFF)
    at_stripe = desk.at_stripes("refund")
    assert row.stripe_refund_id == at_stripe["id"]
    assert at_stripe["metadata"] == {"refund": str(refund_id)}
    (asked,) = desk.requests("POST", "/v1/refunds")
    assert asked["idempotency_key"] == f"refund:{refund_id}"
    assert desk.letter("gift-refunded") == {"amount": "10,00\u00a0EUR", "fund": "Правнича допомога"}
    desk.tell_all()
    send(desk)
    assert made(desk) == [1_000]
    assert desk.total("donation.refunded.EUR") == desk.total("books.refunded.EUR") == 1_000
    assert desk.kinds() == ["gift-refunded", "thank-you"]


def test_two_equal_refunds_are_two(desk: Desk) -> None:
    desk.paid()
    ask(desk)
    ask(desk)
    send(desk)
    assert made(desk) == [1_000, 1_000]
    assert states(desk) == [RefundState.SUCCEEDED] * 2
    assert desk.total("donation.refunded.EUR") == 2_000


def test_refund_that_waits_at_stripe_is_counted_once(desk: Desk) -> None:
    desk.paid(REFUND_WAITS)
    ask(desk)
    send(desk)
    assert states(desk) == [RefundState.PENDING]
    desk.let_pass(60)
    desk.tell_all()
    assert states(desk) == [RefundState.SUCCEEDED]
    assert desk.total("donation.refunded.EUR") == 1_000
    assert desk.kinds() == ["gift-refunded", "thank-you"]


def test_several_workers_at_once_make_one_refund(desk: Desk) -> None:
    desk.paid()
    ask(desk)
    in_parallel(*[lambda: send(desk)] * 4)
    send(desk, LATER)
    assert made(desk) == [1_000]
    assert states(desk) == [RefundState.SUCCEEDED]
    assert desk.total("donation.refunded.EUR") == 1_000


# The process dies


class Killed(BaseException):
    """What nothing catches."""


@contextmanager
def dying(owner: object, name: str, *, before: bool) -> Iterator[None]:
    real = getattr(owner, name)

    def last_act(*args: object) -> None:
        if not before:
            real(*args)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, last_act)
        with pytest.raises(Killed):
            yield


@pytest.mark.parametrize("is_pruned", [False, True])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("step", ["create_refund", "look_at_charge", "record_all"])
def test_worker_killed_at_any_step_refunds_once(
    desk: Desk, step: str, *, before: bool, is_pruned: bool
) -> None:
    desk.paid()
    ask(desk)
    owner = refunds if step == "record_all" else desk.app.extensions["gateway"]
    with dying(owner, step, before=before):
        send(desk)
    if is_pruned:  # days later Stripe knows our key no more
        desk.stand_in.account.ledger.execute("delete from idempotency")
    assert states(desk) == [RefundState.REQUESTED]
    send(desk)
    assert made(desk) == [1_000]
    assert states(desk) == [RefundState.SUCCEEDED]
    assert desk.total("donation.refunded.EUR") == 1_000


def test_webhook_that_is_quicker_than_the_worker_finds_the_row(desk: Desk) -> None:
    desk.paid()
    ask(desk)
    with dying(desk.app.extensions["gateway"], "create_refund", before=False):
        send(desk)
    desk.tell_all()
    assert [(one.state, one.reason) for one in desk.refunds()] == [("succeeded", "donor-asked")]
    send(desk)
    assert made(desk) == [1_000]


# Stripe is in trouble, or says no


@pytest.mark.parametrize("kind", ["500", "429", "slow", "timeout_after_commit"])
def test_trouble_at_stripe_is_waited_for(desk: Desk, kind: Kind) -> None:
    desk.paid()
    ask(desk)
    with desk.trouble(kind):
        send(desk)
    assert states(desk) == [RefundState.REQUESTED]
    send(desk)  # not asked again at once
    assert states(desk) == [RefundState.REQUESTED]
    send(desk, LATER)
    assert made(desk) == [1_000]
    assert states(desk) == [RefundState.SUCCEEDED]


def test_refund_that_stripe_refuses_is_said_with_its_code(desk: Desk) -> None:
    desk.paid()
    refund_id = ask(desk)
    desk.control("dispute", charge=desk.at_stripes("charge")["id"])
    send(desk)
    (row,) = desk.refunds()
    assert (row.id, row.state, row.code) == (refund_id, RefundState.REFUSED, "charge_disputed")
    assert desk.total("donation.refunded.EUR") == 0
    assert [one.status for one in desk.disputes()] == ["needs_response"]
    send(desk)
    assert len(desk.requests("POST", "/v1/refunds")) == 1


def test_refusal_of_one_does_not_stop_the_next(desk: Desk) -> None:
    desk.paid()
    ask(desk, 2_000)
    ask(desk, 400)
    desk.control("refund", charge=desk.at_stripes("charge")["id"], amount=900)
    send(desk)
    found = {(one.amount_minor, one.state) for one in desk.refunds()}
    assert found == {(2_000, "refused"), (400, "succeeded"), (900, "succeeded")}
    assert desk.total("donation.refunded.EUR") == 1_300


def test_refunds_are_made_with_a_key_of_their_own(open_desk: DeskOpener) -> None:
    """The key of the web process may not refund; the other may do nothing else."""
    web, refunding = "rk_test_web", "rk_test_refunds"
    desk = open_desk(stripe_secret_key=web, stripe_refund_key=refunding)
    writes = ("checkout_session", "product", "subscription", "customer_portal")
    reads = (
        "charge",
        "payment_intent",
        "invoice",
        "dispute",
        "radar",
        "balance_transaction_source",
    )
    may = [f"rak_{area}_write" for area in writes] + [f"rak_{area}_read" for area in reads]
    desk.control("key", key=web, permissions=may)
    desk.paid(PAYS)
    ask(desk)
    send(desk)
    assert made(desk) == []
    desk.control("key", key=refunding, permissions=["rak_charge_write"])
    send(desk, LATER)
    assert made(desk) == [1_000]


def test_no_transaction_is_open_while_stripe_is_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.paid()
    ask(desk)
    seen: list[bool] = []
    made_gateway = desk.app.extensions["gateway"]
    for name in ("create_refund", "look_at_charge"):

        def watched(*given: object, real: object = getattr(made_gateway, name)) -> object:
            seen.append(db.session().in_transaction())
            return real(*given)  # type: ignore[operator]

        monkeypatch.setattr(made_gateway, name, watched)
    send(desk)
    assert seen == [False, False]


def test_nothing_to_do_asks_nobody(desk: Desk) -> None:
    desk.paid()
    before = len(desk.stand_in.app.extensions["request_log"])
    send(desk)
    assert len(desk.stand_in.app.extensions["request_log"]) == before
    assert desk.rows(Refund) == []
