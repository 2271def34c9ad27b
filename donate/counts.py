"""The counts that giving changes, each appended by whoever finds that something is new.

In the gift's currency: what was given, refunded, disputed and so raised. In the currency in which
Stripe settles: the books, where net = gross - refunded - disputed - fee. The subject is the fund.
"""

from __future__ import annotations

from datetime import date

from config.database import db
from contacts import tally
from donate.books.models import Kind, LedgerLine
from donate.facts import Movement
from donate.models import Donation, Method
from web.countries import COUNTRY_CODES

# What a line's gross is counted as, and whether what left the balance counts up.
_BOOKS = {
    Kind.GIFT: ("gross", 1),
    Kind.GIFT_RETURNED: ("gross", 1),
    Kind.REFUND: ("refunded", -1),
    Kind.REFUND_RETURNED: ("refunded", -1),
    Kind.DISPUTE: ("disputed", -1),
    Kind.DISPUTE_RETURNED: ("disputed", -1),
}


def count_paid(donation: Donation, day: date, country: str | None = "") -> None:
    """A gift was paid."""
    currency, fund, amount = donation.currency, donation.fund, donation.amount_minor
    known = country if country in COUNTRY_CODES else ""
    db.session.execute(tally.change(f"donation.count.{currency}", fund, 1, day, known or ""))
    _change(f"donation.amount.{currency}", fund, amount, day)
    if donation.method != Method.ONLINE:
        _change(f"donation.offline.{currency}", fund, amount, day)
    _raise(donation, currency, amount, day)


def count_refunded(donation: Donation, amount_minor: int, day: date) -> None:
    """A refund is on its way; a negative amount takes one back that came to nothing."""
    _change(f"donation.refunded.{donation.currency}", donation.fund, amount_minor, day)
    _raise(donation, donation.currency, -amount_minor, day)


def count_disputed(donation: Donation, amount_minor: int, currency: str, day: date) -> None:
    """A bank took the money back; a negative amount takes a dispute back that was won."""
    _change(f"donation.disputed.{currency}", donation.fund, amount_minor, day)
    _raise(donation, currency, -amount_minor, day)


def count_line(donation: Donation, line: LedgerLine | Movement) -> None:
    """A ledger line is new."""
    name, sign = _BOOKS[Kind(line.kind)]
    _change(f"books.{name}.{line.currency}", donation.fund, sign * line.gross_minor, line.day)
    _change(f"books.fee.{line.currency}", donation.fund, line.fee_minor, line.day)


def _raise(donation: Donation, currency: str, amount_minor: int, day: date) -> None:
    """What goals are compared with: of the fund everywhere, and of the campaign's own."""
    _change(f"raised.{currency}", donation.fund, amount_minor, day)
    if donation.campaign:
        subject = f"{donation.campaign}/{donation.fund}"
        _change(f"raised.{currency}", subject, amount_minor, day)


def _change(kind: str, subject: str, n: int, day: date) -> None:
    if n:
        db.session.execute(tally.change(kind, subject, n, day))
