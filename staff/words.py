"""What the names in the database are called on the pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import phonenumbers
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal
from flask_babel import lazy_gettext as _

from config.languages import current_language
from donate.currencies import decimals, exponent
from donate.funds import FUNDS
from donate.money import format_amount
from staff.giving import words as words_giving
from staff.team import words as words_team
from volunteers.forms import AVAILABILITY, SKILLS
from web.countries import country_name

KINDS: dict[str, Any] = {
    "signature": _("Signature"),
    "volunteer": _("Volunteer"),
    "donation": _("Donation"),
    "news": _("Only wants news"),
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

WORK_STEPS: dict[str, Any] = {
    "index": _("Addresses compared, doubles made one"),
    "mail": _("Lost confirmations written anew"),
    "re-seal": _("Sealed anew with the new key"),
    "archive": _("Put into the form that opens fast"),
}

MAIL_KINDS: dict[str, Any] = {
    "confirm-signature": _("Confirmation of a signature"),
    "confirm-sign-up": _("Confirmation of a sign-up"),
    "remind-signature": _("Reminder to confirm a signature"),
    "remind-sign-up": _("Reminder to confirm a sign-up"),
    "thank-you": _("Thanks for a donation"),
    "gift-pending": _("A gift is being confirmed"),
    "gift-failed": _("A payment did not go through"),
    "gift-expired": _("A payment page was closed"),
    "gift-refused-card": _("A card from a refused country"),
    "gift-refunded": _("A refund"),
    "renewal-action": _("A renewal to be confirmed"),
    "renewal-failed": _("A renewal that failed"),
    "recurring-changed": _("A recurring gift was changed"),
    "recurring-ended": _("A recurring gift ended"),
    "manage-giving": _("A private link to someone’s gifts"),
    "giving-alert": _("An alert about giving"),
    "audit-head": _("The mark of the audit log"),
    "export-alert": _("An alert about an export"),
    "team-alert": _("An alert about the team"),
    "vault-alarm": _("An alarm about the vault"),
    "my-data": _("A private link to someone’s data"),
    "my-copy": _("A copy of someone’s data"),
    "address-change": _("Confirmation of a new address"),
    "address-asked": _("A notice that a new address was asked for"),
    "confirm-newsletter": _("Confirmation of a wish for news"),
}

ACTIONS: dict[str, Any] = {
    "vault.initialised": _("Vault made"),
    "vault.rotated": _("Vault given a new key"),
    "vault.recovered": _("Vault opened with the recovery code"),
    "vault.code-renewed": _("Recovery code replaced"),
    "staff.created": _("Staff member added"),
    "staff.invited": _("Staff member invited"),
    "staff.enrolled": _("Passphrase set by invitation"),
    "staff.role-changed": _("Role changed"),
    "staff.removed": _("Staff member removed"),
    "staff.passphrase-changed": _("Passphrase changed"),
    "staff.signed-in": _("Signed in"),
    "staff.signed-out": _("Signed out"),
    "staff.stepped-up": _("Passphrase and code given again"),
    "staff.factor-set": _("Second factor set up"),
    "staff.sessions-ended": _("Sessions ended"),
    "index-key.restored": _("Index key restored"),
    "volunteer.moved": _("Volunteer moved"),
    "volunteer.noted": _("Note written"),
    "vault.alarm": _("Alarm: the vault cannot be used"),
    "vault.well": _("The vault can be used again"),
    "audit.looked": _("Exports of others looked at"),
    "audit.head-mailed": _("Mark of the log mailed"),
    "audit.verified": _("Audit log checked"),
    "contact.seen": _("Person seen"),
    "contacts.listed": _("People listed"),
    "contacts.exported": _("Contacts exported"),
    "contacts.merged": _("Two contacts of one person made one"),
    "mail.requeued": _("Mail queued again"),
    "backup.made": _("Backup made"),
    "backup.restored": _("Backup restored"),
    "intake.stopped": _("Intake stopped"),
    "intake.resumed": _("Intake started again"),
    "donation.refund-requested": _("Refund requested"),
    "donation.released": _("Gift released"),
    "donation.entered": _("Gift entered"),
    "donations.exported": _("Gifts exported"),
    "recurring-donation.ended": _("Recurring donation ended"),
    "goal.set": _("Goal set"),
    "goal.removed": _("Goal removed"),
    "guard.lifted": _("Guard lifted"),
    "guard.restored": _("Guard put back"),
    "copy.released": _("Copy released"),
}

SUBJECTS: dict[str, Any] = {
    "vault": _("The vault"),
    "staff": _("Member of staff"),
    "volunteer": _("Volunteer"),
    "contacts": _("Contacts"),
    "contact": _("Person"),
    "contact-list": _("Contacts"),
    "audit": _("The audit log"),
    "mail": _("Mail"),
    "backup": _("Backup"),
    "donation": _("Gift"),
    "donations": _("Gifts"),
    "recurring-donation": _("Recurring donation"),
    "goal": _("Goal"),
    "guard": _("Guard of the donate page"),
}

ROLES: dict[str, Any] = {
    "viewer": _("sees totals"),
    "editor": _("edits texts"),
    "contacts": _("works with contacts"),
    "admin": _("administrator"),
}

NEWSLETTER: dict[str, Any] = {"yes": _("Newsletter wanted"), "no": _("No newsletter")}

# What the details of an audit event are called, and what their values are.
DETAILS: dict[str, tuple[Any, dict[str, Any]]] = {
    "role": (_("Role"), ROLES),
    "role_before": (_("Role before"), ROLES),
    "from": (_("State before"), STATES),
    "to": (_("State after"), STATES),
    "count": (_("Rows"), {}),
    "contacts": (_("People"), {}),
    "by": (_("Looked for by"), {"words": _("words"), "email": _("e-mail")}),
    "recipient": (_("Sealed for"), {}),
    "fault": (_("Fault"), {}),
    "number": (_("Number"), {}),
    "head": (_("Mark"), {}),
    "gone": (_("Contact that went"), {}),
    "rows": (_("Rows"), {}),
    "bytes": (_("Bytes"), {}),
    "request": (_("Request"), {}),
    "vault": (_("Vault"), {}),
    "shares": (_("Shares given"), {}),
    "refused": (_("Shares refused"), {}),
    "kind": (_("Kind"), KINDS),
    "campaign": (_("Petition or fund"), {}),
    "state": (_("State"), {**STATES, **words_giving.STATES}),
    "newsletter": (_("Newsletter"), NEWSLETTER),
    "amount": (_("Amount"), {}),
    "currency": (_("Currency"), {}),
    "fund": (_("Fund"), FUNDS),
    "method": (_("How it came"), words_giving.METHODS),
    "review": (_("Review"), words_giving.REVIEWS),
    "month": (_("Month"), {}),
    "reason": (_("Reason"), words_giving.REFUND_REASONS),
    "refund": (_("Refund"), {}),
    "until": (_("Until"), {}),
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


def typed_amount(minor: int, currency: str) -> str:
    """An amount as somebody here would type it, for a field: without currency and groups."""
    pattern = "0.00" if decimals(currency) else "0"
    value = Decimal(minor).scaleb(-exponent(currency))
    return str(format_decimal(value, pattern, locale=current_language()))


def short_day(value: date) -> str:
    """A day in few letters, for the column of a table."""
    return str(format_date(value, format="medium", locale=current_language()))


def details(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The details of an audit event in words."""
    found, given = [], dict(given)
    if "amount_minor" in given and "currency" in given:
        given["amount"] = money(given.pop("amount_minor"), given.pop("currency"))
    for key, value in given.items():
        if value == "":  # whatever the campaign
            continue
        label, words = DETAILS.get(key, (key, {}))
        value = len(value) if isinstance(value, list) else value  # their ids stand beside it
        found.append((str(label), called(words, str(value))))
    return found


def phone(text: str) -> str:
    """A telephone number in the groups that its country writes; as it is where it is none."""
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return text
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def tel(text: str) -> str:
    """The address that calls a number (RFC 3966)."""
    return "tel:" + re.sub(r"[^+0-9]", "", text)


def mailto(email: str) -> str:
    """The address that writes to somebody; nothing in it can add a header (RFC 6068)."""
    return "mailto:" + quote(email, safe="@+")


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


FILTERS: dict[str, Callable[..., Any]] = {
    "money": money,
    "month": month,
    "short_day": short_day,
    "details": details,
    "phone": phone,
    "tel": tel,
    "mailto": mailto,
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
    "subjects": SUBJECTS,
    "purposes": PURPOSES,
    "steps": STEPS,
    "work_steps": WORK_STEPS,
    "roles": ROLES,
    **words_giving.FOR_TEMPLATES,
    **words_team.FOR_TEMPLATES,
}
