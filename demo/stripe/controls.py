"""What a test may order under /_test/: holding and releasing webhooks, faults, the clock, what
happens in the dashboard.
"""

from flask import Response, current_app, jsonify

from demo.stripe import afterwards
from demo.stripe.account import Account
from demo.stripe.api import RequestLog
from demo.stripe.deliverer import Deliverer, Release
from demo.stripe.faults import KINDS, Fault, Faults
from demo.stripe.keys import LiveKeyRefused, UnknownPermission
from demo.stripe.ledger import Json
from demo.stripe.orders import WrongOrder, change, controls, current_account, read_order
from demo.stripe.refunds import refundable
from demo.stripe.timetable import run_due


def _deliverer() -> Deliverer:
    deliverer: Deliverer = current_app.extensions["deliverer"]
    return deliverer


@controls.post("/hold")
def hold() -> Response:
    """{"on": true} keeps new events back; {"on": false} lets them flow again, in order."""
    deliverer = _deliverer()
    deliverer.held = bool(read_order(on=bool).get("on", True))
    current_account().news.set()
    return jsonify(held=deliverer.held)


@controls.post("/release")
def release() -> Response:
    """Sends all that waits, and answers when it is sent. A hold stays on for later events."""
    sent = read_order(
        order=str, copies=int, drop=list, delay=(int, float), secret=str, skew=int, seed=int
    )
    if sent.get("order", "in") not in {"in", "reverse", "shuffle"} or sent.get("copies", 1) < 1:
        raise WrongOrder('order: "in", "reverse" or "shuffle"; copies: at least 1')
    sent["drop"] = tuple(sent.get("drop", ()))
    return jsonify(delivered=_deliverer().release(Release(**sent)))


@controls.post("/fault")
def fault() -> Response:
    """Orders trouble for the next `count` calls; {"kind": "none"} cancels what is on order."""
    sent = read_order(kind=str, seconds=(int, float), count=int, path=str, method=str)
    faults: Faults = current_app.extensions["faults"]
    if sent.get("kind") == "none":
        faults.clear()
    elif sent.get("kind") in KINDS:
        faults.order(Fault(**sent))
    else:
        raise WrongOrder(f"kind: one of {', '.join(KINDS)}, none")
    return jsonify(waiting=len(faults.waiting))


@controls.post("/clock")
def clock() -> Response:
    """{"advance": seconds}: never back. All that falls due meanwhile is done before the answer."""
    seconds = read_order(advance=(int, float)).get("advance", 0)
    if seconds < 0:
        raise WrongOrder("advance: the clock goes forward only")
    account = current_account()
    account.ledger.advance(seconds)
    done = run_due(account)
    account.news.set()
    return jsonify(now=account.now(), done=done)


@controls.post("/refund")
def refund() -> Response:
    """A refund made in Stripe's dashboard: {"charge": id, "amount": minor units, or all}."""
    sent = read_order(charge=str, amount=int)

    def give_back(account: Account, charge: Json) -> Json:
        return afterwards.refund(account, charge, refundable(account, charge, sent.get("amount")))

    return jsonify(change("charge", sent, give_back))


@controls.post("/expire")
def expire() -> Response:
    """Ends an open session at once: {"session": id}."""
    sent = read_order(session=str)
    return jsonify(change("session", sent, _expire))


def _expire(account: Account, session: Json) -> Json:
    if session["status"] != "open":
        raise WrongOrder(f"session: it is {session['status']}")
    return afterwards.expire(account, session)


@controls.post("/key")
def key() -> Response:
    """{"key": "rk_test_…", "permissions": ["rak_charge_write", …]}: a restricted key, made or
    changed until the stand-in ends.
    """
    sent = read_order(key=str, permissions=list)
    permissions = [str(one) for one in sent.get("permissions", [])]
    try:
        current_account().keys.add(sent.get("key", ""), permissions)
    except (LiveKeyRefused, UnknownPermission) as refusal:
        raise WrongOrder(str(refusal)) from None
    return jsonify(permissions=permissions)


@controls.get("/deliveries")
def deliveries() -> Response:
    """Every delivery, oldest first: to whom, in what state, and each attempt."""
    ledger = current_account().ledger
    shown = []
    for row in ledger.rows("select * from deliveries order by id"):
        attempts = ledger.rows(
            "select at, status, error from attempts where delivery = ? order by id", row["id"]
        )
        event = ledger.get("event", row["event"])
        shown.append(
            {
                "event": row["event"],
                "type": event["type"],
                "object": event["data"]["object"].get("id"),
                "endpoint": row["endpoint"],
                "state": row["state"],
                "attempts": [dict(attempt) for attempt in attempts],
            }
        )
    return jsonify(held=_deliverer().held, deliveries=shown)


@controls.get("/events")
def events() -> Response:
    """Every event, oldest first."""
    account = current_account()
    run_due(account)
    return jsonify(events=[account.show_event(one) for one in account.ledger.all("event")][::-1])


@controls.get("/requests")
def requests() -> Response:
    """The latest API requests, oldest first."""
    log: RequestLog = current_app.extensions["request_log"]
    return jsonify(requests=list(log))
