"""axe finds nothing on any page (WCAG 2.2 AA), light and dark, small and large."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_giving_journeys import PAYS, private_link
from tests.browser.test_journeys import begin_gift, pay_by_card, sign
from tests.support.site import Site

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PUBLIC = (
    "/",
    "/campaigns/stolen-childhood",
    "/campaigns/women-behind-bars",
    "/petitions/bring-the-children-home",
    "/petitions/bring-the-children-home/thanks",
    "/volunteer",
    "/volunteer/thanks",
    "/donate",
    "/donate/thanks",
    "/donate/cancelled",
    "/donate/transfer",
    "/donate/manage",
    "/donate/manage/sent",
    "/donate/manage/back",
    "/donate/manage/unknown",
    "/check-inbox",
    "/confirm/unknown",
    "/privacy",
    "/accessibility",
    "/imprint",
    "/nothing-here",
)
STAFF = (
    "/staff/",
    "/staff/contacts",
    "/staff/volunteers",
    "/staff/donations",
    "/staff/donations/new",
    "/staff/recurring",
    "/staff/giving",
    "/staff/mail",
    "/staff/audit",
    "/staff/account",
    "/staff/second-factor",
    "/staff/team",
)
# Of these lists the first entry, too.
ENTRIES = (
    ("/staff/donations", "main a.sum-of"),
    ("/staff/recurring", "main a.sum-of"),
    ("/staff/contacts", "main a[href*='/staff/contacts/']"),
)
LOOKS = [("en", 1280, "light"), ("uk", 360, "light"), ("be", 360, "dark")]


def faults(page: Page) -> list[str]:
    """What axe finds, a line each."""
    # Our policy forbids scripts from elsewhere; axe comes in through the debugger instead.
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{page.url}: {v['id']}: {v['nodes'][0]['html'][:120]}" for v in found]


@pytest.fixture(scope="module")
def axe_site(site: Site) -> Site:
    """One database will do: the pages are the same."""
    if site.instance.engine != "sqlite":
        pytest.skip("looked at on SQLite")
    return site


@pytest.mark.parametrize(("language", "width", "scheme"), LOOKS)
def test_public_pages(
    browser: Browser, axe_site: Site, language: str, width: int, scheme: str
) -> None:
    context = browser.new_context(
        base_url=axe_site.url, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page, found = context.new_page(), []
    for path in PUBLIC:
        page.goto(f"/{language}{path}")
        found += faults(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{page.url}: wider than {width}")
    for path, form in (
        ("/volunteer", "volunteer"),
        ("/donate/manage", "ask"),
        ("/donate/transfer", "transfer"),
        ("/donate", "donate"),
    ):
        page.goto(f"/{language}{path}")
        if form == "donate":
            page.locator("[name=amount]").fill("0")
        page.locator(f"form#{form} button[type=submit]").click()
        expect(page.get_by_role("alert")).to_be_visible()
        found += faults(page)
    page.locator("[name=from_risk][value=yes]").check()
    page.locator("form#donate button[type=submit]").click()
    expect(page.locator("button[name=back]")).to_be_visible()
    found += faults(page)
    context.close()
    assert found == []


@pytest.fixture(scope="module")
def giver(browser: Browser, axe_site: Site) -> tuple[str, str]:
    """The thank-you page and the private page of somebody who gives each month."""
    address = "axe-giver@example.org"
    context = browser.new_context(base_url=axe_site.url)
    page = context.new_page()
    begin_gift(page, address, "27", "month")
    pay_by_card(page, PAYS)
    expect(page.locator("h1")).to_contain_text("Thank you")
    thanked = page.url
    axe_site.mail_to(address)
    link = private_link(axe_site, page, address)
    context.close()
    return thanked, link


@pytest.mark.parametrize(("language", "width", "scheme"), LOOKS)
def test_pages_of_one_giver(
    browser: Browser,
    axe_site: Site,
    giver: tuple[str, str],
    language: str,
    width: int,
    scheme: str,
) -> None:
    context = browser.new_context(
        base_url=axe_site.url, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page, found = context.new_page(), []

    def look() -> None:
        found.extend(faults(page))
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{page.url}: wider than {width}")

    thanks, link = (address.replace("/en/", f"/{language}/") for address in giver)
    page.goto(thanks)
    look()
    page.goto(link)
    expect(page.locator("h3")).to_be_visible()
    page.locator("details.more summary").click()
    look()
    page.locator("details.more button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look()
    page.locator("form#statement button").click()
    expect(page.locator("form#statement [role=alert]")).to_be_visible()
    look()
    page.locator(".deeds a[href$='/cancel']").click()
    expect(page.locator("form#cancel")).to_be_visible()
    look()
    page.goto(f"/{language}/donate/transfer")
    page.locator("[name=amount]").fill("12")
    page.locator("form#transfer button").click()
    expect(page.locator("main dl strong")).to_be_visible()
    look()
    context.close()
    assert found == []


@pytest.fixture(scope="module")
def signer(browser: Browser, axe_site: Site) -> None:
    """Somebody who signed, so that staff have a contact."""
    context = browser.new_context(base_url=axe_site.url)
    sign(axe_site, context.new_page(), "axe-signer@example.org")
    context.close()


@pytest.mark.usefixtures("giver", "signer")
@pytest.mark.parametrize(("language", "width", "scheme"), LOOKS)
def test_staff_pages(
    browser: Browser, axe_site: Site, language: str, width: int, scheme: str
) -> None:
    context = browser.new_context(
        base_url=axe_site.url,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        locale=language,
    )
    page = context.new_page()
    page.goto("/staff/sign-in")
    found = faults(page)
    first = axe_site.instance.first
    page.locator("[name=name]").fill(first.name)
    page.locator("[name=passphrase]").fill(first.passphrase)
    page.locator("form#sign-in button[type=submit]").click()
    expect(page).to_have_url(re.compile("/staff/$"))
    for path in STAFF:
        page.goto(path)
        found += faults(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{page.url}: wider than {width}")
    for path, entry in ENTRIES:
        page.goto(path)
        page.goto(page.locator(entry).first.get_attribute("href") or "")
        found += faults(page)
    context.close()
    assert found == []


def test_pages_of_the_stand_in(browser: Browser, axe_site: Site) -> None:
    context = browser.new_context(base_url=axe_site.url)
    page = context.new_page()
    page.goto("/en/donate")
    page.locator("[name=amount]").fill("12")
    page.locator("form#donate button[type=submit]").click()
    expect(page.locator("form#pay")).to_be_visible()
    found = faults(page)
    page.goto(axe_site.stripe.url)
    found += faults(page)
    context.close()
    assert found == []
