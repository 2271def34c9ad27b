"""Giving, as donors and staff go through it: monthly, by debit, sent back, and a donor's own page.

Single gifts by card are in test_journeys.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.test_journeys import begin_gift, pay_by_card
from tests.support.site import Site
from tests.unit.donate.giving.pdf import Pdf

PAYS, PAYS_TOO = "4242 4242 4242 4242", "5555 5555 5555 4444"
DECLINED, ASKS = "4000 0000 0000 0002", "4000 0025 0000 3155"
FROM_BELARUS = "4000 0011 2000 0005"
BANK_PAYS, BANK_FAILS = "DE08 3704 0044 0532 0130 03", "DE78 3704 0044 0532 0130 04"
BANK_TAKES = 180  # seconds by the stand-in's clock

on_sqlite = pytest.mark.parametrize("site", ["sqlite"], indirect=True)
with_script = pytest.mark.parametrize("context", [True], ids=["script"], indirect=True)


def begin_monthly(page: Page, address: str, amount: str) -> None:
    begin_gift(page, address, amount, "month")


def subjects(site: Site, address: str) -> list[str]:
    """What the mails to an address are about, in the order in which they came."""
    return [message.subject for message in site.mails_to(address)]


def at_stripe(site: Site, kind: str, address: str) -> list[dict[str, Any]]:
    """The charges or subscriptions of a payer at the stand-in, newest first."""
    ledger = site.stripe.account.ledger
    payers = {one["id"] for one in ledger.all("customer") if one["email"] == address}
    return [
        one
        for one in ledger.all(kind)
        if one["customer"] in payers or one.get("billing_details", {}).get("email") == address
    ]


def sign_in(page: Page, site: Site) -> None:
    """Through the staff's door."""
    page.goto("/staff/sign-in")
    page.locator("[name=name]").fill(site.instance.first.name)
    page.locator("[name=passphrase]").fill(site.instance.first.passphrase)
    page.locator("form#sign-in button[type=submit]").click()
    expect(page).to_have_url(re.compile("/staff/$"))


def private_link(site: Site, page: Page, address: str) -> str:
    """Ask for the link by "manage my giving"; the one that comes by mail."""
    before = len(site.mails_to(address))
    page.goto("/en/donate/manage")
    page.locator("form#ask [name=email]").fill(address)
    page.get_by_role("button", name="Send me the link").click()
    expect(page).to_have_url(re.compile("/en/donate/manage/sent"))
    mail = site.mail_to(address, before + 1)
    link = re.search(r"http://\S+/en/donate/manage/\S+", mail.text)
    assert mail.subject == "Your private link"
    assert link
    return link[0]


@with_script
def test_give_monthly(site: Site, page: Page, visitor: str) -> None:
    begin_monthly(page, visitor, "21.37")
    expect(page.locator("body")).to_contain_text("every month")
    pay_by_card(page, PAYS)
    expect(page.locator("h1")).to_have_text("Thank you: your gift has begun")
    expect(page.locator(".sum")).to_have_text("€21.37 each month")
    expect(page.locator("main")).to_contain_text("The next payment is on")
    mail = site.mail_to(visitor)
    assert "€21.37" in mail.text
    assert "Your monthly gift" in mail.text
    sign_in(page, site)
    page.goto("/staff/recurring")
    row = page.get_by_role("row").filter(has_text="€21.37")
    expect(row).to_have_count(1)
    expect(row.locator(".state")).to_have_text("running")
    row.get_by_role("link").click()
    expect(page.get_by_role("link", name=visitor)).to_be_visible()
    expect(page.locator("tbody tr").filter(has_text="€21.37")).to_contain_text("paid")
    assert subjects(site, visitor) == ["Thank you for your gift"]


def test_manage_a_monthly_gift(site: Site, page: Page, visitor: str) -> None:
    begin_monthly(page, visitor, "17")
    pay_by_card(page, PAYS)
    page.get_by_role("link", name="See or change my gifts").click()
    expect(page).to_have_url(re.compile("/en/donate/manage$"))
    site.mail_to(visitor)
    link = private_link(site, page, visitor)
    page.goto(link)
    change_card(page)
    page.goto(link)
    change_amount(page)
    (one,) = at_stripe(site, "subscription", visitor)
    assert one["items"]["data"][0]["price"]["unit_amount"] == 2300
    pause_and_resume(site, page, visitor)
    end_in_two_clicks(page)
    (one,) = at_stripe(site, "subscription", visitor)
    assert one["status"] == "canceled"
    site.mail_to(visitor, 6)
    told = "\n".join(message.text for message in site.mails_to(visitor)[2:])
    for words in ("you give €23.00", "€23.00 is paused", "€23.00 goes on", "ended, as you wished"):
        assert told.count(words) == 1, told
    assert len(site.mails_to(visitor)) == 6
    assert page.context.cookies() == []


