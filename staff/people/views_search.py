"""The free-text search: an answer that grows while boxes are opened, on any browser.

What is looked for comes by post and stands in no address, no log and no file.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import render_template, stream_template
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from config.languages import current_language
from donate.funds import FUNDS
from petitions.queries import petition_titles
from staff.access import opener, staff
from staff.log.views_sightings import note_giver_seen, note_listed
from staff.people.forms_search import FindForm
from staff.people.search import End, Hit, Progress, Terms, search
from staff.permissions import needs
from vault.services import Opener

Event = Hit | Progress | End


@staff.get("/contacts/find")
@needs("see-contacts")
def find() -> str:
    """Ask for words, and where to look."""
    titles = _titles()
    return render_template("staff/search.html", form=FindForm(None, titles=titles), events=None)


@staff.post("/contacts/find")
@needs("see-contacts")
def find_now() -> AnyResponse | tuple[str, int]:
    """Look through the boxes; each hit leaves as soon as the log has who it is."""
    titles = _titles()
    form = FindForm(titles=titles)
    is_valid, terms = form.validate(), Terms(form.words.data or "")
    if not is_valid or not terms:
        form.words.errors = form.words.errors or [_("Enter a word to look for.")]
        return render_template("staff/search.html", form=form, events=None), 422
    events = _events(terms, form, opener())
    page = stream_template(
        "staff/search.html", form=form, events=events, titles=titles, terms=terms
    )
    response = AnyResponse(page, mimetype="text/html")
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold the answer back
    return response


def _events(terms: Terms, form: FindForm, key: Opener) -> Iterator[Event]:
    """The search, its hits held back until they are noted in the log."""
    campaign, hits = form.campaign.data or "", list[Hit]()
    for event in search(terms, campaign, key, form.after.data or ""):
        if isinstance(event, Hit):
            hits.append(event)
            continue
        seen = [hit.row.contact_id for hit in hits if hit.row.contact_id]
        for hit in hits:
            if hit.row.contact_id is None:  # an announced transfer belongs to nobody yet
                note_giver_seen(hit.row.kind, hit.row.id, None)
        note_listed(seen, by="words", **({"campaign": campaign} if campaign else {}))
        yield from hits
        hits.clear()
        yield event


def _titles() -> dict[str, str]:
    titles = petition_titles(current_language())
    return {**titles, **{slug: str(name) for slug, name in FUNDS.items()}}
