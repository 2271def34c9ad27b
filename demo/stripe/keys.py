"""The keys of the account: one that may do all, and restricted ones that may do what is ticked.

docs.stripe.com/keys/restricted-api-keys: each area is closed, open to read, or open to write, and
who may write may read. Refunds belong to the area of charges.
"""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from demo.stripe.errors import StripeError

TEST_KEYS = ("sk_test_", "rk_test_")
# first part of the address -> area
AREAS = {
    "balance": "balance",
    "balance_transactions": "balance_transaction_source",
    "billing_portal": "customer_portal",
    "charges": "charge",
    "checkout": "checkout_session",
    "customers": "customer",
    "disputes": "dispute",
    "events": "event",
    "invoice_payments": "invoice",
    "invoices": "invoice",
    "payment_intents": "payment_intent",
    "payment_methods": "payment_method",
    "prices": "plan",
    "products": "product",
    "radar": "radar",
    "refunds": "charge",
    "subscriptions": "subscription",
    "webhook_endpoints": "webhook",
}
PERMISSIONS = frozenset(
    f"rak_{area}_{deed}" for area in AREAS.values() for deed in ("read", "write")
)


class LiveKeyRefused(ValueError):
    """A key that is not a test key must never come near a stand-in."""


class UnknownPermission(ValueError):
    """Not one of PERMISSIONS."""


@dataclass
class Keyring:
    """The unrestricted key, and the restricted ones with their permissions."""

    secret_key: str
    restricted: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_test_key(self.secret_key, TEST_KEYS)

    def add(self, key: str, permissions: Collection[str]) -> None:
        """Raises LiveKeyRefused, UnknownPermission."""
        _check_test_key(key, TEST_KEYS[1:])
        strange = set(permissions) - PERMISSIONS
        if strange:
            raise UnknownPermission(
                f"{', '.join(sorted(strange))}: not known. There are:"
                f" {', '.join(sorted(PERMISSIONS))}"
            )
        self.restricted[key] = frozenset(permissions)

    def admit(self, key: str | None, method: str, path: str) -> None:
        """Raises StripeError: 401 without a known key, 403 for what the key may not do."""
        if not key:
            raise StripeError(
                401,
                "invalid_request_error",
                "You did not provide an API key. Give it as a Bearer token, or as the user of"
                " basic authentication.",
            )
        if _same(key, self.secret_key):
            return
        for known, permissions in self.restricted.items():
            if _same(key, known):
                _check_permission(key, permissions, method, path)
                return
        raise StripeError(401, "invalid_request_error", f"Invalid API Key provided: {_shown(key)}")


def keyring_of(secret_key: str, restricted: Mapping[str, Collection[str]]) -> Keyring:
    """Raises LiveKeyRefused, UnknownPermission."""
    made = Keyring(secret_key)
    for key, permissions in restricted.items():
        made.add(key, permissions)
    return made


def _check_test_key(key: str, prefixes: tuple[str, ...]) -> None:
    if not key.startswith(prefixes):
        raise LiveKeyRefused(
            f"The stand-in takes test keys only: {' or '.join(f'{one}…' for one in prefixes)}"
        )


def _check_permission(key: str, permissions: Collection[str], method: str, path: str) -> None:
    area = AREAS.get(path.removeprefix("/v1/").split("/")[0])
    if area is None:
        return  # nothing is there; the answer will say so
    writing = f"rak_{area}_write"
    needed = f"rak_{area}_read" if method == "GET" else writing
    if not {needed, writing} & set(permissions):
        raise StripeError(
            403,
            "invalid_request_error",
            f"The provided key '{_shown(key)}' does not have the required permissions for this"
            f" endpoint. Having the '{needed}' permission would allow this request to continue.",
        )


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


def _shown(key: str) -> str:
    return f"{key[:8]}{'*' * 12}{key[-4:]}" if len(key) > 16 else "*" * len(key)