def change_card(page: Page) -> None:
    """In Stripe's portal, and back from there."""
    expect(page.locator("h3")).to_have_text("€17.00 each month")
    page.get_by_role("button", name="Change the card").click()
    expect(page.locator("main")).to_contain_text("Card ending in 4242")
    page.locator("#change-card").click()
    form = page.locator("form#card-form")
    fields = {"name": "Dora Donor", "card": PAYS_TOO, "expiry": "11/35", "cvc": "321"}
    for name, value in fields.items():
        form.locator(f"[name={name}]").fill(value)
    form.locator("button").click()
    expect(page.locator("main")).to_contain_text("Card ending in 4444")
    page.locator("#return").click()
    expect(page.locator("h1")).to_have_text("You are back")


def change_amount(page: Page) -> None:
    """With a slip first."""
    page.locator("summary").filter(has_text="Change the amount").click()
    page.get_by_label("New amount in EUR").fill("0.001")
    page.get_by_role("button", name="Give this").click()
    expect(page.get_by_role("alert")).to_be_visible()
    amount = page.get_by_label("New amount in EUR")
    expect(amount).to_have_value("0.001")
    amount.fill("23")
    page.get_by_role("button", name="Give this").click()
    expect(page.get_by_role("status")).to_contain_text("The amount is changed")
    expect(page.locator("h3")).to_have_text("€23.00 each month")


def pause_and_resume(site: Site, page: Page, visitor: str) -> None:
    page.get_by_role("button", name="Pause it").click()
    expect(page.get_by_role("status")).to_contain_text("is paused")
    expect(page.get_by_text("Paused: nothing is charged")).to_be_visible()
    assert at_stripe(site, "subscription", visitor)[0]["pause_collection"]
    page.get_by_role("button", name="Let it go on").click()
    expect(page.get_by_role("status")).to_contain_text("goes on")
    assert not at_stripe(site, "subscription", visitor)[0]["pause_collection"]


def end_in_two_clicks(page: Page) -> None:
    """Nothing else has to be done or filled in."""
    page.get_by_role("link", name="End it").click()
    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_role("status")).to_contain_text("has ended")
    expect(page.locator("section.card").filter(has_text="€23.00")).to_contain_text("Ended on")
    expect(page.get_by_role("button", name="Pause it")).to_have_count(0)


@on_sqlite
@with_script
def test_a_stranger_is_told_the_same_and_mailed_nothing(
    site: Site, page: Page, visitor: str
) -> None:
    begin_gift(page, visitor, "18")
    pay_by_card(page, PAYS)
    site.mail_to(visitor)
    stranger = f"not-{visitor}"
    page.goto("/en/donate/manage")
    page.locator("form#ask [name=email]").fill(stranger)
    page.get_by_role("button", name="Send me the link").click()
    expect(page).to_have_url(re.compile("/en/donate/manage/sent"))
    said = page.locator("main").inner_text()
    private_link(site, page, visitor)  # was asked for later: the stranger's was dealt with
    assert page.locator("main").inner_text() == said
    assert site.mails_to(stranger) == []


@on_sqlite
@with_script
def test_a_statement_is_downloaded(site: Site, page: Page, visitor: str) -> None:
    begin_gift(page, visitor, "44.05")
    pay_by_card(page, PAYS)
    site.mail_to(visitor)
    page.goto(private_link(site, page, visitor))
    page.get_by_role("link", name="Statement for a year").click()
    form = page.locator("form#statement")
    form.locator("button[type=submit]").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter the name")
    form.locator("[name=name]").fill("Олена Ковальчук")
    form.locator("[name=address]").fill("вул. Хрещатик 1\nКиїв")
    with page.expect_download() as download:
        form.locator("button[type=submit]").click()
    assert download.value.suggested_filename == f"gifts-{datetime.now(UTC).year}.pdf"
    text = "\n".join(Pdf(download.value.path().read_bytes()).lines())
    for words in ("Олена Ковальчук", "Київ", "€44.05"):
        assert words in text


@on_sqlite
@with_script
def test_a_declined_card_then_a_monthly_gift(site: Site, page: Page, visitor: str) -> None:
    begin_monthly(page, visitor, "19")
    pay_by_card(page, DECLINED)
    expect(page.get_by_role("alert")).to_contain_text("declined")
    pay_by_card(page, PAYS)
    expect(page.locator("h1")).to_have_text("Thank you: your gift has begun")
    assert "€19.00" in site.mail_to(visitor).text
    assert [one["status"] for one in at_stripe(site, "charge", visitor)] == ["succeeded", "failed"]
    assert subjects(site, visitor) == ["Thank you for your gift"]


@on_sqlite
@with_script
def test_three_d_secure_refused_then_accepted(site: Site, page: Page, visitor: str) -> None:
    begin_monthly(page, visitor, "20")
    pay_by_card(page, ASKS)
    page.get_by_role("button", name="Fail authentication").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was charged")
    assert subjects(site, visitor) == []
    pay_by_card(page, ASKS)
    page.get_by_role("button", name="Complete authentication").click()
    expect(page.locator("h1")).to_have_text("Thank you: your gift has begun")
    assert "€20.00" in site.mail_to(visitor).text
    (one,) = at_stripe(site, "subscription", visitor)
    assert one["status"] == "active"
    assert subjects(site, visitor) == ["Thank you for your gift"]


