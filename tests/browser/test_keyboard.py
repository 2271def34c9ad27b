"""The journeys once more with the keyboard alone, and the pages at 400 % on a small screen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_axe import PUBLIC, STAFF
from tests.browser.test_journeys import confirm_by_mail
from tests.support.site import Site

MOST_STOPS = 60
WHERE = """() => {
  const here = document.activeElement, box = here.getBoundingClientRect()
  const drawn = [here, here.nextElementSibling].some(
    one => one && getComputedStyle(one).outlineStyle !== 'none')
  const seen = box.bottom > 0 && box.top < innerHeight
  return {drawn, seen, element: here.outerHTML.slice(0, 99)}
}"""


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus; each stop on the way is drawn and in view."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(WHERE)
        assert (stop["drawn"], stop["seen"]) == (True, True), stop["element"]
        if page.locator(f"{selector}:focus").count():
            return
    raise AssertionError(f"{selector} is not reached")


def fill(page: Page, **values: str) -> None:
    """Fill in fields in their order, by typing; a blank ticks."""
    for name, value in values.items():
        tab_to(page, f"[name={name}]")
        page.keyboard.type(value)


def test_sign_by_keyboard(site: Site, page: Page, visitor: str) -> None:
    page.goto("/en/petitions/bring-the-children-home")
    fill(page, name="Ada", email=visitor, country="Lithuania", consent=" ")
    tab_to(page, "form#sign button")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/en/check-inbox"))
    confirm_by_mail(site, page, visitor)
    expect(page).to_have_url(re.compile("/thanks"))


def test_errors_take_the_focus_and_lead_to_the_field(page: Page) -> None:
    page.goto("/en/petitions/bring-the-children-home")
    tab_to(page, "form#sign button")
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#answer a").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[name=name]")).to_be_focused()
    page.keyboard.type("Ada")
    expect(page.locator("[name=name]")).to_have_value("Ada")


def test_volunteer_by_keyboard(page: Page, visitor: str) -> None:
    page.goto("/en/volunteer")
    fill(page, name="Vera", email=visitor, country="Poland", languages="Polish", skills=" ")
    fill(page, consent=" ")
    tab_to(page, "form#volunteer button")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/en/check-inbox"))


def test_give_by_keyboard(site: Site, page: Page) -> None:
    page.goto("/en/donate")
    tab_to(page, "[name=frequency]")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[name=frequency]:checked")).to_have_value("month")
    tab_to(page, "[name=currency]")
    page.keyboard.type("EUR")
    tab_to(page, "[name=suggested-EUR]")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[name=suggested-EUR]:checked")).to_have_value("5000-EUR")
    tab_to(page, "form#donate button")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(site.stripe.url)))


def sign_in(page: Page, site: Site) -> None:
    """Through the staff's door, by keyboard."""
    page.goto("/staff/sign-in")
    fill(page, name=site.instance.first.name, passphrase=site.instance.first.passphrase)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/staff/$"))


def test_staff_by_keyboard(site: Site, page: Page, visitor: str) -> None:
    test_volunteer_by_keyboard(page, visitor)
    confirm_by_mail(site, page, visitor)
    sign_in(page, site)
    tab_to(page, "nav a[href='/staff/contacts']")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Contacts")
    fill(page, email=visitor)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Vera")
    tab_to(page, "[name=state]")
    page.keyboard.press(" ")
    fill(page, note="Called.")
    tab_to(page, "form button:has-text('Change the state')")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("contacted")
    expect(page.get_by_text("Called.")).to_be_visible()
    page.goto("/staff/contacts?kind=volunteer&state=contacted")
    tab_to(page, "[name=file]")
    page.keyboard.press("ArrowDown")
    tab_to(page, ".export button")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert visitor in download.value.path().read_text("utf-8")


@pytest.mark.parametrize("language", ["en", "uk", "be"])
def test_pages_reflow_at_400_percent(browser: Browser, site: Site, language: str) -> None:
    """WCAG 1.4.10: 1280 pixels at 400 % are 320."""
    if site.instance.engine != "sqlite":
        pytest.skip("looked at on SQLite")
    context = browser.new_context(
        base_url=site.url, viewport={"width": 320, "height": 256}, locale=language
    )
    page, found = context.new_page(), []
    sign_in(page, site)
    for path in (*(f"/{language}{path}" for path in PUBLIC), *STAFF):
        page.goto(path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(page.url)
    context.close()
    assert found == []


def test_a_typed_amount_takes_the_mark_from_the_suggested_one(page: Page) -> None:
    page.goto("/en/donate")
    tile = page.locator("[name^=suggested]:checked + span").locator("visible=true")
    colour = "one => getComputedStyle(one).backgroundColor"
    marked = tile.evaluate(colour)
    page.locator("[name=amount]").fill("12")
    assert tile.evaluate(colour) != marked
    expect(page.get_by_label("Other amount")).to_have_accessible_description(
        "What you type here counts instead of the choice above."
    )
