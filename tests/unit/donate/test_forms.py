"""The donate page: what it offers, and what it says to what cannot be taken."""

from __future__ import annotations

import re

import pytest

from donate.funds import FUNDS, Cause
from donate.models import State
from tests.unit.donate.conftest import DeskOpener
from tests.unit.donate.desk import Desk, errors_on


@pytest.fixture
def engine_name() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


def test_page_offers_amounts_in_every_currency(desk: Desk) -> None:
    page = desk.visitor().get("/en/donate").text
    for value in ("1000-EUR", "2500-USD", "2000-GBP", "10000-PLN", "50000-UAH"):
        assert f"<{value} " in page
    assert chosen_tiles(page) == ["2500-EUR", "2500-USD", "2000-GBP", "10000-PLN", "50000-UAH"]


@pytest.mark.parametrize(
    ("language", "currencies", "begins_with"),
    [
        ("en", ("EUR", "USD"), "USD"),
        ("uk", ("EUR", "UAH"), "UAH"),
        ("uk", ("EUR", "USD"), "EUR"),  # no hryvnia here
        ("be", ("USD", "EUR"), "EUR"),  # no Belarusian rouble anywhere
    ],
)
def test_currency_to_begin_with_is_of_the_languages_region(
    open_desk: DeskOpener, language: str, currencies: tuple[str, ...], begins_with: str
) -> None:
    desk = open_desk(currencies=currencies)
    page = desk.visitor().get(f"/{language}/donate", headers={"Accept-Language": "de-CH"}).text
    assert f'<option value="{begins_with}" selected>' in page


def test_page_is_the_same_for_everyone_and_sets_no_cookie(desk: Desk) -> None:
    response = desk.visitor().get("/be/donate")
    assert response.headers["Cache-Control"].startswith("public")
    assert "Set-Cookie" not in response.headers


def test_address_may_choose_the_fund(desk: Desk) -> None:
    page = desk.visitor().get("/en/donate?fund=legal-help").text
    assert '<option value="legal-help" selected>' in page
    unknown = desk.visitor().get("/en/donate?fund=weapons").text
    assert '<option value="where-most-needed" selected>' in unknown


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"amount": "-5"}, "amount", "negative"),
        ({"amount": "0"}, "amount", "above zero"),
        ({"amount": "1"}, "amount", "The smallest gift here is €2."),
        ({"amount": "1000000"}, "amount", "The largest gift here is €10,000."),
        ({"amount": "12.345"}, "amount", "two decimals"),
        ({"amount": "1e3"}, "amount", "in digits"),
        ({"amount": "NaN"}, "amount", "in digits"),
        ({"amount": ""}, "amount", "Choose an amount"),
        (
            {"amount": "", "suggested": "1000-USD"},
            "suggested",
            "is in USD, but the currency is EUR",
        ),
        ({"amount": "", "suggested": "1-EUR"}, "suggested", "Choose one of the amounts"),
        ({"amount": "", "suggested": "2500.5-EUR"}, "suggested", "Choose one of the amounts"),
        ({"currency": "XXX"}, "currency", "Choose a currency"),
        ({"currency": ""}, "currency", "Choose a currency"),
        ({"currency": "JPY"}, "currency", "Choose a currency"),  # not offered here
        ({"fund": "weapons"}, "fund", "what your gift is for"),
        ({"frequency": "week"}, "frequency", "how often"),
        ({"frequency": ""}, "frequency", "how often"),
        ({"amount": "", "suggested-EUR": "2500-USD"}, "suggested", "is in USD"),
        ({"amount": "", "suggested-EUR": "2-EUR"}, "suggested", "Choose one of the amounts"),
        ({"from_risk": "perhaps"}, "from_risk", "your card or phone"),
        ({"dedication": "x" * 101}, "dedication", "at most 100"),
        ({"dedication": "Anna\u202e"}, "dedication", "hidden"),
        ({"dedication": "Anna https://a.example"}, "dedication", "no address"),
        ({"dedication": "t.me"}, "dedication", "no address"),
        ({"dedication": "write to me@example"}, "dedication", "no address"),
        ({"dedication": "\u0441\u0430\u0439\u0442\u3002\u0440\u0444"}, "dedication", "no address"),
        ({"dedication": "Anna", "dedication_kind": "love"}, "dedication_kind", "honour"),
    ],
)
def test_bad_input_gets_a_sentence_and_nothing_is_begun(
    desk: Desk, typed: dict[str, str], field: str, says: str
) -> None:
    response = desk.give(**typed)
    assert response.status_code == 422
    errors = errors_on(response)
    assert list(errors) == [field]
    assert says in errors[field]
    assert desk.donations() == []
    assert desk.requests("POST") == []


