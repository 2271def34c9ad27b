"""Which addresses of Stripe's API the stand-in carries, and what answers each. All others are
refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from demo.stripe import (
    billing_lists,
    catalogue,
    disputes,
    portals,
    refunds,
    sessions,
    subscriptions,
)
from demo.stripe.account import Account, Cause
from demo.stripe.books import read_balance
from demo.stripe.errors import no_such, unrecognised_url
from demo.stripe.ledger import Json
from demo.stripe.listing import list_events, list_lines, list_objects, list_sessions
from demo.stripe.params import Params, refuse_others


@dataclass(frozen=True)
class Call:
    """One request, as the handlers see it; `ids` come from the address."""

    account: Account
    path: str
    params: Params
    cause: Cause
    ids: tuple[str, ...] = ()


Handler = Callable[[Call], Json]


def _retrieve(kind: str, param: str) -> Handler:
    def retrieve(call: Call) -> Json:
        refuse_others(call.params, ("expand",))
        found = call.account.ledger.find(kind, call.ids[0])
        if found is None:
            raise no_such(kind, call.ids[0], param)
        if kind == "event":
            return call.account.show_event(found)
        return call.account.show_line(found) if kind == "balance_transaction" else found

    return retrieve


def _list(kind: str, *filters: str) -> Handler:
    return lambda call: list_objects(call.account, kind, call.path, call.params, filters)


def _create(make: Callable[[Account, Params, Cause], Json]) -> Handler:
    return lambda call: make(call.account, call.params, call.cause)


def _change(change: Callable[[Account, Params, Cause, str], Json]) -> Handler:
    return lambda call: change(call.account, call.params, call.cause, call.ids[0])


def _line_items(call: Call) -> Json:
    return sessions.list_line_items(call.account, call.path, call.params, call.ids[0])


def _listing(show: Callable[[Account, str, Params], Json]) -> Handler:
    return lambda call: show(call.account, call.path, call.params)


def _list_of(show: Callable[[Account, str, Params, str], Json]) -> Handler:
    return lambda call: show(call.account, call.path, call.params, call.ids[0])


def _balance(call: Call) -> Json:
    refuse_others(call.params, ("expand",))
    return read_balance(call.account)


WARNING = "radar.early_fraud_warning"
PORTAL = "billing_portal.configuration"
TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "balance", _balance),
    ("GET", "balance_transactions", lambda c: list_lines(c.account, c.path, c.params)),
    ("GET", "balance_transactions/*", _retrieve("balance_transaction", "id")),
    ("GET", "billing_portal/configurations", _list(PORTAL)),
    ("POST", "billing_portal/configurations", _create(portals.create_configuration)),
    ("GET", "billing_portal/configurations/*", _retrieve(PORTAL, "configuration")),
    ("POST", "billing_portal/sessions", _create(portals.create_session)),
    ("GET", "charges", _list("charge", "payment_intent", "customer")),
    ("GET", "charges/*", _retrieve("charge", "charge")),
    ("GET", "checkout/sessions", _listing(list_sessions)),
    ("POST", "checkout/sessions", _create(sessions.create_session)),
    ("GET", "checkout/sessions/*", _retrieve("checkout.session", "session")),
    ("POST", "checkout/sessions/*/expire", _change(sessions.expire_session)),
    ("GET", "checkout/sessions/*/line_items", _line_items),
    ("GET", "customers", _list("customer", "email")),
    ("POST", "customers", _create(catalogue.create_customer)),
    ("GET", "customers/*", _retrieve("customer", "customer")),
    ("POST", "customers/*", _change(catalogue.update_customer)),
    ("GET", "disputes", _list("dispute", "charge", "payment_intent")),
    ("GET", "disputes/*", _retrieve("dispute", "dispute")),
    ("POST", "disputes/*/close", _change(disputes.give_in)),
    ("GET", "events", lambda c: list_events(c.account, c.path, c.params)),
    ("GET", "events/*", _retrieve("event", "id")),
    ("GET", "customers/*/payment_methods", _list_of(billing_lists.list_methods_of)),
    ("GET", "invoice_payments", _listing(billing_lists.list_invoice_payments)),
    ("GET", "invoice_payments/*", _retrieve("invoice_payment", "invoice_payment")),
    ("GET", "invoices", _listing(billing_lists.list_invoices)),
    ("GET", "invoices/*", _retrieve("invoice", "invoice")),
    ("GET", "invoices/*/lines", _list_of(billing_lists.list_invoice_lines)),
    ("GET", "payment_intents", _list("payment_intent", "customer")),
    ("GET", "payment_intents/*", _retrieve("payment_intent", "intent")),
    ("GET", "payment_methods", _listing(billing_lists.list_methods)),
    ("GET", "payment_methods/*", _retrieve("payment_method", "payment_method")),
    ("GET", "prices", _list("price", "product", "currency", "type")),
    ("GET", "prices/*", _retrieve("price", "price")),
    ("GET", "products", _list("product")),
    ("POST", "products", _create(catalogue.create_product)),
    ("GET", "products/*", _retrieve("product", "id")),
    ("GET", "radar/early_fraud_warnings", _list(WARNING, "charge", "payment_intent")),
    ("GET", "radar/early_fraud_warnings/*", _retrieve(WARNING, "early_fraud_warning")),
    ("GET", "refunds", _list("refund", "charge", "payment_intent")),
    ("POST", "refunds", _create(refunds.create_refund)),
    ("GET", "refunds/*", _retrieve("refund", "refund")),
    ("POST", "refunds/*", _change(refunds.update_refund)),
    ("POST", "refunds/*/cancel", _change(refunds.cancel_refund)),
    ("GET", "subscriptions", _listing(billing_lists.list_subscriptions)),
    ("GET", "subscriptions/*", _retrieve("subscription", "id")),
    ("POST", "subscriptions/*", _change(subscriptions.update_subscription)),
    ("DELETE", "subscriptions/*", _change(subscriptions.cancel_subscription)),
    ("GET", "webhook_endpoints", _list("webhook_endpoint")),
    ("POST", "webhook_endpoints", _create(catalogue.create_endpoint)),
    ("GET", "webhook_endpoints/*", _retrieve("webhook_endpoint", "webhook_endpoint")),
)
ROUTES = [
    (method, re.compile("/v1/" + shape.replace("*", "([^/]+)")), handler)
    for method, shape, handler in TABLE
]


def find_route(method: str, path: str) -> tuple[Handler, tuple[str, ...]]:
    """The handler and the ids in the address; raises StripeError (404) for what is not carried."""
    for known, shape, handler in ROUTES:
        matched = shape.fullmatch(path)
        if known == method and matched:
            return handler, matched.groups()
    raise unrecognised_url(method, path)
