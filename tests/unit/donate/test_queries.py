"""What staff read of donations."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.database import db
from contacts import tally
from donate import queries
from donate.queries import DonationFilter, Month, Total
from tests.unit.donate.desk import NOW, Desk


def give_and_pay(desk: Desk, **typed: str) -> None:
    session_id = desk.start(**typed)
    desk.pay(session_id)
    desk.come_back(session_id)


def test_totals_by_currency_and_fund_fold_or_no_fold(desk: Desk) -> None:
    give_and_pay(desk, amount="10", fund="families")
    give_and_pay(desk, amount="20", fund="families")
    give_and_pay(desk, amount="100", fund="publicity", currency="PLN")
    desk.start(amount="50")  # never paid, never counted
    expected = [Total("EUR", "families", 2, 3_000), Total("PLN", "publicity", 1, 10_000)]
    with desk.app.app_context():
        assert queries.donation_totals() == expected
        tally.fold(NOW)
        db.session.commit()
        assert queries.donation_totals() == expected
        month = NOW.strftime("%Y-%m")
        assert queries.donations_by_month("EUR") == [Month(month, 2, 3_000)]
        assert queries.donations_by_month("EUR", "families") == [Month(month, 2, 3_000)]
        assert queries.donations_by_month("EUR", "publicity") == []


def test_small_counts_by_country_stay_unseen(desk: Desk) -> None:
    give_and_pay(desk)
    with desk.app.app_context():
        assert tally.by_country("donation.count.EUR", least=1) == {"PL": 1}
        assert tally.by_country("donation.count.EUR") == {}


def test_list_filters_and_pages(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for fund in ("families", "publicity", "families"):
        desk.start(fund=fund)
    give_and_pay(desk, fund="families")
    with desk.app.app_context():
        everything = queries.list_donations(DonationFilter())
        assert len(everything.donations) == 4
        assert not everything.has_next
        times = [donation.created_at for donation in everything.donations]
        assert times == sorted(times, reverse=True)
        paid = queries.list_donations(DonationFilter(state="paid", fund="families"))
        assert len(paid.donations) == 1
        (donation,) = paid.donations
        assert queries.find_donation(donation.id) is donation
        assert donation.contact_id is not None
        assert queries.donations_of(donation.contact_id) == [donation]
        tomorrow = NOW.date() + timedelta(days=2)
        assert queries.list_donations(DonationFilter(since=tomorrow)).donations == []
        monkeypatch.setattr(queries, "PAGE", 3)
        first, second = (queries.list_donations(DonationFilter(), n) for n in (1, 2))
        assert (len(first.donations), first.has_next) == (3, True)
        assert (len(second.donations), second.has_next) == (1, False)
