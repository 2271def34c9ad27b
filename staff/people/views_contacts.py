"""Contacts: the list, the search for one address, one person's page, the export.

Whoever is shown is noted in the audit log by id, before the page leaves.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from flask import abort, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from config.database import db
from config.languages import current_language
from donate.funds import FUNDS
from petitions.queries import petition_titles
from staff import services
from staff.access import opener, signed_in, staff
from staff.door.step_up import stepped_up
from staff.forms import FilterForm, SearchForm
from staff.log.views_sightings import note_listed, note_seen
from staff.people import deeds
from staff.people.current import open_current
from staff.people.deeds import PAGE, Filters
from staff.people.exports import csv_of_deeds
from staff.people.forms_export import ExportForm
from staff.people.persons import find_by_email, open_person
from staff.people.views_exports import download
from staff.permissions import needs

_FILTERS = ("kind", "campaign", "state", "newsletter")


@staff.get("/contacts")
@needs("see-contacts")
def contacts() -> str:
    """Deeds of all kinds, the newest first, fifty a page."""
    return _list_page(SearchForm(None), _filter_form(request.args))


@staff.post("/contacts/search")
@needs("see-contacts")
def search_contacts() -> AnyResponse | tuple[str, int]:
    """Find a person by the exact address; a post, so that no address stands in a log."""
    form = SearchForm()
    if not form.validate():
        return _list_page(form, _filter_form(request.args)), 422
    key, now = opener(), datetime.now(UTC)
    found = find_by_email(form.email.data or "", key, signed_in().id, now)
    db.session.commit()
    if found is None:
        form.email.errors = [_("Nobody is known by this address.")]
        return _list_page(form, _filter_form(request.args)), 404
    return redirect(url_for("staff.person", contact_id=found), 303)


@staff.get("/contacts/<uuid:contact_id>")
@needs("see-contacts")
def person(contact_id: uuid.UUID) -> str:
    """Everything that one person did."""
    return person_page(contact_id)


@staff.post("/contacts/export")
@needs("export-contacts")
@stepped_up
def export_contacts() -> AnyResponse:
    """The list as a table; it is in the audit log, and others are told, before a row leaves."""
    chosen, form, now = _filter_form(request.form), ExportForm(), datetime.now(UTC)
    if not form.is_accepted():
        return make_response(_list_page(SearchForm(None), chosen, form), 422)
    filters, key = _filters(chosen), opener()
    count = deeds.count_deeds(filters)
    services.record_export(signed_in().id, count, filters.chosen(), form.sealed_for(), now)
    db.session.commit()
    lines = csv_of_deeds(deeds.all_deeds(filters), key)
    return download(lines, f"contacts-{now.date().isoformat()}", form.sealed_for())


def person_page(contact_id: uuid.UUID, typed: Mapping[uuid.UUID, str] | None = None) -> str:
    """One person's page; `typed` are notes that were not kept, by sign-up."""
    found = open_person(contact_id, opener()) or abort(404)
    page = render_template("staff/person.html", person=found, titles=_titles(), typed=typed or {})
    note_seen(contact_id)
    return page


def _list_page(search: SearchForm, form: FilterForm, export: ExportForm | None = None) -> str:
    filters = _filters(form)
    titles, key = _titles(), opener()
    rows = deeds.page_of_deeds(filters, request.args.get("after", ""))
    db.session.rollback()  # a search is a post and took the write lock: not while boxes are opened
    page = render_template(
        "staff/contacts.html",
        search=search,
        form=form,
        export_form=export or ExportForm.fresh(),
        filters=filters,
        deeds=open_current(rows[:PAGE], key),
        next_place=rows[PAGE - 1].place if len(rows) > PAGE else None,
        titles=titles,
    )
    note_listed([row.contact_id for row in rows[:PAGE]], **filters.chosen())
    return page


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
