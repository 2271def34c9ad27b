"""What each role may do. A view names one permission; what nobody named is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

SIGNED_IN = "be-signed-in"
_TOTALS = frozenset({SIGNED_IN, "see-totals"})
_CONTACTS = _TOTALS | {
    "see-contacts", "review-volunteers", "export-contacts", "manage-mail", "release-copies",
}  # fmt: skip
# A single gift, with its day and amount, points at a person: not for those who see totals alone.
_GIFTS = frozenset({"see-donations", "manage-donations", "lift-guard"})

PERMISSIONS: dict[str, frozenset[str]] = {
    "viewer": _TOTALS,
    "editor": _TOTALS | {"set-goals"},
    "contacts": _CONTACTS | _GIFTS,
    "admin": _CONTACTS | _GIFTS | {"set-goals", "see-audit", "manage-staff", "see-safety"},
}
KNOWN = frozenset().union(*PERMISSIONS.values())
NOBODY_SIGNED_IN = "open"


def needs(permission: str) -> Callable[[View], View]:
    """Say which permission a view needs. Raises ValueError for one that no role has."""
    if permission not in KNOWN:
        raise ValueError(permission)
    return _mark(permission)


def open_to_everybody(view: View) -> View:
    """Mark a view that comes before signing in."""
    return _mark(NOBODY_SIGNED_IN)(view)


def permission_of(view: Callable[..., Any] | None) -> str | None:
    """The permission that a view named; None where it named none."""
    return getattr(view, "permission", None)


def is_allowed(role: str, permission: str) -> bool:
    """Whether a role has a permission."""
    return permission in PERMISSIONS.get(role, frozenset())


def _mark(permission: str) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return mark
