"""Copies of their data that people asked for: which wait, and one click that releases one."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from config.database import begin_read, begin_write, db
from contacts.my_data.copies import AlreadyReleased
from staff.access import opener, signed_in, staff
from staff.door.step_up import stepped_up
from staff.log.views_sightings import note_seen
from staff.people import copies
from staff.people.copies import NoAddress, NotSent
from staff.permissions import needs


@staff.get("/copies", endpoint="copies")
@needs("release-copies")
def waiting_copies() -> str:
    """Who waits for a copy: days, no names."""
    return render_template("staff/copies.html", copies=copies.waiting_copies())


@staff.get("/copies/<uuid:request_id>")
@needs("release-copies")
def waiting_copy(request_id: uuid.UUID) -> str | AnyResponse:
    """Whose copy it is, what it will hold and where its link goes: to be looked at first."""
    try:
        wish, shown = copies.preview(request_id, opener(), datetime.now(UTC))
    except (AlreadyReleased, NoAddress) as fault:
        return _refused(fault)
    page = render_template("staff/copy.html", copy=wish, shown=shown)
    note_seen(wish.contact_id)
    return page


@staff.post("/copies/<uuid:request_id>/release")
@needs("release-copies")
@stepped_up
def release_copy(request_id: uuid.UUID) -> AnyResponse:
    """Open all boxes, seal the copy for the person's link, and queue the mail with it."""
    key, now = opener(), datetime.now(UTC)
    try:
        begin_read()  # no write lock while boxes are opened
        wish, email, files = copies.write_copy(request_id, key, now)
        begin_write()
        copies.release_copy(wish, email, files, signed_in().id, now)
        db.session.commit()
        flash(_("The copy is released. A mail with the link is on its way to the person."), "good")
    except (AlreadyReleased, NoAddress, NotSent) as fault:
        return _refused(fault)
    return redirect(url_for("staff.copies"), 303)


def _refused(fault: AlreadyReleased | NoAddress | NotSent) -> AnyResponse:
    db.session.rollback()
    words = {
        AlreadyReleased: _("Nobody waits for this copy any more."),
        NoAddress: _("The person’s address cannot be opened: there is nowhere to send it."),
        NotSent: _("No mail could be queued, so that nothing is released. Try it again."),
    }
    flash(words[type(fault)], "bad")
    return redirect(url_for("staff.copies"), 303)
