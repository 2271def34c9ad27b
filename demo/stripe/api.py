"""The API's front door: key, version, faults on order, idempotency, the gate, then the handler of
the address.
"""

import re
import socket
import time
from collections import deque
from typing import Any

from flask import Blueprint, Response, current_app, request

from demo.stripe import idempotency, objects
from demo.stripe.account import NEWEST_VERSION, Account, Cause, encode
from demo.stripe.errors import StripeError, broken, invalid, rate_limited
from demo.stripe.expand import expand
from demo.stripe.faults import Fault, Faults
from demo.stripe.idempotency import Answer
from demo.stripe.ledger import Json
from demo.stripe.params import Params, decode, items
from demo.stripe.routes import Call, find_route
from demo.stripe.timetable import run_due
from demo.stripe.versions import as_of

api = Blueprint("api", __name__, url_prefix="/v1")
REQUESTS_KEPT = 1000


class RequestLog(deque[Json]):
    """The latest requests, for tests to look at; keys are not in it."""

    def __init__(self) -> None:
        super().__init__(maxlen=REQUESTS_KEPT)


@api.route("/", defaults={"rest": ""}, methods=["GET", "POST", "DELETE"])
@api.route("/<path:rest>", methods=["GET", "POST", "DELETE"])
def answer(rest: str) -> Response:
    """Any call to the API."""
    account: Account = current_app.extensions["account"]
    request_id = objects.new_id("req_", 14)
    fault: Fault | None = None
    try:
        _authenticate(account)
        _note_version(account)
        faults: Faults = current_app.extensions["faults"]
        fault = faults.take(request.method, request.path)
        _suffer_before(fault)
        given = _carry_out(account, request_id, fault)
    except StripeError as refusal:
        given = Answer(refusal.status, refusal.body())
    _log(request_id, given)
    _suffer_after(fault)
    return _respond(request_id, given)


def _authenticate(account: Account) -> None:
    sent = request.authorization
    key = (sent.token if sent.type == "bearer" else sent.username) if sent else None
    account.keys.admit(key, request.method, request.path)


def _note_version(account: Account) -> None:
    """The latest caller's API version is that of new events; raises StripeError for none."""
    version = request.headers.get("Stripe-Version", NEWEST_VERSION)
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}(\.\w+)?", version):
        raise invalid(f"Invalid Stripe API version: {version}")
    if account.ledger.recall("api_version", "") != version:
        account.ledger.remember("api_version", version)


def _suffer_before(fault: Fault | None) -> None:
    if fault and fault.kind == "slow":
        time.sleep(fault.seconds)
    if fault and fault.kind == "429":
        raise rate_limited()


def _suffer_after(fault: Fault | None) -> None:
    """All is done, but the caller is not to hear of it (in time)."""
    if fault and fault.kind == "timeout_after_commit":
        time.sleep(fault.seconds)
    if fault and fault.kind == "dropped_after_commit":
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)


def _carry_out(account: Account, request_id: str, fault: Fault | None) -> Answer:
    body = request.get_data(as_text=True)
    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    mark = idempotency.fingerprint(request.method, request.path, body)
    with account.ledger.exclusively():
        run_due(account)
        remembered = idempotency.recall(account.ledger, key, mark) if key else None
        if remembered:
            return remembered
        given = _attempt(account, Cause(request_id, key), body, fault)
        if key:
            idempotency.remember(account.ledger, key, mark, request_id, given)
        return given


def _attempt(account: Account, cause: Cause, body: str, fault: Fault | None) -> Answer:
    """Whatever goes wrong, nothing half done stays behind."""
    try:
        if fault and fault.kind == "500":
            raise broken("Something went wrong on Stripe's end (a fault on order).")
        with account.ledger.transaction():
            return Answer(200, _handle(account, cause, body))
    except StripeError as refusal:
        account.gate.check_error(refusal.body())
        return Answer(refusal.status, refusal.body())
    except Exception as fault_of_ours:
        current_app.logger.exception("the stand-in failed at %s %s", request.method, request.path)
        return Answer(500, broken(f"The stand-in is at fault: {fault_of_ours}").body())


def _handle(account: Account, cause: Cause, body: str) -> Json:
    handler, ids = find_route(request.method, request.path)
    query = request.query_string.decode()
    # The SDK sends the parameters of a DELETE with the address; the description has them as a body.
    asked = query if request.method == "DELETE" else body
    account.gate.check_request(request.method, request.path, asked, query)
    params: Params = decode(body if request.method == "POST" else query)
    made = handler(Call(account, request.path, params, cause, ids))
    made = expand(account, made, items(params, "expand"))
    account.gate.check_answer(request.method, request.path, made)
    shown: Json = as_of(request.headers.get("Stripe-Version", NEWEST_VERSION), made)
    return shown


def _log(request_id: str, given: Answer) -> None:
    log: RequestLog = current_app.extensions["request_log"]
    sent: Any = request.get_data(as_text=True) or request.query_string.decode()
    log.append(
        {
            "id": request_id,
            "method": request.method,
            "path": request.path,
            "params": _readable(sent),
            "idempotency_key": request.headers.get("Idempotency-Key"),
            "stripe_version": request.headers.get("Stripe-Version"),
            "status": given.status,
            "replayed": given.first_request is not None,
            "at": time.time(),
        }
    )


def _readable(encoded: str) -> Params:
    try:
        return decode(encoded)
    except StripeError:
        return {"unreadable": encoded}


def _respond(request_id: str, given: Answer) -> Response:
    response = Response(encode(given.body), given.status, mimetype="application/json")
    response.headers["Request-Id"] = request_id
    response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", NEWEST_VERSION)
    if request.headers.get("Idempotency-Key"):
        response.headers["Idempotency-Key"] = request.headers["Idempotency-Key"]
    if given.first_request:
        response.headers["Idempotent-Replayed"] = "true"
        response.headers["Original-Request"] = given.first_request
    return response
