"""Subscriptions at the API: change and cancel."""

from demo.stripe import subscription_states
from demo.stripe.account import Account, Cause
from demo.stripe.catalogue import merged
from demo.stripe.errors import invalid, missing, no_such
from demo.stripe.ledger import Json
from demo.stripe.params import (
    Params,
    choice,
    flag,
    integer,
    items,
    metadata,
    nested,
    refuse_others,
    required,
    text,
)
from demo.stripe.price_data import read_price, read_quantity

CARRIED = (
    *("cancel_at_period_end", "cancellation_details", "default_payment_method", "description"),
    *("expand", "items", "metadata", "pause_collection", "proration_behavior"),
)
OF_ENDED = {"cancellation_details", "metadata", "expand"}
BEHAVIORS = ("keep_as_draft", "mark_uncollectible", "void")
PRORATIONS = ("always_invoice", "create_prorations", "none")


def update_subscription(
    account: Account, params: Params, cause: Cause, subscription_id: str
) -> Json:
    """Changes what is given. An amount is changed by new price data on the item."""
    refuse_others(params, CARRIED)
    subscription = _find(account, subscription_id)
    if subscription["status"] in subscription_states.OVER and set(params) - OF_ENDED:
        raise invalid(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    if "items" in params:
        _change_items(account, subscription, params)
    if "pause_collection" in params:
        subscription["pause_collection"] = _read_pause(account, params)
    if "default_payment_method" in params:
        subscription["default_payment_method"] = _read_method(account, subscription, params)
    if "description" in params:
        subscription["description"] = text(params, "description", limit=500)
    leaving = flag(params, "cancel_at_period_end")
    if leaving is not None:
        set_leaving(account, subscription, leaving=leaving)
    subscription["cancellation_details"] |= _read_details(params)
    subscription["metadata"] = merged(subscription["metadata"], metadata(params))
    subscription_states.change(account, subscription, cause)
    paused = subscription["pause_collection"]
    if paused and paused["resumes_at"]:
        account.ledger.schedule("resume", subscription_id, paused["resumes_at"])
    return subscription


def cancel_subscription(
    account: Account, params: Params, cause: Cause, subscription_id: str
) -> Json:
    """At once, and without giving anything back."""
    refuse_others(params, ("cancellation_details", "expand", "invoice_now", "prorate"))
    for name in ("invoice_now", "prorate"):
        if flag(params, name):
            raise invalid("This stand-in makes no prorations.", param=name)
    subscription = _find(account, subscription_id)
    if subscription["status"] in subscription_states.OVER:
        raise no_such("subscription", subscription_id, "id")
    return subscription_states.end(
        account, subscription, "cancellation_requested", cause, **_read_details(params)
    )


def set_leaving(account: Account, subscription: Json, *, leaving: bool) -> None:
    """Whether it ends with its period."""
    end = subscription["items"]["data"][0]["current_period_end"]
    subscription |= {
        "cancel_at_period_end": leaving,
        "cancel_at": end if leaving else None,
        "canceled_at": account.now() if leaving else None,
    }
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if leaving else None


def _find(account: Account, subscription_id: str) -> Json:
    subscription = account.ledger.find("subscription", subscription_id)
    if subscription is None:
        raise no_such("subscription", subscription_id, "id")
    return subscription


def _change_items(account: Account, subscription: Json, params: Params) -> None:
    for number, given in enumerate(items(params, "items")):
        where = f"items[{number}]"
        refuse_others(given, ("id", "price_data", "quantity", "metadata"), where)
        item_id = required(given, "id", param=f"{where}[id]")
        item = next((one for one in subscription["items"]["data"] if one["id"] == item_id), None)
        if item is None:
            raise no_such("subscription_item", item_id, f"{where}[id]", in_body=True)
        if choice(params, "proration_behavior", PRORATIONS) != "none":
            raise invalid(
                "This stand-in makes no prorations: say proration_behavior=none.",
                param="proration_behavior",
            )
        if "price_data" in given:
            item["price"] = _read_new_price(account, item["price"], given, where)
        item["quantity"] = read_quantity(given, where, item["quantity"])
        item["metadata"] = merged(item["metadata"], metadata(given, where))


def _read_new_price(account: Account, old: Json, given: Params, where: str) -> Json:
    price = read_price(account, given, where)
    if price["recurring"] is None:
        raise missing(f"{where}[price_data][recurring]")
    if price["currency"] != old["currency"]:
        raise invalid(
            f"The currency of a subscription cannot change: it is {old['currency']}.",
            param=f"{where}[price_data][currency]",
        )
    if price["recurring"] != old["recurring"]:
        raise invalid(
            "This stand-in does not change the interval of a subscription.",
            param=f"{where}[price_data][recurring]",
        )
    account.ledger.add(price)
    return price


def _read_pause(account: Account, params: Params) -> Json | None:
    given = nested(params, "pause_collection")
    if not given:
        return None
    refuse_others(given, ("behavior", "resumes_at"), "pause_collection")
    behavior = required(given, "behavior", param="pause_collection[behavior]")
    if behavior not in BEHAVIORS:
        raise invalid(
            f"Invalid behavior: must be one of {', '.join(BEHAVIORS)}",
            param="pause_collection[behavior]",
        )
    resumes_at = integer(given, "resumes_at", param="pause_collection[resumes_at]")
    if resumes_at is not None and resumes_at <= account.now():
        raise invalid("Give a time to come.", param="pause_collection[resumes_at]")
    return {"behavior": behavior, "resumes_at": resumes_at}


def _read_method(account: Account, subscription: Json, params: Params) -> str | None:
    method_id = text(params, "default_payment_method")
    if method_id is None:
        return None
    method = account.ledger.find("payment_method", method_id)
    if method is None or method["customer"] != subscription["customer"]:
        raise invalid(
            f"The customer does not have a payment method with the ID {method_id}. The payment"
            " method must be attached to the customer.",
            param="default_payment_method",
            code="resource_missing",
        )
    return method_id


def _read_details(params: Params) -> dict[str, str | None]:
    given = nested(params, "cancellation_details")
    refuse_others(given, ("comment", "feedback"), "cancellation_details")
    return {name: text(given, name) for name in ("comment", "feedback") if name in given}
