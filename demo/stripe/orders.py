"""What the controls under /_test/ share: how an order is read, and how one is refused."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from demo.stripe.account import Account
from demo.stripe.errors import StripeError
from demo.stripe.ledger import Json
from demo.stripe.timetable import run_due

controls = Blueprint("controls", __name__, url_prefix="/_test")


class WrongOrder(Exception):
    """A control was given something it cannot do."""


@controls.errorhandler(WrongOrder)
def refuse(wrong: WrongOrder) -> tuple[Response, int]:
    return jsonify(error=str(wrong)), 400


@controls.errorhandler(StripeError)
def refuse_as_stripe(refusal: StripeError) -> tuple[Response, int]:
    return jsonify(refusal.body()), refusal.status


def current_account() -> Account:
    account: Account = current_app.extensions["account"]
    return account


def read_order(**known: type | tuple[type, ...]) -> Json:
    """The JSON sent, held to the names and types a control knows. Only JSON: a foreign page cannot
    post it here.
    """
    sent: Any = request.get_json() if request.content_length else {}
    if not isinstance(sent, dict):
        raise WrongOrder("Send a JSON object.")
    for name, value in sent.items():
        if name not in known or not isinstance(value, known[name]):
            raise WrongOrder(f"{name}: not known, or of the wrong type")
    return sent


def change(name: str, sent: Json, change: Callable[[Account, Json], Json]) -> Json:
    account = current_account()
    kind = {"session": "checkout.session"}.get(name, name)
    with account.ledger.transaction():
        run_due(account)
        found = account.ledger.find(kind, sent.get(name, ""))
        if found is None:
            raise WrongOrder(f"{name}: no such {kind}")
        return change(account, found)
