"""Checkout sessions at the API: create, expire, their line items."""

from demo.stripe import afterwards, objects
from demo.stripe.account import Account, Cause
from demo.stripe.currencies import check_currency, check_total, check_unit_amount
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
    required,
    text,
    web_address,
)

SHORTEST, LONGEST = 30 * 60, 24 * 3600  # seconds a session may stay open
CARRIED = (
    *("adaptive_pricing", "cancel_url", "client_reference_id", "customer", "customer_creation"),
    *("customer_email", "custom_text", "excluded_payment_method_types", "expand", "expires_at"),
    *("line_items", "locale", "metadata", "mode", "payment_intent_data", "submit_type"),
    *("success_url", "ui_mode"),
)
INTENT_TEXTS = {
    "description": 1000,
    "receipt_email": 800,
    "statement_descriptor": 22,
    "statement_descriptor_suffix": 22,
}


def create_session(account: Account, params: Params, _cause: Cause) -> Json:
    """A hosted session in payment mode."""
    refuse_others(params, CARRIED)
    _check_mode(params)
    chosen = [_line_item(account, number, given) for number, given in _given_items(params)]
    currency = chosen[0]["currency"]
    if any(item["currency"] != currency for item in chosen):
        raise invalid("All line items must have the same currency.", param="line_items")
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
        **_as_asked(account, params),
    )
    private = {"line_items": chosen, "payment_intent_data": _intent_data(params)}
    account.ledger.add(session, private)
    account.ledger.schedule("expire", session_id, session["expires_at"])
    return session


def _check_mode(params: Params) -> None:
    mode = choice(params, "mode", ("payment", "setup", "subscription"))
    if mode is None:
        raise missing("mode")
    if mode != "payment":
        raise invalid(f"This stand-in has no mode={mode} yet.", param="mode")
    if choice(params, "ui_mode", ("hosted_page", "embedded_page", "elements")) not in {
        None,
        "hosted_page",
    }:
        raise invalid("This stand-in has hosted pages only.", param="ui_mode")


def _given_items(params: Params) -> list[tuple[int, Params]]:
    given = items(params, "line_items")
    if not given:
        raise missing("line_items")
    return list(enumerate(given))


def _line_item(account: Account, number: int, given: Params) -> Json:
    where = f"line_items[{number}]"
    refuse_others(given, ("price_data", "quantity"), where)
    data = nested(given, "price_data")
    refuse_others(data, ("currency", "unit_amount", "product"), f"{where}[price_data]")
    if not data:
        raise missing(f"{where}[price_data]")
    currency = check_currency(
        required(data, "currency", param=f"{where}[price_data][currency]"),
        f"{where}[price_data][currency]",
    )
    product_id = required(data, "product", param=f"{where}[price_data][product]")
    product = account.ledger.find("product", product_id)
    if product is None:
        raise no_such("product", product_id, f"{where}[price_data][product]", in_body=True)
    amount = integer(data, "unit_amount", param=f"{where}[price_data][unit_amount]")
    if amount is None:
        raise missing(f"{where}[price_data][unit_amount]")
    check_unit_amount(amount, currency, f"{where}[price_data][unit_amount]")
    quantity = integer(given, "quantity", param=f"{where}[quantity]")
    if quantity is None:
        raise missing(f"{where}[quantity]")
    if quantity < 1:
        raise invalid("This value must be at least 1.", param=f"{where}[quantity]")
    price = objects.price(product_id, currency, amount, account.now())
    return objects.line_item(price, product["name"], quantity)


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
