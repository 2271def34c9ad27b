"""The mails about giving, queued in the transaction that causes them, in the donor's language.

Each has a key of its own made of ids, so that it is sent once however often its cause is recorded.
Where Stripe knows no address (`to` is empty), nothing is queued.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from babel.dates import format_date

from config.settings import settings
from contacts.wishes import mail_params
from donate.books.models import Refund
from donate.facts import Trouble
from donate.funds import fund_name
from donate.models import Donation, Method, RecurringDonation
from donate.money import format_amount
from mail import outbox
from web.countries import country_name

LIFETIME = timedelta(hours=72)
ALERT_LIFETIME = timedelta(hours=24)
Gift = Donation | RecurringDonation


def thank(donation: Donation, to: str | None, dedication: str, now: datetime) -> None:
    """The receipt, with the way to "my giving"."""
    params = _gift(donation) | {
        "frequency": donation.frequency,
        "path": f"/{donation.language}/donate/manage",
    }
    if donation.method == Method.ONLINE:
        params["statement_name"] = settings().statement_name
    if dedication:
        params["dedication"] = dedication
    _queue("thank-you", f"thank-you:{donation.id}", donation, to, params, now)


def say_pending(donation: Donation, to: str | None, now: datetime) -> None:
    """A bank debit is on its way."""
    _queue("gift-pending", f"gift-pending:{donation.id}", donation, to, _gift(donation), now)


def say_failed(donation: Donation, to: str | None, now: datetime) -> None:
    """A bank debit came to nothing."""
    params = _gift(donation) | {"path": _donate(donation)}
    _queue("gift-failed", f"gift-failed:{donation.id}", donation, to, params, now)


def say_expired(gift: Gift, to: str | None, now: datetime) -> None:
    """The page was left open until it closed. Capped: anybody may type an address there."""
    params = _gift(gift) | {"path": _donate(gift)}
    cap = settings().mails_per_address
    _queue("gift-expired", f"gift-expired:{gift.id}", gift, to, params, now, cap)


def say_refused_card(donation: Donation, to: str | None, now: datetime) -> None:
    """The gift goes back, because of the card's country."""
    params = {
        "amount": _amount(donation.amount_minor, donation),
        "country": country_name(donation.card_country, donation.language),
        "contact_email": settings().contact_email,
    }
    _queue("gift-refused-card", f"gift-refused-card:{donation.id}", donation, to, params, now)


def say_refunded(donation: Donation, refund: Refund, to: str | None, now: datetime) -> None:
    """Money is on its way back; one mail for each refund. The key leads to the gift's mails."""
    params = _gift(donation) | {"amount": _amount(refund.amount_minor, donation)}
    key = f"gift-refunded:{donation.id}:{refund.id}"
    _queue("gift-refunded", key, donation, to, params, now)


def remind(
    recurring: RecurringDonation, trouble: Trouble, n: int, to: str | None, now: datetime
) -> None:
    """A renewal must be mended by the donor; `n` counts the mails about this invoice."""
    kind = "renewal-action" if trouble.needs_authentication else "renewal-failed"
    day = format_date(trouble.due_on or now.date(), "long", locale=recurring.language)
    params = _gift(recurring) | {"link": trouble.url, "day": day, "n": str(n)}
    key = f"renewal:{recurring.id}:{trouble.invoice_id}:{n}"
    _queue(kind, key, recurring, to, params, now)


def say_changed(
    recurring: RecurringDonation, what: str, to: str | None, at: datetime, now: datetime
) -> None:
    """Another amount, a pause or its end; `at` is when Stripe was asked and said so."""
    params = {
        "amount": _amount(recurring.amount_minor, recurring),
        "what": what,
        "path": f"/{recurring.language}/donate/manage",
    }
    key = f"recurring-changed:{recurring.id}:{what}:{at:%Y%m%dT%H%M%S%f}"
    _queue("recurring-changed", key, recurring, to, params, now)


def say_ended(recurring: RecurringDonation, to: str | None, now: datetime) -> None:
    """Nothing more is charged."""
    reason = "donor" if recurring.end_reason == "erased" else recurring.end_reason
    params = _gift(recurring) | {"reason": reason, "path": _donate(recurring)}
    _queue("recurring-ended", f"recurring-ended:{recurring.id}", recurring, to, params, now)


def alert(what: str, n: int, now: datetime) -> None:
    """Tell those who look after giving: of the guard once an hour, of the books once a day."""
    slot = now.strftime("%Y%m%d" if what == "books-differ" else "%Y%m%dT%H")
    for number, to in enumerate(settings().alert_emails or (settings().contact_email,)):
        outbox.enqueue(
            kind="giving-alert",
            idem_key=f"giving-alert:{what}:{slot}:{number}",
            language=settings().supported_languages[0],
            to=to,
            params={"what": what, "n": str(n), "path": "/staff/giving"},
            now=now,
            lifetime=ALERT_LIFETIME,
        )


def _gift(gift: Gift) -> dict[str, str]:
    return {
        "amount": _amount(gift.amount_minor, gift),
        "fund": fund_name(gift.fund, gift.language),
    }


def _amount(minor: int, gift: Gift) -> str:
    return format_amount(minor, gift.currency, gift.language)


def _donate(gift: Gift) -> str:
    return f"/{gift.language}/donate"


def _wishes(gift: Gift) -> dict[str, str]:
    """Of the gift, or of the contact whom it hangs on."""
    return mail_params(gift.contact_id, gift.language, is_discreet=bool(gift.is_discreet))


def _queue(
    kind: str,
    key: str,
    gift: Gift,
    to: str | None,
    params: dict[str, str],
    now: datetime,
    cap: int | None = None,
) -> None:
    if to:
        outbox.enqueue(
            kind=kind,
            idem_key=key,
            language=gift.language,
            to=to,
            params=params | _wishes(gift),
            now=now,
            lifetime=LIFETIME,
            cap=cap,
        )
