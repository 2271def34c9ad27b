"""Checkout sessions at the API: create, expire, their line items."""

from demo.stripe import afterwards, objects
from demo.stripe.account import Account, Cause
from demo.stripe.currencies import check_total
from demo.stripe.errors import invalid, missing, no_such
from demo.stripe.expand import line_items as stored_line_items
from demo.stripe.ledger import Json
from demo.stripe.listing import page
from demo.stripe.params import (
    Params,
    choice,
    flag,
    integer,
    items,
    metadata,
    nested,
    refuse_others,
    text,
    web_address,
)
from demo.stripe.price_data import read_price, read_quantity

SHORTEST, LONGEST = 30 * 60, 24 * 3600  # seconds a session may stay open
CARRIED = (
    *("adaptive_pricing", "cancel_url", "client_reference_id", "customer", "customer_creation"),
    *("customer_email", "custom_text", "excluded_payment_method_types", "expand", "expires_at"),
    *("line_items", "locale", "metadata", "mode", "payment_intent_data"),
    *("payment_method_collection", "submit_type", "subscription_data", "success_url", "ui_mode"),
)
ONLY_IN_MODE = {
    "payment": ("customer_creation", "payment_intent_data"),
    "subscription": ("payment_method_collection", "subscription_data"),
}
OTHER_MODE = {"payment": "subscription", "subscription": "payment"}
INTENT_TEXTS = {
    "description": 1000,
    "receipt_email": 800,
    "statement_descriptor": 22,
    "statement_descriptor_suffix": 22,
}


def create_session(account: Account, params: Params, _cause: Cause) -> Json:
    """A hosted session, for one payment or for a subscription."""
    refuse_others(params, CARRIED)
    mode = _read_mode(params)
    chosen = [_line_item(account, number, given) for number, given in _given_items(params)]
    currency = chosen[0]["currency"]
    if any(item["currency"] != currency for item in chosen):
        raise invalid("All line items must have the same currency.", param="line_items")
    _check_rhythm(mode, chosen)
    total = sum(item["amount_total"] for item in chosen)
    check_total(total, currency, "line_items[0][price_data][unit_amount]")
    session_id = objects.new_id("cs_test_a1", 56)
    session = objects.checkout_session(
        session_id,
        account.now(),
        amount_subtotal=total,
        amount_total=total,
        currency=currency,
        expires_at=_expiry(account, params),
        payment_method_types=_ways_to_pay(params, currency),
        url=f"{account.base_url}/c/pay/{session_id}",
        **(_as_asked(account, params) | _by_mode(params, mode)),
    )
    private = {
        "line_items": chosen,
        "payment_intent_data": _intent_data(params),
        "subscription_data": _subscription_data(params),
    }
    account.ledger.add(session, private)
    account.ledger.schedule("expire", session_id, session["expires_at"])
    return session


def _read_mode(params: Params) -> str:
    mode = choice(params, "mode", ("payment", "setup", "subscription"))
    if mode is None:
        raise missing("mode")
    if mode == "setup":
        raise invalid("This stand-in has no mode=setup.", param="mode")
    for name in ONLY_IN_MODE[OTHER_MODE[mode]]:
        if name in params:
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if choice(params, "ui_mode", ("hosted_page", "embedded_page", "elements")) not in {
        None,
        "hosted_page",
    }:
        raise invalid("This stand-in has hosted pages only.", param="ui_mode")
    return mode


def _by_mode(params: Params, mode: str) -> Json:
    """A subscription always has a customer, and needs a way to pay that lasts."""
    if mode == "payment":
        return {"mode": mode}
    always = choice(params, "payment_method_collection", ("always", "if_required"))
    return {
        "mode": mode,
        "customer_creation": None if text(params, "customer") else "always",
        "invoice_creation": None,
        "payment_method_collection": always or "always",
    }


def _given_items(params: Params) -> list[tuple[int, Params]]:
    given = items(params, "line_items")
    if not given:
        raise missing("line_items")
    return list(enumerate(given))


def _line_item(account: Account, number: int, given: Params) -> Json:
    where = f"line_items[{number}]"
    refuse_others(given, ("price_data", "quantity"), where)
    price = read_price(account, given, where)
    product = account.ledger.get("product", price["product"])
    return objects.line_item(price, product["name"], read_quantity(given, where))


