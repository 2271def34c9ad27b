"""Step-up: what harms most is done only by who gave passphrase and code a moment ago.

A view is marked with `@stepped_up`; the door asks (`views_step_up`), and what was posted is carried
on, so that nothing typed is lost. Signing in counts (ASVS 5.0, 7.5.3).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flask import request

View = TypeVar("View", bound=Callable[..., Any])

FRESH = timedelta(minutes=5)
PREFIX = "step_up_"  # of the fields that the page adds; nothing else may begin so
NOT_CARRIED = {"csrf_token", "current", "passphrase", "again"}  # secrets: typed anew instead
PASSPHRASE, CODE = f"{PREFIX}passphrase", f"{PREFIX}code"


def stepped_up(view: View) -> View:
    """Mark a view that wants passphrase and code given anew, five minutes ago at most."""
    view.is_stepped_up = True  # type: ignore[attr-defined]
    return view


def wants_step_up(view: Callable[..., Any] | None) -> bool:
    """Whether a view is marked."""
    return getattr(view, "is_stepped_up", False)


def is_fresh(stepped_up_at: datetime | None, now: datetime) -> bool:
    """Whether passphrase and code were given a moment ago; a moment yet to come is made up."""
    return stepped_up_at is not None and timedelta(0) <= now - stepped_up_at < FRESH


def carried_on() -> list[tuple[str, str]]:
    """The posted fields that the page carries to the same address, in the order they came in.

    No passphrase among them: a page in a browser's memory is no place for one.
    """
    return [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name not in NOT_CARRIED and not name.startswith(PREFIX)
    ]
