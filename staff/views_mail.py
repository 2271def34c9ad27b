"""The outbox as staff see it: counts, states and codes, never an address."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from mail.models import State
from mail.queries import PAGE, counts_by_state, recent_emails
from staff import services
from staff.access import signed_in, staff
from staff.permissions import needs


@staff.get("/mail")
@needs("manage-mail")
def mail() -> str:
    """How many mails stand where, and the newest of them."""
    state = request.args.get("state", "")
    chosen = State(state) if state in set(State) else None
    page = request.args.get("page", 1, type=_page_number)
    rows = recent_emails(page, chosen, PAGE + 1)
    return render_template(
        "staff/mail.html",
        counts=counts_by_state(),
        chosen=chosen,
        emails=rows[:PAGE],
        page=page,
        has_more=len(rows) > PAGE,
    )


@staff.post("/mail/<uuid:email_id>/requeue")
@needs("manage-mail")
def requeue_mail(email_id: uuid.UUID) -> AnyResponse:
    """Give a failed mail another round."""
    try:
        services.requeue_mail(email_id, signed_in().id, datetime.now(UTC))
    except services.NotFailed:
        db.session.rollback()
        flash(_("This mail cannot be sent any more, or waits already. Nothing was changed."), "bad")
    else:
        db.session.commit()
        flash(_("The mail waits to be sent again."), "good")
    return redirect(url_for("staff.mail", state=State.FAILED.value), 303)


def _page_number(text: str) -> int:
    return min(max(int(text), 1), 100_000)