def _check_rhythm(mode: str, chosen: list[Json]) -> None:
    """Recurring prices in subscription mode only, and all in one rhythm."""
    rhythms = [item["price"]["recurring"] for item in chosen]
    if mode == "payment" and any(rhythms):
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Use `subscription` mode"
            " or one-time prices.",
            param="mode",
        )
    if mode == "subscription" and not any(rhythms):
        raise invalid(
            "You must provide at least one recurring price in `subscription` mode.", param="mode"
        )
    if any(rhythm != rhythms[0] for rhythm in rhythms):
        raise invalid(
            "This stand-in takes line items of one and the same interval only.",
            param="line_items",
        )


def _expiry(account: Account, params: Params) -> int:
    now = account.now()
    expires_at = integer(params, "expires_at")
    if expires_at is None:
        return now + LONGEST
    if expires_at < now + SHORTEST:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes from now.", param="expires_at"
        )
    if expires_at > now + LONGEST:
        raise invalid(
            "The `expires_at` timestamp must be less than 24 hours from now.", param="expires_at"
        )
    return expires_at


def _ways_to_pay(params: Params, currency: str) -> list[str]:
    offered = ["card", "sepa_debit"] if currency == "eur" else ["card"]
    left = [way for way in offered if way not in items(params, "excluded_payment_method_types")]
    if not left:
        raise invalid("No way to pay is left.", param="excluded_payment_method_types")
    return left


def _as_asked(account: Account, params: Params) -> Json:
    success_url = web_address(params, "success_url")
    if success_url is None:
        raise missing("success_url")
    customer = text(params, "customer")
    if customer and account.ledger.find("customer", customer) is None:
        raise no_such("customer", customer, "customer", in_body=True)
    creation = choice(params, "customer_creation", ("always", "if_required"))
    if customer and creation:
        raise invalid("Give customer or customer_creation, not both.", param="customer_creation")
    pricing = nested(params, "adaptive_pricing")
    adapts = flag(pricing, "enabled", param="adaptive_pricing[enabled]")
    return {
        "adaptive_pricing": {"enabled": True if adapts is None else adapts},
        "cancel_url": web_address(params, "cancel_url"),
        "client_reference_id": text(params, "client_reference_id", limit=200),
        "custom_text": _custom_text(params),
        "customer": customer,
        "customer_creation": None if customer else creation or "if_required",
        "customer_email": text(params, "customer_email", limit=800),
        "locale": text(params, "locale"),
        "metadata": metadata(params),
        "submit_type": choice(
            params, "submit_type", ("auto", "book", "donate", "pay", "subscribe")
        ),
        "success_url": success_url,
    }


def _custom_text(params: Params) -> Json:
    given = nested(params, "custom_text")
    places = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
    refuse_others(given, places, "custom_text")
    said: Json = {}
    for place in places:
        message = text(nested(given, place), "message", limit=1200)
        said[place] = {"message": message} if message else None
    return said


def _intent_data(params: Params) -> Json:
    given = nested(params, "payment_intent_data")
    refuse_others(given, (*INTENT_TEXTS, "metadata"), "payment_intent_data")
    wanted: Json = {
        name: text(given, name, limit=limit, param=f"payment_intent_data[{name}]")
        for name, limit in INTENT_TEXTS.items()
    }
    return wanted | {"metadata": metadata(given, "payment_intent_data")}


def _subscription_data(params: Params) -> Json:
    given = nested(params, "subscription_data")
    refuse_others(given, ("description", "metadata"), "subscription_data")
    described = text(given, "description", limit=500, param="subscription_data[description]")
    return {"description": described, "metadata": metadata(given, "subscription_data")}


def expire_session(account: Account, params: Params, cause: Cause, session_id: str) -> Json:
    refuse_others(params, ("expand",))
    session = account.ledger.find("checkout.session", session_id)
    if session is None:
        raise no_such("checkout.session", session_id, "session")
    if session["status"] != "open":
        raise invalid(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This one has a'
            f" status of {session['status']}.",
            param="session",
        )
    return afterwards.expire(account, session, cause)


def list_line_items(account: Account, path: str, params: Params, session_id: str) -> Json:
    if account.ledger.find("checkout.session", session_id) is None:
        raise no_such("checkout.session", session_id, "session")
    refuse_others(params, ("limit", "starting_after", "ending_before", "expand"))
    return page("item", stored_line_items(account, session_id)["data"], path, params)
