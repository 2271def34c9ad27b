"""Each mail about giving is queued with what its template asks for, in every language."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import select

from config.database import db
from donate import letters
from donate.books.models import Refund
from donate.facts import Trouble
from donate.models import Donation, Method, RecurringDonation
from mail.models import OutgoingEmail
from mail.outbox import unseal
from mail.render import render
from tests.support.moments import NOW
from vault.services import vault

DONOR = "canary-donor@example.org"
MEND = "https://invoice.stripe.com/i/acct_1/test_1"


def donation(language: str, **given: object) -> Donation:
    known = {"method": Method.ONLINE, "frequency": "once", "card_country": "BY"}
    return Donation(**wish(language), **{**known, **given})


def recurring(language: str, **given: object) -> RecurringDonation:
    return RecurringDonation(**wish(language), frequency="month", **given)


def wish(language: str) -> dict[str, object]:
    of = {"amount_minor": 2_500, "currency": "EUR", "fund": "families"}
    return {"id": uuid.uuid4(), "language": language, **of}


def trouble(*, asks: bool) -> Trouble:
    return Trouble("in_1", asks, 1, MEND, date(2026, 11, 22))


Write = Callable[[str], object]
LETTERS: dict[str, Write] = {
    "thank-you": lambda to: letters.thank(donation(to), DONOR, "In honour of Ales", NOW),
    "thank-you monthly": lambda to: letters.thank(donation(to, frequency="month"), DONOR, "", NOW),
    "thank-you offline": lambda to: letters.thank(donation(to, method="cash"), DONOR, "", NOW),
    "gift-pending": lambda to: letters.say_pending(donation(to), DONOR, NOW),
    "gift-failed": lambda to: letters.say_failed(donation(to), DONOR, NOW),
    "gift-expired": lambda to: letters.say_expired(recurring(to), DONOR, NOW),
    "gift-refused-card": lambda to: letters.say_refused_card(donation(to), DONOR, NOW),
    "gift-refunded": lambda to: letters.say_refunded(
        donation(to), Refund(id=uuid.uuid4(), amount_minor=700), DONOR, NOW
    ),
    "renewal-action": lambda to: letters.remind(recurring(to), trouble(asks=True), 1, DONOR, NOW),
    "renewal-failed": lambda to: letters.remind(recurring(to), trouble(asks=False), 3, DONOR, NOW),
    **{
        f"recurring-changed {what}": lambda to, what=what: letters.say_changed(
            recurring(to), what, DONOR, NOW, NOW
        )
        for what in ("amount", "paused", "resumed")
    },
    **{
        f"recurring-ended {reason}": lambda to, reason=reason: letters.say_ended(
            recurring(to, end_reason=reason), DONOR, NOW
        )
        for reason in ("donor", "unpaid", "refused-card", "staff")
    },
    **{
        f"giving-alert {what}": lambda _to, what=what: letters.alert(what, 7, NOW)
        for what in ("guard-odd", "guard-closed", "books-differ")
    },
}


def queued(app: Flask) -> list[tuple[OutgoingEmail, str, dict[str, str]]]:
    key = vault().mail_key()
    return [
        (row, *unseal(row.id, row.blob or b"", key))
        for row in db.session.scalars(select(OutgoingEmail))
    ]


@pytest.mark.parametrize("name", LETTERS)
def test_each_letter_has_what_its_template_asks_for(app: Flask, name: str) -> None:
    languages = ["en"] if name.startswith("giving-alert") else ["en", "uk", "be"]
    for language in languages:
        LETTERS[name](language)
    mails = queued(app)
    assert len(mails) == len(languages)
    for mail, to, params in mails:
        assert mail.kind == name.partition(" ")[0]
        assert to == ("contact@example.org" if mail.kind == "giving-alert" else DONOR)
        written = render(mail.kind, mail.language, params, "https://vigil.example")
        assert written.subject
        if "amount" in params:
            assert params["amount"] in written.text


def test_same_letter_is_queued_once(app: Flask) -> None:
    gift = donation("en")
    for _ in range(3):
        letters.thank(gift, DONOR, "", NOW)
        letters.alert("books-differ", 3, NOW)
    assert sorted(mail.kind for mail, *_ in queued(app)) == ["giving-alert", "thank-you"]


def test_page_left_open_can_be_made_to_write_to_nobody_without_end(app: Flask) -> None:
    """Anybody may type somebody else's address on Stripe's page, and leave."""
    for _ in range(9):
        letters.say_expired(donation("en"), DONOR, NOW)
    assert len(queued(app)) == app.extensions["vigil_settings"].mails_per_address
