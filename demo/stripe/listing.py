"""Lists: newest first, filtered, a page at a time (docs.stripe.com/api/pagination)."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from demo.stripe.account import Account
from demo.stripe.errors import invalid, no_such
from demo.stripe.ledger import Json
from demo.stripe.params import Params, flag, integer, items, nested, refuse_others, text

EVENT_AGE = 30 * 86_400  # how long Stripe's API shows an event, in seconds
BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda created, bound: created > bound,
    "gte": lambda created, bound: created >= bound,
    "lt": lambda created, bound: created < bound,
    "lte": lambda created, bound: created <= bound,
}
PAGING = ("limit", "starting_after", "ending_before", "created", "expand")


def list_objects(
    account: Account, kind: str, path: str, params: Params, filters: Iterable[str] = ()
) -> Json:
    """Objects of a kind whose fields equal the given filters."""
    refuse_others(params, (*PAGING, *filters))
    found = filtered(account, kind, params, filters)
    return page(kind, within(found, params), path, params)


def filtered(account: Account, kind: str, params: Params, filters: Iterable[str]) -> list[Json]:
    """Those of a kind whose own fields equal the given filters, newest first."""
    wanted = {name: text(params, name) for name in filters if text(params, name) is not None}
    return [
        one
        for one in account.ledger.all(kind)
        if all(one.get(name) == value for name, value in wanted.items())
    ]


def list_lines(account: Account, path: str, params: Params) -> Json:
    answer = list_objects(
        account, "balance_transaction", path, params, ("source", "type", "currency")
    )
    answer["data"] = [account.show_line(line) for line in answer["data"]]
    return answer


SESSION_FILTERS = ("payment_intent", "customer", "status", "subscription")


def list_sessions(account: Account, path: str, params: Params) -> Json:
    """Checkout sessions; `customer_details[email]` finds those whose payer has typed it."""
    refuse_others(params, (*PAGING, *SESSION_FILTERS, "customer_details"))
    found = filtered(account, "checkout.session", params, SESSION_FILTERS)
    asked = nested(params, "customer_details")
    refuse_others(asked, ("email",), "customer_details")
    if email := text(asked, "email"):
        found = [one for one in found if (one["customer_details"] or {}).get("email") == email]
    return page("checkout.session", within(found, params), path, params)


def list_events(account: Account, path: str, params: Params) -> Json:
    """The events of the last thirty days; `delivery_success=false` finds those some endpoint has
    not taken.
    """
    refuse_others(params, (*PAGING, "type", "types", "delivery_success"))
    kinds = [*items(params, "types"), *filter(None, [text(params, "type")])]
    delivered = flag(params, "delivery_success")
    oldest = account.now() - EVENT_AGE
    found = [
        account.show_event(one)
        for one in account.ledger.all("event")
        if one["created"] >= oldest
        and (not kinds or any(fnmatchcase(one["type"], kind) for kind in kinds))
    ]
    if delivered is not None:
        found = [one for one in found if (one["pending_webhooks"] == 0) == delivered]
    return page("event", within(found, params), path, params)


def page(kind: str, found: list[Json], path: str, params: Params) -> Json:
    """One page of what was found, counted from the cursor."""
    limit = integer(params, "limit")
    limit = 10 if limit is None else limit
    if not 1 <= limit <= 100:
        raise invalid("Invalid limit: must be between 1 and 100", param="limit")
    after, before = text(params, "starting_after"), text(params, "ending_before")
    if after and before:
        raise invalid("Give starting_after or ending_before, not both.", param="starting_after")
    if after:
        found = found[_place(kind, found, after, "starting_after") + 1 :]
    if before:
        found = found[: _place(kind, found, before, "ending_before")]
    more = len(found) > limit
    shown = found[-limit:] if before else found[:limit]
    return {"object": "list", "data": shown, "has_more": more, "url": path}


def _place(kind: str, found: list[Json], object_id: str, param: str) -> int:
    for place, one in enumerate(found):
        if one["id"] == object_id:
            return place
    raise no_such(kind, object_id, param, in_body=True)


def within(found: list[Json], params: Params) -> list[Json]:
    """Those whose `created` fits, as an exact second or as bounds."""
    if isinstance(params.get("created"), str):
        exact = integer(params, "created")
        return [one for one in found if one["created"] == exact]
    for name in nested(params, "created"):
        if name not in BOUNDS:
            raise invalid(f"Invalid bound: created[{name}]", param=f"created[{name}]")
        bound = integer(nested(params, "created"), name, param=f"created[{name}]") or 0
        found = [one for one in found if BOUNDS[name](one["created"], bound)]
    return found
