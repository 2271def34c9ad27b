"""What stands in a person's copy: all that is kept of them, once for programs and once to read.

Keys and states in the JSON are English and stay the same; the words to read are in the language in
which the copy was asked for. Who on the staff wrote a note is not theirs to know.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from flask import current_app, g, render_template
from markupsafe import Markup
from sqlalchemy import select

from config.database import db
from config.settings import ROOT, settings
from contacts.models import Contact
from contacts.my_data.words import KINDS, LABELS, PURPOSES, state_of
from donate.funds import fund_name
from donate.models import Donation, RecurringDonation
from petitions.queries import petition_titles
from staff.giving.donors import open_dedication
from staff.people.persons import OpenDeed, OpenNote, Person, open_box
from vault.services import Opener

FORMAT = 1
_GIFT = (
    "amount_minor", "currency", "fund", "campaign", "frequency", "state", "language", "method",
    "reference", "card_country", "paid_at", "started_at", "ended_at", "stripe_customer_id",
    "stripe_payment_intent_id", "stripe_subscription_id",
)  # fmt: skip


def write_files(person: Person, language: str, opener: Opener, now: datetime) -> dict[str, str]:
    """The two files of a copy by name. Reads the database, writes nothing anywhere."""
    content = content_of(person, language, opener, now)
    text = json.dumps(content, ensure_ascii=False, indent=1)
    return {"my-data.json": text, "my-data.html": _to_read(content, language)}


def content_of(person: Person, language: str, opener: Opener, now: datetime) -> dict[str, Any]:
    """All that is kept of one person, as plain values.

    Entries that name another address in their own box, or none, are counted and left out.
    """
    contact, own = db.session.get_one(Contact, person.id), person.addresses
    given = [deed for deed in person.deeds if deed.row.kind != "donation"]
    deeds = [deed for deed in given if own.have(deed.own_email)]
    paid = [
        (gift, open_box(opener, gift.__tablename__, gift.id, gift.sealed) if gift.sealed else None)
        for model in (Donation, RecurringDonation)
        for gift in _gifts(model, person)
    ]
    gifts = [(gift, giver) for gift, giver in paid if giver and own.have(giver.get("email"))]
    corrections = [one for one in person.corrections if own.have(one.email)]
    noted = [note for deed in deeds for note in person.notes.get(deed.row.id, [])]
    notes = [note for note in noted if own.have(note.email)]
    found: tuple[list[Any], ...] = (given, paid, person.corrections, noted)
    kept: tuple[list[Any], ...] = (deeds, gifts, corrections, notes)
    return {
        "format": FORMAT,
        "organisation": settings().organisation,
        "made_on": now.date().isoformat(),
        "contact": {
            "email": person.email,
            "earlier_emails": list(person.earlier),
            "language": contact.language,
            "known_since": contact.day.isoformat(),
            "newsletter": contact.newsletter,
            "discreet": contact.is_discreet,
            "state": contact.state,
        },
        "not_matched": sum(len(rows) for rows in found) - sum(len(rows) for rows in kept),
        "deeds": _deeds(deeds, notes, language),
        "gifts": [_gift(gift, giver, language, opener) for gift, giver in gifts],
        "corrections": [
            {"day": one.day.isoformat(), "details": one.details} for one in corrections
        ],
        "consents": [
            {
                "purpose": one.purpose,
                "is_given": one.is_given,
                "day": one.day.isoformat(),
                "language": one.language,
                "words": one.words,
            }
            for one in person.consents
            if one.is_genuine
        ],
    }


def _deeds(deeds: list[OpenDeed], notes: list[OpenNote], language: str) -> list[dict[str, Any]]:
    titles = petition_titles(language)
    return [
        {
            "kind": deed.row.kind,
            "about": titles.get(deed.row.subject, deed.row.subject),
            "state": deed.row.state,
            "day": deed.row.day.isoformat(),
            "language": deed.row.language,
            "details": _details(deed),
            "notes": [
                {"day": note.day.isoformat(), "text": note.text}
                for note in notes
                if note.signup_id == deed.row.id
            ],
        }
        for deed in deeds
    ]


def _details(deed: OpenDeed) -> dict[str, Any] | None:
    """What was given with it; None where the box does not open any more."""
    hidden = {"agreed"}  # hashes of words that stand among the consents
    if not deed.is_open:
        return None
    return {name: value for name, value in deed.details.items() if name not in hidden}


def _gifts(model: Any, person: Person) -> list[Any]:
    rows = select(model).where(model.contact_id == person.id)
    return list(db.session.scalars(rows.order_by(model.created_at)))


def _gift(
    gift: Donation | RecurringDonation, giver: dict[str, Any], language: str, opener: Opener
) -> dict[str, Any]:
    values = {name: _plain(getattr(gift, name)) for name in _GIFT if getattr(gift, name, None)}
    dedication = open_dedication(gift, opener)
    return {
        "kind": "gift" if isinstance(gift, Donation) else "recurring-gift",
        "about": fund_name(gift.fund, language),
        "day": gift.day.isoformat(),
        **values,
        "details": giver,
        "dedication": dedication.name if dedication else None,
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def _to_read(content: dict[str, Any], language: str) -> str:
    """The same as a page that needs nothing from anywhere, in a language of its reader's."""
    css = (ROOT / "static" / "copy.css").read_text("utf-8")
    style = Markup("<style>{}</style>").format(Markup(css))  # noqa: S704 - a file of ours
    with current_app._get_current_object().app_context():  # type: ignore[attr-defined]
        g.language = language  # not that of the member of staff
        words = {"kinds": KINDS, "purposes": PURPOSES, "state_of": state_of, "labels": LABELS}
        return render_template(
            "my_data/copy_file.html", copy=content, style=style, on=date.fromisoformat, **words
        )
