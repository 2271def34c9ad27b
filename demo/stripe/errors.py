"""Refusals in the shape of Stripe's API (docs.stripe.com/api/errors)."""

from typing import Any


class StripeError(Exception):
    """An answer other than success; `body()` is what the caller reads."""

    def __init__(self, status: int, kind: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"type": kind, "message": message} | {k: v for k, v in details.items() if v}

    def body(self) -> dict[str, Any]:
        return {"error": self.error}


def invalid(message: str, *, param: str = "", code: str = "") -> StripeError:
    """400: the request itself is wrong."""
    return StripeError(400, "invalid_request_error", message, param=param, code=code)


def missing(param: str) -> StripeError:
    return invalid(f"Missing required param: {param}.", param=param, code="parameter_missing")


def unknown(param: str) -> StripeError:
    return invalid(f"Received unknown parameter: {param}", param=param, code="parameter_unknown")


def no_such(kind: str, object_id: str, param: str, *, in_body: bool = False) -> StripeError:
    """404 for an id in the address, 400 for one among the parameters."""
    return StripeError(
        400 if in_body else 404,
        "invalid_request_error",
        f"No such {kind}: '{object_id}'",
        param=param,
        code="resource_missing",
    )


def unrecognised_url(method: str, path: str) -> StripeError:
    return StripeError(
        404,
        "invalid_request_error",
        f"Unrecognized request URL ({method}: {path}). The stand-in does not carry it.",
    )


def key_reused() -> StripeError:
    return StripeError(
        400,
        "idempotency_error",
        "Keys for idempotent requests can only be used with the same parameters they were first"
        " used with. Use another key, or repeat the first request exactly.",
    )


def rate_limited() -> StripeError:
    return StripeError(
        429, "invalid_request_error", "Too many requests, too quickly.", code="rate_limit"
    )


def broken(message: str) -> StripeError:
    return StripeError(500, "api_error", message)