@on_sqlite
@with_script
@pytest.mark.parametrize(
    ("iban", "heading", "subject", "action"),
    [
        (BANK_PAYS, "Thank you for your gift", "Thank you for your gift", "Make it monthly"),
        (
            BANK_FAILS,
            "The payment did not go through",
            "The payment did not go through",
            "Try again",
        ),
    ],
    ids=["pays", "fails"],
)
def test_a_bank_debit(
    site: Site, page: Page, visitor: str, iban: str, heading: str, subject: str, action: str
) -> None:
    begin_gift(page, visitor, "33.10")
    page.locator("[name=method][value=sepa_debit]").check()
    page.locator("form#pay [name=iban]").fill(iban)
    page.locator("form#pay button[type=submit]").click()
    expect(page.locator("h1")).to_have_text("Your gift is being confirmed")
    assert site.mail_to(visitor).subject == "Your gift is being confirmed"
    page.get_by_role("link", name="Look again").click()
    expect(page.locator("h1")).to_have_text("Your gift is being confirmed")
    requests.post(
        f"{site.stripe.url}/_test/clock", json={"advance": BANK_TAKES}, timeout=10
    ).raise_for_status()
    mail = site.mail_to(visitor, 2)  # by the webhook: nobody looks at the page meanwhile
    assert mail.subject == subject
    assert "€33.10" in mail.text
    page.get_by_role("link", name="Look again").click()
    expect(page.locator("h1")).to_have_text(heading)
    page.get_by_role("link", name=action).click()
    expect(page.locator("[name=amount]")).to_have_value("33.10")
    assert len(site.mails_to(visitor)) == 2


@on_sqlite
@with_script
def test_coming_back_without_paying(site: Site, page: Page, visitor: str) -> None:
    begin_monthly(page, visitor, "22")
    page.get_by_role("link", name="Cancel and go back").click()
    expect(page).to_have_url(re.compile("/en/donate/cancelled"))
    expect(page.locator("h1")).to_have_text("Nothing was charged")
    expect(page.get_by_role("link", name="Give by bank transfer")).to_be_visible()
    page.get_by_role("link", name="Back to the gift").click()
    expect(page.locator("form#donate")).to_be_visible()
    assert at_stripe(site, "charge", visitor) == []
    assert subjects(site, visitor) == []


@on_sqlite
@with_script
@pytest.mark.parametrize("frequency", ["once", "month"])
def test_a_gift_by_a_card_from_belarus_goes_back(
    site: Site, page: Page, visitor: str, frequency: str
) -> None:
    begin_gift(page, visitor, "52", frequency)
    pay_by_card(page, FROM_BELARUS)
    expect(page.locator("h1")).to_have_text("We are sending your gift back")
    expect(page.locator("main")).not_to_contain_text("statement will show")
    mail = site.mail_to(visitor)
    assert mail.subject == "We are sending your gift back"
    assert "€52.00" in mail.text
    assert "Country of the card: Belarus." in mail.text
    (charge,) = site.wait_for(
        lambda: [one for one in at_stripe(site, "charge", visitor) if one["refunded"]],
        "refund by the worker",
    )
    assert charge["amount_refunded"] == 5200
    if frequency == "month":
        site.wait_for(
            lambda: at_stripe(site, "subscription", visitor)[0]["status"] == "canceled",
            "end of the subscription by the worker",
        )
        site.mail_to(visitor, 2)
    assert "Thank you for your gift" not in subjects(site, visitor)


@on_sqlite
@with_script
def test_staff_give_a_gift_back(site: Site, page: Page, visitor: str) -> None:
    begin_gift(page, visitor, "45.67")
    pay_by_card(page, PAYS)
    site.mail_to(visitor)
    sign_in(page, site)
    page.goto("/staff/donations")
    page.get_by_role("link", name="€45.67").click()
    form = page.locator("#refund form")
    expect(form.locator("[name=amount]")).to_have_value("45.67")
    form.locator("[name=amount]").fill("45.68")
    form.locator("[name=reason][value=donor-asked]").check()
    form.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("€45.67")
    form.locator("[name=amount]").fill("45.67")
    form.get_by_role("button").click()
    expect(page.get_by_text("The refund is on its way to Stripe.")).to_be_visible()
    mail = site.mail_to(visitor, 2)
    assert mail.subject == "A refund is on its way to you"
    assert "€45.67" in mail.text
    (charge,) = at_stripe(site, "charge", visitor)
    assert (charge["refunded"], charge["amount_refunded"]) == (True, 4567)
    page.reload()
    expect(page.locator("section").filter(has_text="Refunds")).to_contain_text("€45.67")
    expect(page.locator("#refund")).to_have_count(0)
    page.goto(private_link(site, page, visitor))
    expect(page.locator(".ledger li")).to_contain_text("€45.67 went back to you")
