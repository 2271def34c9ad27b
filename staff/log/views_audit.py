"""The audit log, for administrators: read, and checked with their own key."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from config.database import begin_read, begin_write, db
from staff import audit
from staff.access import opener, signed_in, staff
from staff.log import alerts, audit_check
from staff.log.audit_check import Head, NoChain, NotVouchedFor, parse_head
from staff.log.words_audit import VIEW_NAMES, VIEWS, unreadable_in_words, verdict_in_words
from staff.permissions import needs
from staff.queries import staff_names
from vault.services import CannotOpen


@staff.get("/audit")
@needs("see-audit")
def audit_log() -> str:
    """Who changed, saw and took what, the newest first."""
    before, kind = request.args.get("before", type=_number), request.args.get("show", "")
    events = audit.recent_events(before, VIEWS.get(kind, ()))
    unseen = [] if before else alerts.unseen_exports(signed_in().id)
    page = render_template(
        "staff/audit.html",
        events=events[: audit.PAGE],
        unreadable=unreadable_in_words(events),
        names=staff_names(),
        next_before=events[audit.PAGE - 1].seq if len(events) > audit.PAGE else None,
        kind=kind if kind in VIEWS else "",
        view_names=VIEW_NAMES,
        is_first_page=before is None,
        unseen=unseen,
        mailed=alerts.last_mailed_head(),
        has_enough_readers=alerts.has_enough_readers(),
    )
    if unseen:
        begin_write()
        alerts.record_looked(signed_in().id, unseen[0].seq, datetime.now(UTC))
        db.session.commit()
    return page


@staff.post("/audit/verify")
@needs("see-audit")
def verify_audit() -> AnyResponse:
    """Check every event with the key of who asks; the answer is noted in the log."""
    typed = request.form.get("head", "")
    head = parse_head(typed)
    if typed.strip() and head is None:
        flash(_("This is no mark from a mail. It looks like 17:9f86d0… and has 64 letters and "
                "digits behind the colon."), "bad")  # fmt: skip
    else:
        flash(*_verify(head))
    return redirect(url_for("staff.audit_log"), 303)


def _verify(head: Head | None) -> tuple[str, str]:
    """The answer in words, and whether it is a good one."""
    key = opener()
    begin_read()
    try:
        verdict = audit_check.check(key, head)
    except (NoChain, NotVouchedFor, CannotOpen) as reason:
        return verdict_in_words(reason), "bad"
    begin_write()
    alerts.record_verified(signed_in().id, verdict, datetime.now(UTC))
    db.session.commit()
    return verdict_in_words(verdict), "good" if verdict.holds else "bad"


def _number(text: str) -> int:
    """No larger than a database holds."""
    return min(max(int(text), 0), 2**31 - 1)
