"""What the holder of a link does with a recurring gift: at Stripe, in our rows, in the mails."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.database import db
from contacts.models import PrivateLink
from donate.books.refunds import end_refused
from donate.gateway import gateway, init_gateway
from tests.support.instances import Instance
from tests.support.moments import NOW
from tests.unit.donate.giving.conftest import (
    MANAGE,
    PAYS,
    RENEWALS_FAIL,
    Giver,
    create_recurring,
    private_link,
    text_of,
)

DEEDS = ("card", "mend", "amount", "pause", "resume", "cancel")


@pytest.fixture
def monthly(giver: Giver) -> Giver:
    """Somebody with a monthly gift of 25 EUR, who has opened the private link."""
    giver.begin()
    giver.open_link()
    return giver


def failing(giver: Giver) -> Giver:
    """The same with a card that fails at the first renewal."""
    giver.begin(RENEWALS_FAIL)
    giver.open_link()
    giver.let_pass(32 * 86_400)
    giver.look()
    return giver


def changes(giver: Giver) -> list[str]:
    return sorted(mail.params["what"] for mail in giver.mails_of("recurring-changed"))


def test_pause_and_resume(monthly: Giver) -> None:
    answer = monthly.do("pause")
    assert (answer.status_code, answer.headers["Location"][-11:]) == (303, "?done=pause")
    assert monthly.at_stripe()["pause_collection"]
    assert (monthly.recurring().state, monthly.recurring().next_on) == ("paused", None)
    assert "Paused: nothing is charged" in text_of(monthly.get())
    assert changes(monthly) == ["paused"]
    assert monthly.do("resume").status_code == 303
    assert monthly.at_stripe()["pause_collection"] is None
    assert monthly.recurring().state == "active"
    assert changes(monthly) == ["paused", "resumed"]


def test_paused_gift_takes_no_money(monthly: Giver) -> None:
    monthly.do("pause")
    charges = len(monthly.stand_in.account.ledger.all("charge"))
    monthly.let_pass(65 * 86_400)
    assert len(monthly.stand_in.account.ledger.all("charge")) == charges


@pytest.mark.parametrize(
    ("currency", "typed", "minor"),
    [("EUR", "40,50", 4_050), ("EUR", "1 000", 100_000), ("JPY", "2000", 2_000)],
)
def test_another_amount_from_the_next_payment_on(
    instance: Instance, giver: Giver, currency: str, typed: str, minor: int
) -> None:
    app = instance.app(
        stripe_api_base=giver.stand_in.url, currencies=("EUR", "JPY"), default_currency="EUR"
    )
    giver.app.extensions["vigil_settings"] = app.extensions["vigil_settings"]
    giver.begin(amount="1500" if currency == "JPY" else "25", currency=currency)
    giver.open_link()
    answer = giver.do("amount", amount=typed)
    assert answer.status_code == 303, text_of(answer)
    one = giver.recurring()
    assert (one.amount_minor, one.currency, one.fee_cover_minor) == (minor, currency, 0)
    price = giver.at_stripe()["items"]["data"][0]["price"]
    assert (price["unit_amount"], price["currency"]) == (minor, currency.lower())
    assert price["recurring"]["interval"] == "month"
    assert changes(giver) == ["amount"]
    before = len(giver.stand_in.account.ledger.all("charge"))
    giver.let_pass(32 * 86_400)
    charges = giver.stand_in.account.ledger.all("charge")
    assert (len(charges), charges[0]["amount"]) == (before + 1, minor)


@pytest.mark.parametrize("typed", ["", "0", "-5", "0.5", "1.234.5", "abc", "1e9", "9" * 400])
def test_amount_that_we_do_not_take(monthly: Giver, typed: str) -> None:
    answer = monthly.do("amount", amount=typed)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert monthly.recurring().amount_minor == 2_500
    assert monthly.at_stripe()["items"]["data"][0]["price"]["unit_amount"] == 2_500
    assert changes(monthly) == []


def test_what_was_typed_is_not_put_into_the_page_as_html(monthly: Giver) -> None:
    answer = monthly.do("amount", amount='"><script>')
    assert answer.status_code == 422
    assert "<script" not in answer.text


def test_ended_in_two_clicks_without_a_reason(monthly: Giver) -> None:
    first = monthly.get(f"/{monthly.recurring().id}/cancel")
    assert first.status_code == 200
    assert first.text.count("<button") == 1
    assert "<input" not in first.text
    assert monthly.at_stripe()["status"] == "active"
    answer = monthly.do("cancel")
    assert (answer.status_code, answer.headers["Location"][-12:]) == (303, "?done=cancel")
    assert monthly.at_stripe()["status"] == "canceled"
    one = monthly.recurring()
    assert (one.state, one.end_reason, one.next_on) == ("ended", "donor", None)
    (mail,) = monthly.mails_of("recurring-ended")
    assert (mail.to, mail.params["reason"]) == (monthly.email, "donor")
    assert "Ended on" in text_of(monthly.get())


def test_third_click_does_nothing(monthly: Giver) -> None:
    monthly.do("cancel")
    asked = len(monthly.stand_in.app.extensions["request_log"])
    assert monthly.do("cancel").status_code == 303
    assert len(monthly.stand_in.app.extensions["request_log"]) == asked
    assert len(monthly.mails_of("recurring-ended")) == 1
    assert monthly.get(f"/{monthly.recurring().id}/cancel").status_code == 303


def test_end_that_stripe_does_not_hear_of_is_made_by_the_worker(monthly: Giver) -> None:
    with monthly.trouble():
        answer = monthly.do("cancel")
    assert answer.headers["Location"].endswith("?done=ending")
    page = text_of(monthly.get("?done=ending"))
    assert "Being ended" in page
    assert "end your recurring gift as soon as it does" in page
    assert monthly.mails_of("recurring-ended") == []
    db.session.rollback()
    end_refused(datetime.now(UTC))
    assert monthly.at_stripe()["status"] == "canceled"
    assert (monthly.recurring().state, monthly.recurring().end_reason) == ("ended", "donor")
    assert len(monthly.mails_of("recurring-ended")) == 1


@pytest.mark.parametrize("deed", ["card", "amount", "pause"])
@pytest.mark.parametrize("kind", ["500", "slow"])
def test_stripe_away_changes_nothing_here(monthly: Giver, deed: str, kind: Any) -> None:
    before = monthly.recurring().amount_minor, monthly.recurring().state
    with monthly.trouble(kind):
        answer = monthly.do(deed, amount="40")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "does not answer at the moment" in text_of(answer)
    assert "Recurring gifts" in text_of(answer)
    one = monthly.recurring()
    assert (one.amount_minor, one.state) == before
    assert changes(monthly) == []


def test_without_a_key_for_stripe_the_gifts_are_still_shown(monthly: Giver) -> None:
    chosen = monthly.app.extensions["vigil_settings"]
    off = chosen.model_copy(update={"stripe_secret_key": ""})
    init_gateway(monthly.app, off)
    assert monthly.get().status_code == 200
    assert monthly.do("pause").status_code == 503


def test_gift_that_has_ended_at_stripe_meanwhile(monthly: Giver) -> None:
    """Stripe refuses; the page then shows how it stands."""
    subscription_id = monthly.recurring().stripe_subscription_id or ""
    db.session.rollback()
    gateway().cancel(subscription_id)
    answer = monthly.do("pause")
    assert answer.status_code == 409
    assert "how it stands now" in text_of(answer)
    assert "Ended on" in text_of(answer)
    assert monthly.recurring().state == "ended"


def test_card_is_changed_on_stripes_pages(monthly: Giver) -> None:
    answer = monthly.do("card")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(monthly.stand_in.url)
    portal = monthly.at_stripe("billing_portal.session")
    assert portal["customer"] == monthly.recurring().stripe_customer_id
    assert portal["return_url"].endswith("/en/donate/manage/back")
    assert monthly.token not in str(monthly.stand_in.account.ledger.all("billing_portal.session"))
    assert "You are back" in text_of(monthly.client.get("/en/donate/manage/back"))


def test_failed_renewal_is_mended_on_stripes_invoice(giver: Giver) -> None:
    failing(giver)
    assert giver.recurring().state == "at-risk"
    page = text_of(giver.get())
    assert "The last payment did not go through" in page
    assert "Mend the payment" in page
    answer = giver.do("mend")
    assert answer.status_code == 303
    invoice = giver.at_stripe("invoice")
    assert answer.headers["Location"] == invoice["hosted_invoice_url"]


def test_nobody_is_led_to_an_invoice_that_is_not_at_stripe(giver: Giver) -> None:
    failing(giver)
    elsewhere = {"hosted_invoice_url": "https://invoice.stripe.com.example/i/1"}
    giver.stand_in.account.ledger.save(giver.at_stripe("invoice") | elsewhere)
    assert giver.do("mend").headers["Location"].endswith("?done=mend")


def test_mended_elsewhere_is_said_so(giver: Giver) -> None:
    failing(giver)
    invoice = giver.at_stripe("invoice")["hosted_invoice_url"]
    path = invoice.removeprefix(giver.stand_in.url)
    paid = {"card": PAYS, "expiry": "12 / 40", "cvc": "123", "method": "card"}
    paid |= {"name": "Canary Giver", "country": "PL"}
    assert giver.stand_in.app.test_client().post(path, data=paid).status_code == 303
    answer = giver.do("mend")
    assert answer.headers["Location"].endswith("?done=mend")
    assert giver.recurring().state == "active"


def test_gift_of_another_is_not_there(monthly: Giver, stranger_id: uuid.UUID) -> None:
    other = create_recurring(stranger_id)
    db.session.add(other)
    db.session.commit()
    asked = len(monthly.stand_in.app.extensions["request_log"])
    for deed in DEEDS:
        assert monthly.do(deed, other.id, amount="40").status_code == 404
    assert monthly.get(f"/{other.id}/cancel").status_code == 404
    assert monthly.do("pause", uuid.uuid4()).status_code == 404
    assert len(monthly.stand_in.app.extensions["request_log"]) == asked
    assert other.id.hex not in monthly.get().text.replace("-", "")


def test_link_that_has_run_out_changes_nothing(monthly: Giver) -> None:
    db.session.execute(db.update(PrivateLink).values(expires_at=NOW - timedelta(seconds=1)))
    db.session.commit()
    for deed in DEEDS:
        answer = monthly.do(deed, amount="40")
        assert answer.status_code == 410
        assert "Get another link" in text_of(answer)
    assert monthly.recurring().state == "active"


def test_post_of_another_site_is_refused(monthly: Giver) -> None:
    monthly.client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    for deed in DEEDS:
        assert monthly.do(deed).status_code == 403
    assert monthly.recurring().state == "active"


@pytest.mark.parametrize("deed", [deed for deed in DEEDS if deed != "cancel"])
def test_answer_that_is_loaded_again_leads_to_the_page(monthly: Giver, deed: str) -> None:
    answer = monthly.get(f"/{monthly.recurring().id}/{deed}")
    assert answer.headers["Location"].endswith(f"{MANAGE}/{monthly.token}")
    assert monthly.recurring().state == "active"


def test_button_of_an_old_page_only_shows_how_it_stands(monthly: Giver) -> None:
    asked = len(monthly.stand_in.app.extensions["request_log"])
    assert monthly.do("resume").headers["Location"].endswith(monthly.token)
    assert monthly.do("mend").status_code == 303
    assert len(monthly.stand_in.app.extensions["request_log"]) == asked


def test_each_gift_offers_what_can_be_done(giver: Giver, stranger_id: uuid.UUID) -> None:
    offers = {
        "active": {"amount", "pause", "card", "cancel"},
        "at-risk": {"mend", "card", "amount", "pause", "cancel"},
        "paused": {"resume", "amount", "card", "cancel"},
        "ended": set(),
    }
    giver.token = private_link(stranger_id)
    for state, deeds in offers.items():
        one = create_recurring(stranger_id, state=state)
        db.session.add(one)
        db.session.commit()
        page = giver.get().text
        assert {deed for deed in DEEDS if f"{one.id}/{deed}" in page} == deeds
    for given in ({"ends_on": NOW.date()}, {"end_reason": "staff"}):
        one = create_recurring(stranger_id, **given)
        db.session.add(one)
        db.session.commit()
        assert f"{one.id}/" not in giver.get().text
    one = create_recurring(stranger_id, stripe_customer_id=None)
    db.session.add(one)
    db.session.commit()
    assert f"{one.id}/card" not in giver.get().text
    assert f"{one.id}/pause" in giver.get().text


def test_page_that_was_never_paid_on_is_not_shown(giver: Giver, stranger_id: uuid.UUID) -> None:
    giver.token = private_link(stranger_id)
    for state in ("created", "open", "expired"):
        db.session.add(create_recurring(stranger_id, state=state))
    db.session.commit()
    assert "Recurring gifts" not in giver.get().text


def test_no_connection_is_held_while_stripe_is_asked(monthly: Giver) -> None:
    held: list[int] = []
    pool: Any = db.engine.pool
    recurring_id = monthly.recurring().id
    db.session.rollback()

    def look() -> None:
        held.append(pool.checkedout())

    monthly.stand_in.app.before_request_funcs.setdefault(None, []).append(look)
    for deed in ("pause", "resume", "amount", "card", "cancel"):
        assert monthly.do(deed, recurring_id, amount="40").status_code == 303
        db.session.rollback()
    assert set(held) == {0}
    assert len(held) >= 9


def test_quota(instance: Instance, monthly: Giver) -> None:
    app = instance.app(form_limit="2 per hour", stripe_api_base=monthly.stand_in.url)
    monthly.app.extensions["vigil_settings"] = app.extensions["vigil_settings"]
    states = [monthly.do(deed).status_code for deed in ("pause", "resume", "pause")]
    assert states == [303, 303, 429]
    assert monthly.recurring().state == "active"


def test_yearly_gift_keeps_its_rhythm(giver: Giver) -> None:
    giver.begin(frequency="year")
    giver.open_link()
    assert "each year" in text_of(giver.get())
    assert giver.do("amount", amount="90").status_code == 303
    price = giver.at_stripe()["items"]["data"][0]["price"]
    assert (price["recurring"]["interval"], price["unit_amount"]) == ("year", 9_000)


def test_nothing_personal_is_logged(monthly: Giver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    monthly.do("pause")
    with monthly.trouble():
        monthly.do("resume")
        monthly.do("cancel")
    assert "canary" not in caplog.text
    assert monthly.token not in caplog.text
