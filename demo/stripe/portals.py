"""The customer portal at the API: configurations, and sessions that open it for one customer."""

from demo.stripe import objects
from demo.stripe.account import Account, Cause
from demo.stripe.errors import invalid, missing, no_such
from demo.stripe.ledger import Json
from demo.stripe.params import (
    Params,
    choice,
    flag,
    items,
    metadata,
    nested,
    refuse_others,
    text,
    web_address,
)

CARRIED = ("business_profile", "default_return_url", "expand", "features", "metadata", "name")
OFFERED = ("invoice_history", "payment_method_update", "subscription_cancel")
NOT_OFFERED = ("customer_update", "subscription_update")
MODES = ("at_period_end", "immediately")
URLS = ("privacy_policy_url", "terms_of_service_url")


def create_configuration(account: Account, params: Params, cause: Cause) -> Json:
    """What the portal offers. Card, invoices and cancelling are carried out here."""
    refuse_others(params, CARRIED)
    if "features" not in params:
        raise missing("features")
    made = objects.portal_configuration(
        _read_features(nested(params, "features")),
        account.now(),
        business_profile=_read_profile(nested(params, "business_profile")),
        default_return_url=web_address(params, "default_return_url"),
        metadata=metadata(params),
        name=text(params, "name", limit=256),
    )
    account.ledger.add(made)
    account.emit("billing_portal.configuration.created", made, cause)
    return made


def _read_profile(given: Params) -> Json:
    refuse_others(given, ("headline", *URLS), "business_profile")
    shown: Json = {"headline": text(given, "headline", limit=60)}
    return shown | {name: web_address(given, name) for name in URLS}


def _read_features(given: Params) -> Json:
    refuse_others(given, (*OFFERED, *NOT_OFFERED), "features")
    for name in NOT_OFFERED:
        if _is_enabled(given, name):
            raise invalid("This stand-in's portal does not offer it.", param=f"features[{name}]")
    features: Json = {}
    if "invoice_history" in given:
        features["invoice_history"] = {"enabled": _is_enabled(given, "invoice_history")}
    if "payment_method_update" in given:
        features["payment_method_update"] = {
            "enabled": _is_enabled(given, "payment_method_update"),
            "payment_method_configuration": None,
        }
    if "subscription_cancel" in given:
        features["subscription_cancel"] = _read_cancel(nested(given, "subscription_cancel")) | {
            "enabled": _is_enabled(given, "subscription_cancel")
        }
    return features


def _is_enabled(given: Params, name: str) -> bool:
    param = f"features[{name}][enabled]"
    if name not in given:
        return False
    enabled = flag(nested(given, name), "enabled", param=param)
    if enabled is None:
        raise missing(param)
    return enabled


def _read_cancel(given: Params) -> Json:
    where = "features[subscription_cancel]"
    refuse_others(given, ("cancellation_reason", "enabled", "mode", "proration_behavior"), where)
    if choice(given, "proration_behavior", ("none",)) is None and "proration_behavior" in given:
        raise missing(f"{where}[proration_behavior]")
    asked = nested(given, "cancellation_reason")
    reason = {
        "enabled": bool(flag(asked, "enabled", param=f"{where}[cancellation_reason][enabled]")),
        "options": items(asked, "options"),
    }
    return {
        "cancellation_reason": reason,
        "mode": choice(given, "mode", MODES) or "at_period_end",
        "proration_behavior": "none",
    }


def create_session(account: Account, params: Params, cause: Cause) -> Json:
    """Opens the portal for a customer; the address is good for an hour."""
    refuse_others(params, ("configuration", "customer", "expand", "locale", "return_url"))
    customer = text(params, "customer")
    if customer is None:
        raise missing("customer")
    if account.ledger.find("customer", customer) is None:
        raise no_such("customer", customer, "customer", in_body=True)
    configuration = _configuration(account, text(params, "configuration"))
    secret = objects.new_id("test_", 40)
    made = objects.portal_session(
        customer,
        configuration["id"],
        f"{account.base_url}/p/session/{secret}",
        account.now(),
        locale=text(params, "locale"),
        return_url=web_address(params, "return_url") or configuration["default_return_url"],
    )
    account.ledger.add(made)
    account.emit("billing_portal.session.created", made, cause)
    return made


def _configuration(account: Account, asked: str | None) -> Json:
    """Stripe has a default one only once somebody has saved it in the dashboard; nobody has."""
    if asked is None:
        raise invalid(
            "No configuration provided and your test mode default configuration has not been"
            " created. Provide a configuration or create your default in the dashboard."
        )
    found = account.ledger.find("billing_portal.configuration", asked)
    if found is None:
        raise no_such("configuration", asked, "configuration", in_body=True)
    return found
