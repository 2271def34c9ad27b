"""The audit log, for administrators."""

from __future__ import annotations

from flask import render_template, request

from staff import audit
from staff.access import staff
from staff.permissions import needs
from staff.queries import staff_names


@staff.get("/audit")
@needs("see-audit")
def audit_log() -> str:
    """Who changed what, the newest first."""
    events = audit.recent_events(request.args.get("before", type=_number))
    return render_template(
        "staff/audit.html",
        events=events[: audit.PAGE],
        names=staff_names(),
        next_before=events[audit.PAGE - 1].seq if len(events) > audit.PAGE else None,
    )


def _number(text: str) -> int:
    """No larger than a database holds."""
    return min(max(int(text), 0), 2**31 - 1)
