"""`expand[]`: puts whole objects where the API shows their ids
(docs.stripe.com/api/expanding_objects).
"""

from demo.stripe.account import Account
from demo.stripe.errors import StripeError, invalid
from demo.stripe.ledger import Json

DEEPEST = 4
# field -> the kinds of object its id may name
REFERENCES = {
    "payment_intent": ("payment_intent",),
    "latest_charge": ("charge",),
    "charge": ("charge",),
    "customer": ("customer",),
    "payment_method": ("payment_method",),
    "balance_transaction": ("balance_transaction",),
    "product": ("product",),
    "source": ("charge", "refund", "dispute"),
    "subscription": ("subscription",),
    "invoice": ("invoice",),
    "latest_invoice": ("invoice",),
    "default_payment_method": ("payment_method",),
    "price": ("price",),
    "failure_balance_transaction": ("balance_transaction",),
}
# Fields that not every object of its kind has; to expand them is never wrong.
ABSENT_FROM_SOME = {
    ("refund", "failure_balance_transaction"),
    ("radar.early_fraud_warning", "payment_intent"),
}


def expand(account: Account, answer: Json, paths: list[str]) -> Json:
    """Raises StripeError for a path that leads nowhere."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise invalid(f"You cannot expand more than {DEEPEST} levels: {path}", param="expand")
        _expand_path(account, answer, steps, path)
    return answer


def _expand_path(account: Account, place: Json, steps: list[str], path: str) -> None:
    step, rest = steps[0], steps[1:]
    if step == "data" and place.get("object") == "list":
        for entry in place["data"]:
            _expand_path(account, entry, rest, path)
        return
    _fill(account, place, step, path)
    inner = place.get(step)
    if rest and isinstance(inner, dict):
        _expand_path(account, inner, rest, path)


def _fill(account: Account, place: Json, step: str, path: str) -> None:
    kind = place.get("object")
    if kind == "checkout.session" and step == "line_items":
        place[step] = line_items(account, place["id"])
    elif kind == "invoice" and step == "payments":
        place[step] = invoice_payments(account, place["id"])
    elif kind == "charge" and step == "refunds":
        place[step] = _refunds(account, place["id"])
    elif step not in place and (kind, step) in ABSENT_FROM_SOME:
        return
    elif step not in place or (isinstance(place[step], str) and step not in REFERENCES):
        raise _not_expandable(path)
    elif isinstance(place[step], str):
        place[step] = _load(account, step, place[step], path)


def _load(account: Account, step: str, object_id: str, path: str) -> Json:
    for kind in REFERENCES[step]:
        found = account.ledger.find(kind, object_id)
        if found is not None:
            return account.show_line(found) if kind == "balance_transaction" else found
    raise _not_expandable(path)


def _not_expandable(path: str) -> StripeError:
    return invalid(f"This property cannot be expanded ({path}).", param="expand")


def line_items(account: Account, session_id: str) -> Json:
    return {
        "object": "list",
        "data": account.ledger.private(session_id)["line_items"],
        "has_more": False,
        "url": f"/v1/checkout/sessions/{session_id}/line_items",
    }


def invoice_payments(account: Account, invoice_id: str) -> Json:
    known = account.ledger.all("invoice_payment")
    return {
        "object": "list",
        "data": [one for one in known if one["invoice"] == invoice_id],
        "has_more": False,
        "url": f"/v1/invoice_payments?invoice={invoice_id}",
    }


def _refunds(account: Account, charge_id: str) -> Json:
    """The ten latest, as Stripe includes them."""
    made = [one for one in account.ledger.all("refund") if one["charge"] == charge_id]
    return {
        "object": "list",
        "data": made[:10],
        "has_more": len(made) > 10,
        "url": f"/v1/charges/{charge_id}/refunds",
    }
