"""What the names in the database are called on the pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from babel.dates import format_skeleton
from flask_babel import lazy_gettext as _

from config.languages import current_language
from donate.money import format_amount
from volunteers.forms import AVAILABILITY, SKILLS
from web.countries import country_name

KINDS: dict[str, Any] = {
    "signature": _("Signature"),
    "volunteer": _("Volunteer"),
    "donation": _("Donation"),
}

BY_COUNTRY: dict[str, Any] = {
    "signature": _("Signatures by country"),
    "volunteer": _("Volunteers by country"),
    "donation": _("Donations by country"),
}

STATES: dict[str, Any] = {
    "pending": _("unconfirmed"),
    "confirmed": _("confirmed"),
    "repeated": _("repeated"),
    "new": _("new"),
    "contacted": _("contacted"),
    "active": _("active"),
    "declined": _("declined"),
    "created": _("begun"),
    "open": _("at Stripe"),
    "paid": _("paid"),
    "failed": _("failed"),
    "expired": _("not finished"),
}


MAIL_STATES: dict[str, Any] = {
    "queued": _("waiting"),
    "sending": _("being sent"),
    "failed": _("failed"),
    "sent": _("sent"),
    "expired": _("too old to send"),
    "unreadable": _("key lost"),
}

MAIL_KINDS: dict[str, Any] = {
    "confirm-signature": _("Confirmation of a signature"),
    "confirm-sign-up": _("Confirmation of a sign-up"),
    "thank-you": _("Thanks for a donation"),
}

ACTIONS: dict[str, Any] = {
    "vault.initialised": _("Vault made"),
    "staff.created": _("Staff member added"),
    "staff.signed-in": _("Signed in"),
    "staff.signed-out": _("Signed out"),
    "index-key.restored": _("Index key restored"),
    "volunteer.moved": _("Volunteer moved"),
    "volunteer.noted": _("Note written"),
    "contacts.exported": _("Contacts exported"),
    "mail.requeued": _("Mail queued again"),
}


def called(words: dict[str, Any], name: str) -> str:
    """What a name is called; the name itself where nobody has called it anything."""
    return str(words.get(name, name))


PURPOSES: dict[str, Any] = {
    "signature": _("To sign"),
    "volunteering": _("To volunteer"),
    "newsletter": _("To get the newsletter"),
}

# Where a volunteer may be moved to from each state; a step back is there for a slip of the hand.
STEPS: dict[str, tuple[str, ...]] = {
    "new": ("contacted", "active", "declined"),
    "contacted": ("active", "declined"),
    "active": ("contacted", "declined"),
    "declined": ("contacted",),
}


def money(minor: int, currency: str) -> str:
    """An amount of minor units in words."""
    return format_amount(minor, currency, current_language())


def month(text: str) -> str:
    """A month such as 2026-03 in words."""
    first = date.fromisoformat(f"{text}-01")
    return str(format_skeleton("yMMMM", first, locale=current_language()))


def country(code: str) -> str:
    """A country's name in the reader's language."""
    return country_name(code, current_language())


def skills(names: list[str]) -> str:
    """What a volunteer can do, in words."""
    return ", ".join(called(dict(SKILLS), name) for name in names)


def availability(name: str) -> str:
    """How much time a volunteer has, in words."""
    return called(dict(AVAILABILITY), name)


FILTERS: dict[str, Callable[..., str]] = {
    "money": money,
    "month": month,
    "country": country,
    "skills": skills,
    "availability": availability,
}
FOR_TEMPLATES: dict[str, Any] = {
    "kinds": KINDS,
    "by_country": BY_COUNTRY,
    "states": STATES,
    "mail_states": MAIL_STATES,
    "mail_kinds": MAIL_KINDS,
    "actions": ACTIONS,
    "purposes": PURPOSES,
    "steps": STEPS,
}
