"""The page "Safety" for administrators: which promise holds on this installation."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import render_template

from config.settings import settings
from safety.promises import Holds, check_promises
from staff.access import staff
from staff.permissions import needs


@staff.get("/safety")
@needs("see-safety")
def safety() -> str:
    """Every promise, asked of machine and database at this moment."""
    promises = check_promises(settings(), datetime.now(UTC))
    return render_template(
        "staff/safety.html",
        groups=[(state, [one for one in promises if one.holds == state]) for state in Holds],
        total=len(promises),
    )
