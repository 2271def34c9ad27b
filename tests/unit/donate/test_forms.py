"""The donate page: what it offers, and what it says to what cannot be taken."""

from __future__ import annotations

import pytest

from donate.funds import FUNDS
from tests.unit.donate.desk import Desk, errors_on


@pytest.fixture
def engine_name() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


def test_page_offers_amounts_in_every_currency(desk: Desk) -> None:
    page = desk.visitor().get("/en/donate").text
    assert "<2500-EUR €25 checked>" in page
    assert page.count("checked>") == 1
    for value in ("1000-EUR", "2500-USD", "2000-GBP", "10000-PLN", "50000-UAH"):
        assert f"<{value} " in page


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
        ({"frequency": "month"}, "frequency", "Monthly giving is not possible yet"),
        ({"frequency": ""}, "frequency", "Monthly"),
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
    assert "<1000-EUR €10 checked>" in page
    assert page.count("checked>") == 1
    assert "checked" in page[page.index('id="newsletter"') - 20 :]


def test_limits_are_written_in_the_visitors_language(desk: Desk) -> None:
    assert "10\u00a0000\u00a0€" in desk.give("be", amount="99999").text


def test_typed_amount_wins_over_a_suggested_one(desk: Desk) -> None:
    desk.start(amount="33,10", suggested="2500-EUR")
    assert desk.donation().amount_minor == 3_310


def test_suggested_amount_is_taken(desk: Desk) -> None:
    desk.start(amount="", suggested="10000-PLN", currency="PLN")
    assert (desk.donation().amount_minor, desk.donation().currency) == (10_000, "PLN")


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
