"""The first page: figures from the tallies, charts as images, what waits."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from sqlalchemy import event

from config.database import db
from contacts import tally
from staff import charts, queries, totals
from staff.charts import make_chart
from staff.queries import read_figures
from staff.totals import Given
from tests.support.moments import NOW
from tests.unit.staff.conftest import PETITION, Browser, People
from tests.unit.staff.giving import Gifts
from vault.services import vault

TODAY = date(2026, 3, 18)


def test_figures_are_the_same_before_and_after_folding(app: Flask, people: People) -> None:
    people.create_signature("Ada")
    people.create_signature("Pia", state="pending")
    people.create_donation("Dora", amount_minor=1250)
    people.create_donation("Dan", amount_minor=700, currency="PLN", days_ago=40)
    with app.app_context():
        before = read_figures(NOW.date())
        tally.fold(NOW)
        after = read_figures(NOW.date())
        assert totals.given_in(before, before.month) == {"EUR": 1250}
        rows = [(row.currency, row.count) for row in totals.given(before)]
    assert before == after
    assert before.total("signature.confirmed") == 1
    assert before.total("signature.pending", PETITION) == 1
    assert rows == [("EUR", 1), ("PLN", 1)]


def test_totals_show_what_went_back_and_what_came_by_hand(app: Flask, gifts: Gifts) -> None:
    gifts.refund(gifts.create(2500), 1000, "succeeded")
    gifts.create(20000, method="cash")
    gifts.dispute(gifts.create(3000))
    with app.app_context():
        figures = read_figures(NOW.date())
        (row,) = totals.given(figures)
    assert row == Given(figures.month, "families", "EUR", 3, 25500, 20000, 1000, 3000)
    assert row.left_minor == 21500


def test_what_goes_back_later_counts_in_its_own_month(app: Flask, gifts: Gifts) -> None:
    old = gifts.create(2500, 70)
    gifts.refund(old, 2500, "succeeded")
    with app.app_context():
        new, before = totals.given(read_figures(NOW.date()))
    assert (new.count, new.amount_minor, new.refunded_minor) == (0, 0, 2500)
    assert (before.count, before.amount_minor, before.refunded_minor) == (1, 2500, 0)
    assert new.month > before.month


def test_books_are_in_the_currency_of_settlement(app: Flask, gifts: Gifts) -> None:
    gifts.create(500000, currency="UAH", settled=(10400, "EUR"), fee_minor=330, fund="publicity")
    gifts.create(4000, currency="JPY", settled=(2500, "EUR"), fee_minor=98)
    gifts.refund(gifts.create(2500, fee_minor=100), 1000, "pending")
    gifts.create(700, 70, currency="PLN", method="transfer")
    with app.app_context():
        for fold in (False, True):
            if fold:
                tally.fold(NOW)
            figures = read_figures(NOW.date())
            this, before = totals.books(figures)
            assert (this.month, this.currency) == (figures.month, "EUR")
            assert (this.gross_minor, this.refunded_minor, this.fee_minor) == (15400, 1000, 528)
            assert this.net_minor == 15400 - 1000 - 528
            assert (before.currency, before.net_minor) == ("PLN", 700)
            assert [row.currency for row in totals.books_in_all(figures)] == ["EUR", "PLN"]


def test_money_of_goals_is_not_counted_twice(app: Flask, gifts: Gifts) -> None:
    gifts.create(2500, campaign="stolen-childhood")
    with app.app_context():
        figures = read_figures(NOW.date())
    assert not [kind for kind, *_ in figures.by_month if kind.startswith("raised")]


def test_amounts_of_every_kind_of_currency_are_written_right(admin: Browser, gifts: Gifts) -> None:
    for minor, currency in ((1500, "JPY"), (12340, "KWD"), (30000, "ISK"), (400000, "HUF")):
        gifts.create(minor, currency=currency)
    page = admin.get("/staff/").text
    for words in ("¥1,500", "KWD\xa012.340", "ISK\xa0300<", "HUF\xa04,000<"):
        assert words in page


def test_new_volunteers_of_the_week_are_counted_once_whatever_became_of_them(
    app: Flask, people: People
) -> None:
    people.create_volunteer("Vera")
    people.create_volunteer("Vlad", days_ago=30)
    with app.app_context():
        for state, n in (("new", -1), ("contacted", 1)):
            change = tally.change(f"volunteer.{state}", "volunteer", n, NOW.date())
            db.session.execute(change)
        figures = read_figures(NOW.date())
    assert figures.new_volunteers() == 1
    assert figures.volunteers() == {
        "new": 1, "contacted": 1, "active": 0, "declined": 0, "pending": 0,
    }  # fmt: skip


def test_countries_are_named_from_five_up(
    app: Flask, browser_of: Callable[[str], Browser], people: People
) -> None:
    with app.app_context():
        for country, n in (("UA", 5), ("PL", 4)):
            change = tally.change("signature.confirmed", PETITION, n, NOW.date(), country)
            db.session.execute(change)
        db.session.commit()
    page = browser_of("viewer").get("/staff/").text
    assert "Ukraine" in page
    assert "Poland" not in page


def test_first_page_takes_few_statements(app: Flask, admin: Browser, people: People) -> None:
    people.create_donation("Dora")
    people.create_donation("Dan", currency="PLN")
    admin.get("/staff/")
    statements = []
    with app.app_context():
        engine = db.engine
    listener = lambda *given: statements.append(given[2])  # noqa: E731
    event.listen(engine, "before_cursor_execute", listener)
    try:
        assert admin.get("/staff/").status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", listener)
    assert len([s for s in statements if not s.startswith("BEGIN")]) <= 13, statements


def test_missing_index_key_is_said(app: Flask, admin: Browser) -> None:
    assert "The index key is gone" not in admin.get("/staff/").text
    with app.app_context():
        vault().keys.drop()
    assert "The index key is gone" in admin.get("/staff/").text


def test_missing_vault_is_said(app: Flask, admin: Browser) -> None:
    with app.app_context():
        pin = vault().keys_dir._pin
        pin.write_text("1 " + "0" * 64)
        vault()._checked = (-1.0, "not checked yet")
    assert "does not match its pin" in admin.get("/staff/").text


@pytest.mark.parametrize(
    "address", ["signatures.svg", "volunteers.svg", "donations.svg?currency=EUR"]
)
def test_charts_are_images_that_load_and_run_nothing(
    admin: Browser, people: People, address: str
) -> None:
    people.create_signature("Ada")
    people.create_donation("Dora")
    answer = admin.get(f"/staff/charts/{address}")
    assert answer.mimetype == "image/svg+xml"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    root = ET.fromstring(answer.data)  # noqa: S314 - we have just drawn it
    tags = {str(node.tag).rsplit("}", 1)[-1] for node in root.iter()}
    assert "svg" in tags
    assert not tags & {"script", "image", "use", "a", "foreignObject"}
    assert not re.search(rb"href|url\(|@import|<\?xml-stylesheet", answer.data)


def test_chart_of_a_currency_that_there_is_not(admin: Browser) -> None:
    assert admin.get("/staff/charts/donations.svg?currency=XXX").status_code == 404
    assert admin.get("/staff/charts/donations.svg").status_code == 404
    assert admin.get("/staff/charts/secrets.svg").status_code == 404


def test_charts_have_a_text_alternative_and_their_figures(admin: Browser, people: People) -> None:
    people.create_signature("Ada")
    page = admin.get("/staff/").text
    assert 'alt="Confirmed signatures from ' in page
    assert 'alt="Volunteers: nothing yet."' in page
    assert page.count("<figure") == page.count("<details")


@pytest.mark.parametrize(
    ("oldest", "bars", "last"), [(0, 7, "Mar 18"), (20, 21, "Mar 18"), (100, 15, "Mar 16")]
)
def test_bars_are_days_or_weeks(app: Flask, oldest: int, bars: int, last: str) -> None:
    counts = {"signature.confirmed": {TODAY: 1, TODAY - timedelta(days=oldest): 5}}
    with app.test_request_context("/staff/", headers={"Accept-Language": "en"}):
        chart = make_chart("signatures", counts, TODAY)
    assert len(chart.bars) == bars
    assert chart.bars[-1].label == last
    assert sum(bar.value for bar in chart.bars) == (6 if oldest else 5)


def test_bars_are_at_most_twelve_months(app: Flask) -> None:
    counts = {"donation.amount.EUR": {TODAY - timedelta(days=360): 400, TODAY: 1050}}
    with app.test_request_context("/staff/", headers={"Accept-Language": "en"}):
        chart = make_chart("donations", counts, TODAY, "EUR")
        assert len(chart.bars) == 12
        assert chart.alternative == (
            "Donations in EUR from Apr 2025 to Mar 2026. The most: €10.50 (Mar 2026)."
        )


def test_worker_that_does_not_run_is_noticed(app: Flask, admin: Browser, people: People) -> None:
    people.create_signature("Ada", state="pending", days_ago=0)
    with app.app_context():
        later = (datetime.now(UTC) + timedelta(minutes=1)).timestamp()
        assert queries.read_waiting(later, NOW).is_worker_late
        earlier = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
        assert not queries.read_waiting(earlier, NOW).is_worker_late


def test_drawing_nothing_draws_something(app: Flask) -> None:
    with app.test_request_context("/staff/"):
        chart = make_chart("signatures", {"signature.confirmed": {}}, TODAY)
        assert b"<svg" in charts.draw(chart)


def test_sums_stand_in_the_order_of_the_settings(app: Flask, people: People) -> None:
    people.create_donation("Uma", amount_minor=500_000, currency="UAH")
    people.create_donation("Dora", amount_minor=700, currency="EUR")
    with app.app_context():
        figures = read_figures(NOW.date())
        assert totals.currencies(figures) == ["EUR", "UAH"]
        assert list(totals.given_in(figures, figures.month)) == ["EUR", "UAH"]


def test_donations_name_their_currency(admin: Browser, people: People) -> None:
    people.create_donation("Dora", currency="USD")
    page = admin.get("/staff/").text
    assert re.search(r'data-label="Currency">\s*USD\s*<', page)


def test_a_small_chart_is_drawn_for_phones(admin: Browser) -> None:
    large = admin.get("/staff/charts/signatures.svg").text
    small = admin.get("/staff/charts/signatures.svg?size=small").text
    assert 'viewBox="0 0 480 210"' in large
    assert 'viewBox="0 0 300 200"' in small
