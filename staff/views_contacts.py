"""Contacts: the list, the search for one address, one person's page, the export."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Response, abort, redirect, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from config.languages import current_language
from donate.funds import FUNDS
from petitions.queries import petition_titles
from staff import deeds, services
from staff.access import opener, signed_in, staff
from staff.deeds import PAGE, Filters
from staff.exports import csv_of_deeds
from staff.forms import FilterForm, SearchForm
from staff.people import find_by_email, open_deeds, open_person
from staff.permissions import needs

_FILTERS = ("kind", "campaign", "state", "newsletter")


@staff.get("/contacts")
@needs("see-contacts")
def contacts() -> str:
    """Deeds of all kinds, the newest first, fifty a page."""
    return _list_page(SearchForm(formdata=None))


@staff.post("/contacts/search")
@needs("see-contacts")
def search_contacts() -> AnyResponse | tuple[str, int]:
    """Find a person by the exact address; a post, so that no address stands in a log."""
    form = SearchForm()
    if not form.validate():
        return _list_page(form), 422
    found = find_by_email(form.email.data or "", opener())
    if found is None:
        form.email.errors = [_("Nobody is known by this address.")]
        return _list_page(form), 404
    return redirect(url_for("staff.person", contact_id=found), 303)


@staff.get("/contacts/<uuid:contact_id>")
@needs("see-contacts")
def person(contact_id: uuid.UUID) -> str:
    """Everything that one person did."""
    return person_page(contact_id)


@staff.post("/contacts/export")
@needs("export-contacts")
def export_contacts() -> AnyResponse:
    """The list as CSV; written into the audit log before the first row leaves."""
    filters, now = _filters(_filter_form(request.form)), datetime.now(UTC)
    key = opener()
    count = deeds.count_deeds(filters)
    services.record_export(signed_in().id, count, filters.chosen(), now)
    db.session.commit()
    lines = csv_of_deeds(deeds.all_deeds(filters), key)
    response = Response(stream_with_context(lines), mimetype="text/csv")
    name = f"contacts-{now.date().isoformat()}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def person_page(contact_id: uuid.UUID, typed: Mapping[uuid.UUID, str] | None = None) -> str:
    """One person's page; `typed` are notes that were not kept, by sign-up."""
    found = open_person(contact_id, opener()) or abort(404)
    return render_template("staff/person.html", person=found, titles=_titles(), typed=typed or {})


def _list_page(search: SearchForm) -> str:
    form = _filter_form(request.args)
    filters = _filters(form)
    titles, key = _titles(), opener()
    rows = deeds.page_of_deeds(filters, request.args.get("after", ""))
    db.session.rollback()  # a search is a post and took the write lock: not while boxes are opened
    return render_template(
        "staff/contacts.html",
        search=search,
        form=form,
        filters=filters,
        deeds=open_deeds(rows[:PAGE], key),
        next_place=rows[PAGE - 1].place if len(rows) > PAGE else None,
        titles=titles,
    )


def _filter_form(given: MultiDict[str, str]) -> FilterForm:
    return FilterForm(given, petitions=petition_titles(current_language()), funds=FUNDS)


def _filters(form: FilterForm) -> Filters:
    """The filters that were chosen; what is not on a list filters nothing."""
    form.validate()
    chosen = {name: "" if form[name].errors else form[name].data or "" for name in _FILTERS}
    return Filters(**chosen)


def _titles() -> dict[str, str]:
    """What petitions and funds are called."""
    return {**petition_titles(current_language()), **{k: str(v) for k, v in FUNDS.items()}}
