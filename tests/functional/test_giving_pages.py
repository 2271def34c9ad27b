"""Every outcome of a gift has its page, in the donor's language."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from config.database import db
from contacts import tally
from demo.stripe import RunningStandIn
from donate.books.models import Goal
from donate.models import Donation, Review
from tests.support.instances import STRIPE, Instance
from tests.unit.donate.desk import DEBIT_FAILS, DEBIT_PAYS, FROM_BELARUS, SECRETS, Desk

CAMPAIGN = "stolen-childhood"


@pytest.fixture
def engine_name() -> str:
    """These pages read little; one database will do."""
    return "sqlite"


@pytest.fixture
def stand_in() -> Iterator[RunningStandIn]:
    """Stripe."""
    with RunningStandIn(secret_key=str(STRIPE["stripe_secret_key"])) as running:
        yield running


@pytest.fixture
def desk(instance: Instance, stand_in: RunningStandIn) -> Iterator[Desk]:
    """The whole application before its Stripe."""
    with opened(instance, stand_in) as made:
        yield made


@contextmanager
def opened(instance: Instance, stand_in: RunningStandIn, **given: Any) -> Iterator[Desk]:
    app: Flask = instance.app(stripe_api_base=stand_in.url, stripe_webhook_secrets=SECRETS, **given)
    yield Desk(app, stand_in, None)  # type: ignore[arg-type] - nothing is opened here
    with app.app_context():
        db.engine.dispose()


def headline(page: TestResponse) -> str:
    found = re.search(r"<h1>\s*(.*?)\s*</h1>", page.text, re.S)
    assert found, page.text
    return html.unescape(found[1])


def buttons(page: TestResponse) -> list[str]:
    """Where the lit buttons of a page lead: there is one thing to do."""
    found = re.findall(r'<a class="button"\s+href="([^"]*)"', page.text)
    return [html.unescape(address) for address in found]


def test_paid_once_is_thanked_and_offered_monthly(desk: Desk) -> None:
    session_id = desk.start(amount="12.50", campaign=CAMPAIGN, cover_fee="y")
    desk.pay(session_id)
    page = desk.come_back(session_id)
    assert headline(page) == "Thank you for your gift"
    assert "€13.19" in page.text
    assert "helps to make known what is done to children" in page.text
    (offer,) = buttons(page)
    assert offer.startswith("/en/donate?amount=12.50&currency=EUR&frequency=month&fund=legal-help")
    form = desk.visitor().get(offer).text
    assert re.search(r'value="month" checked', form)
    assert 'value="12.50"' in form
    assert f'name="campaign" value="{CAMPAIGN}"' in form


def test_first_monthly_gift_says_when_the_next_comes(desk: Desk) -> None:
    session_id = desk.start(frequency="month")
    desk.pay(session_id)
    page = desk.come_back(session_id)
    assert headline(page) == "Thank you: your gift has begun"
    assert "€25.00 each month" in page.text
    assert "The next payment is on" in page.text
    assert 'href="/en/donate/manage"' in page.text
    assert buttons(page) == []  # nobody is asked for more


@pytest.mark.parametrize(
    ("iban", "then", "frequency"),
    [
        (DEBIT_PAYS, "Thank you for your gift", "month"),  # which is offered
        (DEBIT_FAILS, "The payment did not go through", "once"),  # may be tried again
    ],
)
def test_debit_on_its_way_is_being_confirmed_then_paid_or_failed(
    desk: Desk, iban: str, then: str, frequency: str
) -> None:
    session_id = desk.start(amount="33.10")
    desk.debit(session_id, iban)
    page = desk.come_back(session_id)
    assert headline(page) == "Your gift is being confirmed"
    assert buttons(page) == [f"/en/donate/thanks?session_id={session_id}"]
    desk.let_pass(9 * 24 * 3600)
    page = desk.come_back(session_id)
    assert headline(page) == then
    (action,) = buttons(page)
    assert f"amount=33.10&currency=EUR&frequency={frequency}" in action


def test_closed_page_leads_back_to_the_form_as_it_was(desk: Desk) -> None:
    session_id = desk.start(frequency="year", amount="40", fund="families")
    desk.control("expire", session=session_id)
    page = desk.come_back(session_id)
    assert headline(page) == "The payment page was closed"
    assert buttons(page) == ["/en/donate?amount=40&currency=EUR&frequency=year&fund=families"]


@pytest.mark.parametrize("frequency", ["once", "month"])
def test_unpaid_page_that_is_open_is_led_back_to(desk: Desk, frequency: str) -> None:
    session_id = desk.start(frequency=frequency)
    page = desk.come_back(session_id)
    assert headline(page) == "Nothing was charged yet"
    assert buttons(page) == [f"{desk.stand_in.url}/c/pay/{session_id}"]


def test_who_comes_back_while_stripe_is_away_reads_of_no_error(desk: Desk) -> None:
    session_id = desk.start()
    with desk.trouble("500"):
        page = desk.come_back(session_id)
    assert (page.status_code, headline(page)) == (200, "Your gift is being confirmed")


@pytest.mark.parametrize("frequency", ["once", "month"])
def test_refused_card_is_told_that_the_gift_goes_back(desk: Desk, frequency: str) -> None:
    session_id = desk.start(frequency=frequency)
    desk.pay(session_id, FROM_BELARUS)
    page = desk.come_back(session_id)
    assert headline(page) == "We are sending your gift back"
    assert "convicted for donations" in page.text
    assert "statement will show" not in page.text
    assert "/donate/manage" not in page.text  # nothing of it is shown there


def test_held_gift_looks_like_any_other(desk: Desk) -> None:
    session_id = desk.start()
    desk.pay(session_id)
    paid = desk.come_back(session_id)
    with desk.app.app_context():
        db.session.execute(update(Donation).values(review=Review.HELD))
        db.session.commit()
    assert desk.come_back(session_id).text == paid.text


@pytest.mark.parametrize("session_id", ["", "cs_test_of_nobody", "cs_", "x' OR 1=1", "\x00"])
def test_unknown_session_is_told_whom_to_ask(desk: Desk, session_id: str) -> None:
    page = desk.come_back(session_id)
    assert (page.status_code, headline(page)) == (200, "We cannot find this gift")
    assert buttons(page) == ["mailto:contact@example.org"]
    assert desk.requests("GET") == []


@pytest.mark.parametrize("language", ["en", "uk", "be"])
def test_turning_back_charges_nothing(desk: Desk, language: str) -> None:
    page = desk.visitor().get(f"/{language}/donate/cancelled")
    assert buttons(page) == [f"/{language}/donate"]


# Who should not pay


def test_risk_page_keeps_what_was_typed(desk: Desk) -> None:
    typed = {"from_risk": "yes", "amount": '1"><b>', "dedication": "Anna", "fund": "families"}
    page = desk.give(**typed)
    assert (page.status_code, headline(page)) == (200, "Please do not pay with it")
    assert page.headers["Cache-Control"] == "no-store"
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    sent = {name: html.unescape(value) for name, value in hidden}
    assert typed.items() <= sent.items()
    back = desk.visitor().post("/en/donate", data={**sent, "back": "y"})
    assert back.status_code == 200
    for value in ('value="1&#34;&gt;&lt;b&gt;"', 'value="Anna"', 'value="families" selected'):
        assert value in back.text
    assert "alert" not in back.text


def test_own_words_stand_on_the_risk_page(
    instance: Instance, stand_in: RunningStandIn, tmp_path: Path
) -> None:
    (tmp_path / "risk.en.md").write_text("## Our way\n\nCall **us** <script>.", "utf-8")
    with opened(instance, stand_in, wording_dir=tmp_path) as desk:
        page = desk.give(from_risk="yes").text
        in_ukrainian = desk.give("uk", from_risk="yes").text
    assert "<h2>Our way</h2>" in page
    assert "<script" not in page
    assert "<h2>What you can do" not in page
    assert "<h2>Our way</h2>" not in in_ukrainian


# Goals


def test_goal_stands_where_its_campaign_or_fund_is(desk: Desk) -> None:
    now = datetime.now(UTC).date()
    with desk.app.app_context():
        goals = [(CAMPAIGN, "humanitarian-aid", 2_000_000), ("", "legal-help", 500_000)]
        for campaign, fund, minor in goals:
            goal = Goal(campaign=campaign, fund=fund, currency="EUR", goal_minor=minor)
            db.session.add(goal)
        db.session.execute(tally.change("raised.EUR", f"{CAMPAIGN}/humanitarian-aid", 123_456, now))
        db.session.execute(tally.change("raised.EUR", "legal-help", -5, now))
        db.session.commit()
    visitor = desk.visitor()
    for path in (f"/en/campaigns/{CAMPAIGN}", f"/en/donate?campaign={CAMPAIGN}"):
        page = visitor.get(path).text
        assert "<b>€1,234.56</b> of €20,000 raised" in page
        assert re.search(r'<progress max="2000000"\s+value="123456"', page)
        assert "Gifts in other currencies come on top." in page
    assert "<b>€0</b> of €5,000 raised" in visitor.get("/en/donate?fund=legal-help").text
    for path in ("/en/donate", "/en/donate?fund=families", "/en/campaigns/women-behind-bars"):
        assert "come on top" not in visitor.get(path).text


def test_a_paid_gift_moves_the_bar(desk: Desk) -> None:
    with desk.app.app_context():
        goal = Goal(campaign=CAMPAIGN, fund="legal-help", currency="EUR", goal_minor=100_000)
        db.session.add(goal)
        db.session.commit()
    session_id = desk.start(campaign=CAMPAIGN, amount="40")
    desk.pay(session_id)
    desk.come_back(session_id)
    page = desk.visitor().get(f"/en/donate?campaign={CAMPAIGN}").text
    assert "<b>€40</b> of €1,000 raised" in page


# Currencies that are counted in another way


@pytest.mark.parametrize(
    ("currency", "typed", "shown", "asked"),
    [
        ("JPY", "4000", "¥4,000", "4000"),
        ("KWD", "8.25", "KWD 8.250", "8250"),
        ("ISK", "3500", "ISK 3,500", "350000"),
        ("UGX", "40000", "UGX 40,000", "4000000"),
        ("HUF", "10000", "HUF 10,000", "1000000"),
    ],
)
def test_odd_currencies_are_right_from_form_to_thanks(
    instance: Instance,
    stand_in: RunningStandIn,
    currency: str,
    typed: str,
    shown: str,
    asked: str,
) -> None:
    with opened(instance, stand_in, currencies=("EUR", currency)) as desk:
        session_id = desk.start(amount=typed, currency=currency)
        (order,) = desk.requests("POST")
        assert order["params"]["line_items"]["0"]["price_data"]["unit_amount"] == asked
        desk.pay(session_id)
        page = desk.come_back(session_id)
        assert shown in html.unescape(page.text).replace("\xa0", " ")
        (offer,) = buttons(page)
        assert f"amount={typed}&currency={currency}" in offer
        form = desk.visitor().get(offer).text
        assert f'value="{asked}-{currency}" checked' in form or f'value="{typed}"' in form


def test_payment_pages_may_follow_a_form(desk: Desk) -> None:
    policy = desk.visitor().get("/en/donate").headers["Content-Security-Policy"]
    (allowed,) = re.findall(r"form-action ([^;]+)", policy)
    for host in ("checkout", "billing", "invoice"):
        assert f"https://{host}.stripe.com" in allowed.split()
    assert desk.stand_in.url in allowed.split()
