"""The journeys, as people make them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.site import Site

PETITION = "/uk/petitions/bring-the-children-home"


def confirm_by_mail(site: Site, page: Page, address: str, count: int = 1) -> None:
    """Follow the link in the mail that came as the count-th and press the button."""
    link = re.search(r"http://\S+/confirm/\S+", site.mail_to(address, count).text)
    assert link
    page.goto(link[0])
    page.locator("form#confirm button").click()
    expect(page).to_have_url(re.compile("/thanks"))


def sign(site: Site, page: Page, address: str) -> None:
    """Sign the petition and confirm it."""
    page.goto(PETITION)
    form = page.locator("form#sign")
    form.locator("[name=name]").fill("Олена Ковальчук")
    form.locator("[name=email]").fill(address)
    form.locator("[name=country]").select_option("UA")
    form.locator("[name=consent]").check()
    form.locator("button[type=submit]").click()
    expect(page).to_have_url(re.compile("/uk/check-inbox"))
    confirm_by_mail(site, page, address)
    expect(page).to_have_url(re.compile(f"{PETITION}/thanks"))


def test_sign(site: Site, page: Page, visitor: str) -> None:
    sign(site, page, visitor)
    assert page.context.cookies() == []


def test_a_mistake_is_told_and_what_was_typed_stays(page: Page, visitor: str) -> None:
    page.goto(PETITION)
    page.locator("[name=name]").fill("Олена")
    page.locator("[name=email]").fill("olena@")
    page.locator("form#sign button[type=submit]").click()
    expect(page.locator("[role=alert]")).to_be_visible()
    expect(page.locator("[name=name]")).to_have_value("Олена")
    email = page.locator("[name=email]")
    expect(email).to_have_attribute("aria-invalid", "true")
    described = email.get_attribute("aria-describedby") or ""
    assert any(page.locator(f"#{part}.error").count() for part in described.split())


def test_volunteer(site: Site, page: Page, visitor: str) -> None:
    page.goto("/be/volunteer")
    form = page.locator("form#volunteer")
    form.locator("[name=name]").fill("Ганна")
    form.locator("[name=email]").fill(visitor)
    form.locator("[name=phone]").fill("+370 612 34567")
    form.locator("[name=country]").select_option("LT")
    form.locator("[name=languages]").fill("беларуская, літоўская")
    form.locator("[name=skills]").nth(0).check()
    form.locator("[name=availability]").select_option("weekly")
    form.locator("[name=message]").fill("Магу пачаць у сакавіку.")
    form.locator("[name=consent]").check()
    form.locator("button[type=submit]").click()
    expect(page).to_have_url(re.compile("/be/check-inbox"))
    confirm_by_mail(site, page, visitor)
    expect(page).to_have_url(re.compile("/be/volunteer/thanks"))


def begin_gift(page: Page, address: str, amount: str = "25", frequency: str = "once") -> None:
    """From our page to the payment page, filled in but for the card."""
    page.goto("/en/donate")
    form = page.locator("form#donate")
    form.locator(f"[name=frequency][value={frequency}]").check()
    form.locator("[name=amount]").fill(amount)
    form.locator("[name=currency]").select_option("EUR")
    form.locator("[name=fund]").select_option("legal-help")
    form.locator("button[type=submit]").click()
    pay = page.locator("form#pay")
    pay.locator("[name=email]").fill(address)
    pay.locator("[name=name]").fill("Dora Donor")


def pay_by_card(page: Page, number: str) -> None:
    """Fill the card in and pay."""
    pay = page.locator("form#pay")
    for name, value in (("card", number), ("expiry", "12/34"), ("cvc", "123")):
        pay.locator(f"[name={name}]").fill(value)
    pay.locator("button[type=submit]").first.click()


def test_give(site: Site, page: Page, visitor: str) -> None:
    begin_gift(page, visitor)
    pay_by_card(page, "4242 4242 4242 4242")
    expect(page).to_have_url(re.compile(r"/en/donate/thanks\?session_id=cs_test_"))
    expect(page.locator("h1")).to_contain_text("Thank you")
    mail = site.mail_to(visitor)
    assert "25" in mail.text
    assert page.context.cookies(site.url) == []


def test_give_once_then_monthly(site: Site, page: Page, visitor: str) -> None:
    begin_gift(page, visitor, "31")
    pay_by_card(page, "4242 4242 4242 4242")
    page.get_by_role("link", name="Make it monthly").click()
    expect(page.locator("[name=frequency]:checked")).to_have_value("month")
    expect(page.locator("[name=amount]")).to_have_value("31")
    expect(page.locator("[name=currency]")).to_have_value("EUR")
    expect(page.locator("[name=fund]")).to_have_value("legal-help")
    page.locator("form#donate button[type=submit]").click()
    page.locator("form#pay [name=email]").fill(visitor)
    page.locator("form#pay [name=name]").fill("Dora Donor")
    pay_by_card(page, "4242 4242 4242 4242")
    expect(page.locator("h1")).to_contain_text("your gift has begun")
    assert "31" in site.mail_to(visitor, 2).text


def test_the_amounts_follow_the_currency(page: Page) -> None:
    page.goto("/en/donate")
    page.locator("[name=currency]").select_option("PLN")
    for value, is_seen in (("10000-PLN", True), ("2500-USD", False)):
        expect(page.locator(f"[value='{value}'] + span")).to_be_visible(visible=is_seen)
    page.locator("form#donate button[type=submit]").click()
    expect(page.locator("form#pay")).to_be_visible()
    expect(page.locator("body")).to_contain_text("100")


def test_a_card_from_there_is_not_begun(page: Page) -> None:
    page.goto("/en/donate")
    page.locator("[name=amount]").fill("44")
    page.locator("[name=from_risk][value=yes]").check()
    page.locator("form#donate button[type=submit]").click()
    expect(page.locator("h1")).to_have_text("Please do not pay with it")
    page.locator("button[name=back]").click()
    expect(page.locator("[name=amount]")).to_have_value("44")
    page.locator("[name=from_risk][value=no]").check()
    page.locator("form#donate button[type=submit]").click()
    expect(page.locator("form#pay")).to_be_visible()


def test_a_declined_card_may_be_followed_by_another(site: Site, page: Page, visitor: str) -> None:
    begin_gift(page, visitor)
    pay_by_card(page, "4000 0000 0000 0002")
    expect(page.get_by_role("alert")).to_contain_text("declined")
    assert not [m for m in site.mailbox.messages if visitor in m.to]
    page.locator("form#pay [name=email]").fill(visitor)
    pay_by_card(page, "4242 4242 4242 4242")
    expect(page.locator("h1")).to_contain_text("Thank you")
    assert site.mail_to(visitor)


@pytest.mark.parametrize(("button", "thanked"), [("Complete", True), ("Fail", False)])
def test_three_d_secure(site: Site, page: Page, visitor: str, button: str, thanked: bool) -> None:
    begin_gift(page, visitor)
    pay_by_card(page, "4000 0027 6000 3184")
    page.get_by_role("button", name=re.compile(button)).click()
    if thanked:
        expect(page.locator("h1")).to_contain_text("Thank you")
        assert site.mail_to(visitor)
    else:
        expect(page.locator("form#pay")).to_be_visible()
        assert not [m for m in site.mailbox.messages if visitor in m.to]


def test_turning_back_charges_nothing(page: Page, visitor: str) -> None:
    begin_gift(page, visitor)
    page.get_by_role("link", name=re.compile("ancel|back", re.I)).first.click()
    expect(page).to_have_url(re.compile("/en/donate/cancelled"))


def test_an_impossible_amount_is_told(page: Page) -> None:
    page.goto("/uk/donate")
    page.locator("[name=amount]").fill("0,001")
    page.locator("form#donate button[type=submit]").click()
    expect(page.locator("[role=alert]")).to_be_visible()
    expect(page.locator("[name=amount]")).to_have_value("0,001")


def test_the_language_can_be_changed_where_one_stands(page: Page) -> None:
    page.goto("/en/petitions/bring-the-children-home")
    page.locator("header summary").click()
    page.locator("header a[hreflang=be]").click()
    expect(page).to_have_url(re.compile("/be/petitions/bring-the-children-home"))
    expect(page.locator("html")).to_have_attribute("lang", "be")


def test_staff_see_all_three(site: Site, page: Page, visitor: str) -> None:
    """Sign, volunteer and give; then look from the other side."""
    names = {"signature": f"s-{visitor}", "volunteer": f"v-{visitor}", "gift": f"g-{visitor}"}
    sign(site, page, names["signature"])
    test_volunteer(site, page, names["volunteer"])
    test_give(site, page, names["gift"])
    first = site.instance.first
    page.goto("/staff/")
    page.locator("[name=name]").fill(first.name)
    page.locator("[name=passphrase]").fill(first.passphrase)
    page.locator("form#sign-in button[type=submit]").click()
    expect(page).to_have_url(re.compile("/staff/$"))
    page.goto("/staff/contacts")
    for address in names.values():
        expect(page.get_by_text(address, exact=True).first).to_be_visible()
    page.get_by_role("button", name=re.compile("Sign out")).first.click()
    expect(page).not_to_have_url(re.compile("contacts"))
    page.goto("/staff/contacts")
    expect(page.locator("form#sign-in")).to_be_visible()