@pytest.mark.parametrize("missing", ["currency", "fund", "frequency"])
def test_missing_choice_is_not_filled_in(desk: Desk, missing: str) -> None:
    form = desk.filled()
    del form[missing]
    response = desk.visitor().post("/en/donate", data=form)
    assert response.status_code == 422
    assert list(errors_on(response)) == [missing]


def test_what_was_typed_is_kept(desk: Desk) -> None:
    page = desk.give(
        amount="1 000 000,50", currency="PLN", fund="families", newsletter="y", suggested="1000-EUR"
    ).text
    assert 'value="1 000 000,50"' in page
    assert '<option value="PLN" selected>' in page
    assert '<option value="families" selected>' in page
    assert chosen_tiles(page)[0] == "1000-EUR"
    assert "checked" in page[page.index('id="newsletter"') - 20 :]


def test_limits_are_written_in_the_visitors_language(desk: Desk) -> None:
    assert "10\u00a0000\u00a0€" in desk.give("be", amount="99999").text


def test_typed_amount_wins_over_a_suggested_one(desk: Desk) -> None:
    desk.start(amount="33,10", suggested="2500-EUR")
    assert desk.donation().amount_minor == 3_310


@pytest.mark.parametrize(
    "sent",
    [
        {"suggested": "10000-PLN"},
        {"suggested-EUR": "2500-EUR", "suggested-PLN": "10000-PLN", "suggested-USD": "1000-USD"},
    ],
)
def test_suggested_amount_is_taken(desk: Desk, sent: dict[str, str]) -> None:
    desk.start(amount="", currency="PLN", **sent)
    assert (desk.donation().amount_minor, desk.donation().currency) == (10_000, "PLN")


def test_each_currency_keeps_its_own_choice(desk: Desk) -> None:
    page = desk.give(
        amount="", fund="", **{"suggested-EUR": "5000-EUR", "suggested-PLN": "4000-PLN"}
    )
    assert chosen_tiles(page.text)[:4] == ["5000-EUR", "2500-USD", "2000-GBP", "4000-PLN"]


def chosen_tiles(page: str) -> list[str]:
    return re.findall(r"<(\d+-[A-Z]{3}) [^>]* checked>", page)


# What an address may wish for


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ("?currency=PLN", '<option value="PLN" selected>'),
        ("?frequency=month", '<option value="month" selected>'),
        ("?currency=PLN&amount=200", "<20000-PLN zł\u00a0200 checked>"),
        ("?currency=PLN&amount=33.5", 'value="33.50"'),
        ("?currency=PLN&amount=33", 'value="33"'),
    ],
)
def test_address_may_fill_the_form_in(desk: Desk, asked: str, drawn: str) -> None:
    answer = desk.visitor().get(f"/en/donate{asked}")
    assert drawn in answer.text
    assert answer.headers["Cache-Control"].startswith("public")


def test_amount_of_the_address_is_written_in_the_visitors_language(desk: Desk) -> None:
    assert 'value="33,50"' in desk.visitor().get("/be/donate?currency=PLN&amount=33.5").text


@pytest.mark.parametrize(
    "asked",
    [
        "currency=XXX",
        "currency=JPY",
        "frequency=week",
        "amount=-5",
        "amount=1e3",
        "amount=25.555",
        "amount=1",
        "amount=1000000",
        "amount=%D9%A2%D9%A5",
        "amount=<b>",
        "fund=weapons",
        "campaign=../x",
        "campaign=%00",
        "website=x",
    ],
)
def test_what_an_address_may_not_wish_for_is_left_out(desk: Desk, asked: str) -> None:
    plain, wished = (desk.visitor().get(f"/en/donate?{query}") for query in ("", asked))
    assert (wished.status_code, wished.text) == (200, plain.text)


def test_campaign_that_there_is_not_is_forgotten(desk: Desk) -> None:
    known = Cause("children", "Bring them home", "en", "families")
    desk.app.extensions["vigil_causes"] = lambda slug, _language: {"children": known}.get(slug)
    page = desk.visitor().get("/en/donate?campaign=children").text
    assert '<option value="families" selected>' in page
    desk.start(campaign="children")
    desk.start(campaign="no-such")
    assert [donation.campaign for donation in desk.donations()] == ["children", ""]


# Frequency, fee, dedication


@pytest.mark.parametrize("frequency", ["month", "year"])
def test_gift_may_be_given_again_and_again(desk: Desk, frequency: str) -> None:
    desk.start(frequency=frequency, amount="12.50")
    recurring = desk.recurring()
    assert (recurring.frequency, recurring.amount_minor) == (frequency, 1_250)
    assert desk.donations() == []


