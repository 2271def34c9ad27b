"""Products, customers and webhook endpoints at the API."""

from demo.stripe import objects
from demo.stripe.account import NEWEST_VERSION, Account, Cause
from demo.stripe.errors import StripeError, invalid, missing, no_such
from demo.stripe.ledger import Json
from demo.stripe.loopback import is_loopback
from demo.stripe.params import (
    Params,
    flag,
    items,
    metadata,
    refuse_others,
    required,
    text,
    web_address,
)

CUSTOMER_TEXTS = {"description": 5000, "email": 512, "name": 256, "phone": 20}


def create_product(account: Account, params: Params, cause: Cause) -> Json:
    """With an id of the caller's own, or one made here."""
    texts = ("description", "statement_descriptor", "unit_label")
    refuse_others(params, ("id", "name", "active", "url", "metadata", "expand", *texts))
    product_id = text(params, "id") or objects.new_id("prod_", 14)
    if account.ledger.find("product", product_id):
        raise StripeError(
            400,
            "invalid_request_error",
            "Product already exists.",
            code="resource_already_exists",
            param="id",
        )
    active = flag(params, "active")
    made = objects.product(
        product_id,
        required(params, "name"),
        account.now(),
        **{name: text(params, name) for name in texts},
        active=True if active is None else active,
        metadata=metadata(params),
        url=web_address(params, "url"),
    )
    account.ledger.add(made)
    account.emit("product.created", made, cause)
    return made


def create_customer(account: Account, params: Params, cause: Cause) -> Json:
    refuse_others(params, (*CUSTOMER_TEXTS, "metadata", "preferred_locales", "expand"))
    given: Json = {n: text(params, n, limit=size) for n, size in CUSTOMER_TEXTS.items()}
    given["preferred_locales"] = items(params, "preferred_locales")
    made = objects.customer(account.now(), **given, metadata=metadata(params))
    account.ledger.add(made)
    account.emit("customer.created", made, cause)
    return made


def update_customer(account: Account, params: Params, cause: Cause, customer_id: str) -> Json:
    """Changes what is given; an empty string unsets."""
    refuse_others(params, (*CUSTOMER_TEXTS, "metadata", "preferred_locales", "expand"))
    known = account.ledger.find("customer", customer_id)
    if known is None:
        raise no_such("customer", customer_id, "customer")
    for name, size in CUSTOMER_TEXTS.items():
        if name in params:
            known[name] = text(params, name, limit=size)
    if "preferred_locales" in params:
        known["preferred_locales"] = items(params, "preferred_locales")
    known["metadata"] = merged(known["metadata"], metadata(params))
    account.ledger.save(known)
    account.emit("customer.updated", known, cause)
    return known


def merged(known: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """Metadata after an update: new keys added, empty values taken away."""
    return {key: value for key, value in {**known, **given}.items() if value != ""}


def create_endpoint(account: Account, params: Params, _cause: Cause) -> Json:
    """The only time Stripe shows the signing secret."""
    refuse_others(
        params, ("url", "enabled_events", "api_version", "description", "metadata", "expand")
    )
    url = web_address(params, "url")
    if url is None:
        raise missing("url")
    if not is_loopback(url):
        raise invalid(
            "The stand-in sends webhooks to this computer only.", param="url", code="url_invalid"
        )
    wanted = items(params, "enabled_events")
    if not wanted:
        raise missing("enabled_events")
    secret = objects.new_id("whsec_", 32)
    made = objects.webhook_endpoint(
        objects.new_id("we_"),
        url,
        account.now(),
        api_version=text(params, "api_version") or NEWEST_VERSION,
        description=text(params, "description"),
        enabled_events=wanted,
        metadata=metadata(params),
    )
    account.ledger.add(made, {"secrets": [secret]})
    return made | {"secret": secret}
