"""What the page of an announced transfer shows: nothing of the donor."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from config.database import db
from donate.models import Donation, Method, State


@dataclass(frozen=True)
class AnnouncedTransfer:
    """A transfer as whoever has its reference may see it; the amount in minor units."""

    reference: str
    amount_minor: int
    currency: str
    fund: str
    has_arrived: bool


def find_transfer(reference: str) -> AnnouncedTransfer | None:
    """The transfer of a reference; None where there is none, or not any more."""
    row = db.session.execute(
        select(
            Donation.reference,
            Donation.amount_minor,
            Donation.currency,
            Donation.fund,
            Donation.state,
        ).where(Donation.reference == reference, Donation.method == Method.TRANSFER)
    ).one_or_none()
    if row is None or row.reference is None:
        return None
    has_arrived = row.state != State.CREATED
    return AnnouncedTransfer(row.reference, row.amount_minor, row.currency, row.fund, has_arrived)