@pytest.mark.parametrize(
    ("typed", "charged", "cover"),
    [
        ({}, 2_500, 0),
        ({"cover_fee": "y"}, 2_606, 106),  # (25 + 0.30) / 0.971
        ({"cover_fee": "y", "currency": "UAH", "amount": "500"}, 52_730, 2_730),
    ],
)
def test_donor_may_cover_the_fee(
    desk: Desk, typed: dict[str, str], charged: int, cover: int
) -> None:
    desk.start(**typed)
    donation = desk.donation()
    assert (donation.amount_minor, donation.fee_cover_minor) == (charged, cover)


def test_recurring_gift_costs_more_to_cover(desk: Desk) -> None:
    desk.start(cover_fee="y", frequency="month")
    assert desk.recurring().amount_minor == 2_625  # (25 + 0.30) / 0.964


def test_limits_are_those_of_the_gift_without_the_fee(desk: Desk) -> None:
    desk.start(cover_fee="y", amount="10000")
    assert desk.donation().amount_minor > 1_000_000
    assert "smallest gift" in errors_on(desk.give(cover_fee="y", amount="1.99"))["amount"]


def test_fee_beyond_what_stripe_takes_is_refused(open_desk: DeskOpener) -> None:
    desk = open_desk(
        currencies=("EUR", "HUF"),
        gift_limits=("HUF:800:900000",),
        fees=("*:20:0",),
        recurring_fee=9,
    )
    form = {"currency": "HUF", "amount": "900000", "frequency": "month", "cover_fee": "y"}
    assert "largest gift" in errors_on(desk.give(**form))["amount"]
    assert desk.give(**form | {"cover_fee": ""}).status_code == 303


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ({"dedication": "  Anna \t Petrova "}, {"kind": "honour", "name": "Anna   Petrova"}),
        ({"dedication": "\u0410.\u0421. \u041a.", "dedication_kind": "memory"}, {"kind": "memory"}),
        ({"dedication": "J.R.R. Tolkien"}, {"name": "J.R.R. Tolkien"}),
        ({"dedication": "", "dedication_kind": "memory"}, None),
        ({}, None),
    ],
)
def test_dedication_is_a_kind_and_a_name(
    desk: Desk, typed: dict[str, str], given: dict[str, str] | None
) -> None:
    desk.start(**typed)
    sealed = desk.donation().dedication
    assert (sealed is not None) is (given is not None)
    if given is not None and sealed:
        with desk.app.app_context():
            opened = desk.opener.open("donation.dedication", desk.donation().id, sealed)
        assert given.items() <= opened.items()


# Who should not pay


@pytest.mark.parametrize("also", [{}, {"amount": "0.01"}, {"form_token": "old"}, {"currency": ""}])
def test_who_is_at_risk_reads_what_to_do_and_nothing_is_begun(
    desk: Desk, also: dict[str, str]
) -> None:
    answer = desk.give(from_risk="yes", **also)
    assert (answer.status_code, answer.text) == (200, "risk")
    assert answer.headers["Cache-Control"] == "no-store"
    assert desk.donations() == []
    assert desk.requests("POST") == []


def test_the_way_back_brings_what_was_typed(desk: Desk) -> None:
    page = desk.give(from_risk="yes", back="y", amount="33,10", fund="families")
    assert (page.status_code, errors_on(page)) == (200, {})
    assert 'value="33,10"' in page.text
    assert '<option value="families" selected>' in page.text
    assert desk.donations() == []


def test_answer_no_goes_on(desk: Desk) -> None:
    desk.start(from_risk="no")
    assert desk.donation().state == State.OPEN


# Own limits


def test_own_limits_decide(open_desk: DeskOpener) -> None:
    desk = open_desk(gift_limits=("EUR:20:60",))
    assert "<1000-EUR" not in desk.visitor().get("/en/donate").text
    assert "The smallest gift here is €20." in errors_on(desk.give(amount="19.99"))["amount"]
    assert "The largest gift here is €60." in errors_on(desk.give(amount="61"))["amount"]
    assert "smallest" in errors_on(desk.give(amount="1", currency="USD"))["amount"]
    desk.start(amount="20")


def test_post_from_another_site_is_refused(desk: Desk) -> None:
    client = desk.app.test_client()
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/en/donate", data=desk.filled(), headers=headers).status_code == 403
    assert client.post("/en/donate", data=desk.filled()).status_code == 403
    assert desk.donations() == []


def test_forged_token_and_filled_trap_are_refused(desk: Desk) -> None:
    assert desk.give(form_token="made-up").status_code == 400
    assert desk.give(website="https://spam.example").status_code == 422
    assert desk.donations() == []


def test_every_fund_has_a_name(desk: Desk) -> None:
    page = desk.visitor().get("/en/donate").text
    for slug, name in FUNDS.items():
        assert f">{name}</option>" in page
        assert f'value="{slug}"' in page
