"""Lists whose filters look into an object: subscriptions, invoices, their payments, ways to pay."""

from demo.stripe.account import Account
from demo.stripe.customers import methods_of
from demo.stripe.errors import invalid, no_such
from demo.stripe.invoices import subscription_id_of
from demo.stripe.ledger import Json
from demo.stripe.listing import PAGING, filtered, page, within
from demo.stripe.params import Params, choice, nested, refuse_others, text
from demo.stripe.subscription_states import OVER

METHOD_TYPES = ("card", "sepa_debit")
PAYMENT_TYPES = ("payment_intent",)


def list_subscriptions(account: Account, path: str, params: Params) -> Json:
    """Without a `status`, those that have not been cancelled; `ended` and `all` as at Stripe."""
    refuse_others(params, (*PAGING, "customer", "price", "status"))
    status, price = text(params, "status"), text(params, "price")
    found = filtered(account, "subscription", params, ("customer",))
    if status is None:
        found = [one for one in found if one["status"] != "canceled"]
    elif status == "ended":
        found = [one for one in found if one["status"] in OVER]
    elif status != "all":
        found = [one for one in found if one["status"] == status]
    if price is not None:
        found = [
            one
            for one in found
            if any(item["price"]["id"] == price for item in one["items"]["data"])
        ]
    return page("subscription", within(found, params), path, params)


def list_invoices(account: Account, path: str, params: Params) -> Json:
    refuse_others(params, (*PAGING, "customer", "status", "subscription"))
    found = filtered(account, "invoice", params, ("customer", "status"))
    subscription = text(params, "subscription")
    if subscription is not None:
        found = [one for one in found if subscription_id_of(one) == subscription]
    return page("invoice", within(found, params), path, params)


def list_invoice_lines(account: Account, path: str, params: Params, invoice_id: str) -> Json:
    refuse_others(params, PAGING)
    invoice = account.ledger.find("invoice", invoice_id)
    if invoice is None:
        raise no_such("invoice", invoice_id, "invoice")
    return page("line_item", invoice["lines"]["data"], path, params)


def list_invoice_payments(account: Account, path: str, params: Params) -> Json:
    """`payment[type]` with `payment[payment_intent]` leads from a payment to its invoice."""
    refuse_others(params, (*PAGING, "invoice", "payment", "status"))
    found = filtered(account, "invoice_payment", params, ("invoice", "status"))
    asked = nested(params, "payment")
    if asked:
        refuse_others(asked, ("type", "payment_intent"), "payment")
        if choice(asked, "type", PAYMENT_TYPES) is None:
            raise invalid("Give the type of the payment.", param="payment[type]")
        intent = text(asked, "payment_intent")
        found = [one for one in found if one["payment"]["payment_intent"] == intent]
    return page("invoice_payment", within(found, params), path, params)


def list_methods(account: Account, path: str, params: Params) -> Json:
    """Stripe lists the ways to pay of one customer only."""
    refuse_others(params, (*PAGING, "customer", "type"))
    customer = text(params, "customer")
    if customer is None:
        raise invalid("Give the customer whose ways to pay to list.", param="customer")
    return _methods(account, path, params, customer, in_body=True)


def list_methods_of(account: Account, path: str, params: Params, customer: str) -> Json:
    refuse_others(params, (*PAGING, "type"))
    return _methods(account, path, params, customer, in_body=False)


def _methods(account: Account, path: str, params: Params, customer: str, *, in_body: bool) -> Json:
    if account.ledger.find("customer", customer) is None:
        raise no_such("customer", customer, "customer", in_body=in_body)
    wanted = choice(params, "type", METHOD_TYPES)
    found = [one for one in methods_of(account, customer) if wanted in {None, one["type"]}]
    return page("payment_method", within(found, params), path, params)
