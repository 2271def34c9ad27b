"""Reads what a caller sent: Stripe's bracketed form encoding, and the checks that need no
description.
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from demo.stripe.errors import StripeError, invalid, missing, unknown

Params = dict[str, Any]

METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500


def decode(encoded: str) -> Params:
    """`a[b][0]=c` -> {"a": {"b": {"0": "c"}}}; `a[]=c` counts upward."""
    root: Params = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        place = root
        *path, last = re.findall(r"[^\[\]]+", name) + ([""] if name.endswith("[]") else [])
        for step in path:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise invalid(f"Invalid object: {name}", param=name)
        place[last or str(len(place))] = value
    return root


def refuse_others(params: Params, carried: Iterable[str], within: str = "") -> None:
    """Refuse what the stand-in does not carry out: silence would look like success."""
    for name in sorted(params.keys() - set(carried)):
        raise unknown(f"{within}[{name}]" if within else name)


def text(params: Params, name: str, *, limit: int = 5000, param: str = "") -> str | None:
    """A string, or None when absent or empty (an empty string unsets, in Stripe's API)."""
    value = params.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise invalid("Invalid string", param=param or name)
    if len(value) > limit:
        raise invalid(f"Invalid string: must be at most {limit} characters", param=param or name)
    return value


def required(params: Params, name: str, *, param: str = "") -> str:
    value = text(params, name, param=param)
    if value is None:
        raise missing(param or name)
    return value


def integer(params: Params, name: str, *, param: str = "") -> int | None:
    value = text(params, name, param=param)
    if value is None:
        return None
    if not re.fullmatch(r"-?\d{1,18}", value):
        raise _not_integer(value, param or name)
    return int(value)


def _not_integer(value: str, param: str) -> StripeError:
    return invalid(f"Invalid integer: {value}", param=param, code="parameter_invalid_integer")


def flag(params: Params, name: str, *, param: str = "") -> bool | None:
    value = text(params, name, param=param)
    if value not in {None, "true", "false"}:
        raise invalid(f"Invalid boolean: {value}", param=param or name)
    return None if value is None else value == "true"


def choice(params: Params, name: str, allowed: Iterable[str]) -> str | None:
    value = text(params, name)
    known = list(allowed)
    if value is not None and value not in known:
        raise invalid(f"Invalid {name}: must be one of {', '.join(known)}", param=name)
    return value


def nested(params: Params, name: str) -> Params:
    value = params.get(name, {})
    if value == "":
        return {}
    if not isinstance(value, dict):
        raise invalid("Invalid object", param=name)
    return value


def items(params: Params, name: str) -> list[Any]:
    return list(nested(params, name).values())


def metadata(params: Params, within: str = "") -> dict[str, str]:
    """Up to 50 keys of 40 characters with values of 500 (docs.stripe.com/api/metadata)."""
    given = nested(params, "metadata")
    if len(given) > METADATA_KEYS:
        raise invalid(f"Metadata can have at most {METADATA_KEYS} keys", param="metadata")
    for key, value in given.items():
        where = f"{within}[metadata][{key}]" if within else f"metadata[{key}]"
        if not isinstance(value, str):
            raise invalid("Metadata values must be strings", param=where)
        if len(key) > METADATA_KEY_LENGTH or len(value) > METADATA_VALUE_LENGTH:
            raise invalid("Metadata keys or values are too long", param=where)
    return given


def web_address(params: Params, name: str) -> str | None:
    value = text(params, name)
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise invalid(
            "Not a valid URL: give a scheme such as https://", param=name, code="url_invalid"
        )
    return value
