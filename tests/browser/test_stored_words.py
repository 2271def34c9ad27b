"""Words that would be markup or script: kept as they were typed, and shown as words everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_journeys import begin_gift, confirm_by_mail
from tests.support.site import Site

HOSTILE = (
    '"><img src=x onerror=alert(1)><script>alert(2)</script><svg/onload=alert(3)>'
    "{{7*7}}'-alert(4)-'<!--</title></textarea>"
)
PLANTED = "img[src=x], svg[onload], script:not([src]), main title, base, [onerror], [onload]"
PERSON = "a[href^='/staff/contacts/']:not([href*=find])"
STAFF_PAGES = [
    "/staff/", "/staff/contacts", "/staff/volunteers", "/staff/volunteers?state=new",
    "/staff/donations", "/staff/audit", "/staff/mail", "/staff/team", "/staff/account",
]  # fmt: skip


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A page with script; what a planted one does is noticed."""
    context = browser.new_context(base_url=site.url)
    made, noticed = context.new_page(), []
    context.on("dialog", lambda dialog: (noticed.append(dialog.message), dialog.dismiss()))
    context.on(
        "console",
        lambda message: (
            noticed.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield made
    context.close()
    assert noticed == []


def look(page: Page, address: str) -> str:
    """Open a page; nothing on it may have come from what people typed but words."""
    answer = page.goto(address)
    assert answer, address
    assert answer.status < 500, address
    assert page.locator(PLANTED).count() == 0, address
    assert "{{7*7}}" in HOSTILE
    assert "49'-alert" not in page.content()
    return page.locator("body").inner_text()


def fill_all(page: Page, form: str, **values: str) -> None:
    """Type the hostile words into each field of words, and what is needed into the others."""
    fields = page.locator(f"form#{form} :is(input[type=text], textarea)")
    for number in range(fields.count()):
        one = fields.nth(number)
        if one.get_attribute("name") not in {"website", *values}:
            one.fill(HOSTILE)
    for name, value in values.items():
        one = page.locator(f"form#{form} [name={name}]").first
        if one.evaluate("field => field.tagName") == "SELECT":
            one.select_option(value)
        else:
            one.fill(value)
    page.locator(f"form#{form} [name=consent]").check()
    page.locator(f"form#{form} button[type=submit]").click()


def test_words_stay_words(site: Site, page: Page, visitor: str) -> None:
    page.goto("/en/petitions/bring-the-children-home")
    fill_all(page, "sign", email=visitor, country="LT")
    expect(page).to_have_url(re.compile("/check-inbox"))
    confirm_by_mail(site, page, visitor)
    page.goto("/en/volunteer")
    more = {"phone": "+370 612 34567", "country": "LT", "availability": "weekly"}
    fill_all(page, "volunteer", email=visitor, **more)
    expect(page).to_have_url(re.compile("/check-inbox"))
    confirm_by_mail(site, page, visitor, 2)
    _sign_in(site, page)
    for address in STAFF_PAGES:
        look(page, address)
    assert HOSTILE in look(page, "/staff/contacts")
    person = page.locator(PERSON).first.get_attribute("href") or ""
    assert look(page, person).count(HOSTILE) >= 3
    page.goto("/staff/contacts")
    page.locator("form[action*='search'] [name=email]").fill(visitor)
    page.locator("form[action*='search'] button").click()
    expect(page.locator("h1")).not_to_have_text("Contacts")
    assert page.locator(PLANTED).count() == 0


def test_what_is_told_again_after_a_mistake_is_words(page: Page) -> None:
    for address, form in (
        ("/en/volunteer", "volunteer"),
        ("/uk/petitions/bring-the-children-home", "sign"),
    ):
        page.goto(address)
        fill_all(page, form, email="no address")
        expect(page.locator("[role=alert]")).to_be_visible()
        assert page.locator(PLANTED).count() == 0
        expect(page.locator(f"form#{form} [name=name]")).to_have_value(HOSTILE)


def test_names_that_donors_give_to_stripe_are_words(site: Site, page: Page, visitor: str) -> None:
    begin_gift(page, visitor)
    page.locator("form#pay [name=name]").fill(HOSTILE)
    for name, value in (("card", "4242424242424242"), ("expiry", "12 / 40"), ("cvc", "123")):
        page.locator(f"form#pay [name={name}]").fill(value)
    page.locator("form#pay button[type=submit]").first.click()
    expect(page).to_have_url(re.compile("/donate/thanks"))
    assert HOSTILE not in site.mail_to(visitor).text
    _sign_in(site, page)
    look(page, "/staff/donations")
    gift = page.locator("a[href^='/staff/donations/']:not([href$=new])").first
    assert HOSTILE in look(page, gift.get_attribute("href") or "")


def _sign_in(site: Site, page: Page) -> None:
    page.goto("/staff/sign-in")
    page.locator("[name=name]").fill(site.instance.first.name)
    page.locator("[name=passphrase]").fill(site.instance.first.passphrase)
    page.locator("form#sign-in button[type=submit]").click()
    expect(page).not_to_have_url(re.compile("sign-in"))
